-- The row before the newest :n requests of log-list.sql.
SELECT id
FROM webhook_logs AS l
WHERE (:since IS NULL OR l.created_at >= :since)
  AND (:until IS NULL OR l.created_at < :until)
  AND (:statuses IS NULL OR instr(:statuses, ',' || l.status || ','))
ORDER BY id DESC
LIMIT 1 OFFSET :n;

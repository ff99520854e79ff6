-- How outbound messages ended: how many, and how many failed, by the week in
-- which they were made: 0 is the last :hours hours, the present one included,
-- 1 to 4 the same hours so many weeks before.
WITH RECURSIVE weeks (week, since, until) AS (
  SELECT 0, strftime('%Y-%m-%dT%H:00:00Z', :now, (1 - :hours) || ' hours'),
    strftime('%Y-%m-%dT%H:00:00Z', :now, '+1 hour')
  UNION ALL
  SELECT week + 1, strftime('%Y-%m-%dT%H:%M:%SZ', since, '-7 days'),
    strftime('%Y-%m-%dT%H:%M:%SZ', until, '-7 days')
  FROM weeks WHERE week < 4
)
SELECT week, count(*), sum(status IN ('failed', 'undelivered'))
FROM weeks CROSS JOIN messages INDEXED BY messages_created_idx
  ON created_at >= since AND created_at < until
  AND created_at <= :now AND direction <> 'inbound'
  AND status IN ('delivered', 'read', 'undelivered', 'failed')
GROUP BY week;

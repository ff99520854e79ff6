-- Requests in the webhook log since :since, how many of them were authentic
-- and taken in, and the most frequent result of the others.
WITH results AS (
  SELECT status, count(*) AS n
  FROM webhook_logs
  WHERE created_at >= :since AND created_at <= :now
  GROUP BY status
)
SELECT coalesce(sum(n), 0),
  coalesce(sum(n) FILTER (WHERE status = 'success'), 0),
  (SELECT status FROM results WHERE status <> 'success'
    ORDER BY n DESC, status LIMIT 1)
FROM results;

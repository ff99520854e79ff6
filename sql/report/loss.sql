-- Callbacks that were due and never came, by day and the status they would
-- have told, beside those of the day that came and changed something.
WITH lost AS (
  SELECT substr(hour, 1, 10) AS date, status, sum(n) AS n
  FROM lost_callbacks
  WHERE hour >= coalesce(:since, '') AND hour < coalesce(:until, '~')
  GROUP BY 1, 2
), came AS MATERIALIZED (
  SELECT substr(created_at, 1, 10) AS date, count(*) AS n
  FROM webhook_logs
  WHERE created_at >= coalesce(:since, '')
    AND created_at < coalesce(:until, '~')
    AND status = 'success' AND outcome = 'applied'
  GROUP BY 1
)
SELECT l.date, l.status, l.n AS lost, coalesce(c.n, 0) AS came_that_day
FROM lost AS l LEFT JOIN came AS c ON c.date = l.date
ORDER BY l.date DESC, l.status;

-- Seconds from the making of a message to its delivery, by day.
WITH taken AS MATERIALIZED (
  SELECT substr(created_at, 1, 10) AS date, max(0,
    strftime('%s', delivered_at) -
      strftime('%s', coalesce(send_at, created_at))) AS s, count(*) AS n
  FROM messages
  WHERE direction <> 'inbound' AND delivered_at IS NOT NULL
    AND created_at >= coalesce(:since, '')
    AND created_at < coalesce(:until, '~')
  GROUP BY 1, 2
), summed AS MATERIALIZED (
  SELECT date, s, n, sum(n) OVER (PARTITION BY date ORDER BY s) AS upto,
    sum(n) OVER (PARTITION BY date) AS whole
  FROM taken
)
SELECT date, max(whole) AS delivered,
  min(s) FILTER (WHERE upto >= (whole * 50 + 99) / 100) AS p50,
  min(s) FILTER (WHERE upto >= (whole * 95 + 99) / 100) AS p95,
  min(s) FILTER (WHERE upto >= (whole * 99 + 99) / 100) AS p99,
  max(s) AS slowest,
  round(100.0 * sum(n) FILTER (WHERE s <= 300) / max(whole), 2)
    AS within_5_minutes
FROM summed
GROUP BY date
ORDER BY date DESC;

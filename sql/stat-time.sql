-- Seconds from the making of a message, or from when it was due, to its
-- delivery, of those made since :since: 50, 95 and 99 of 100 of those that
-- were delivered took so many at most.
WITH taken AS MATERIALIZED (
  SELECT max(0, strftime('%s', delivered_at) -
    strftime('%s', coalesce(send_at, created_at))) AS v, count(*) AS n
  FROM messages
  WHERE created_at >= :since AND created_at <= :now
    AND direction <> 'inbound' AND delivered_at IS NOT NULL
  GROUP BY 1
), summed AS MATERIALIZED (
  SELECT v, sum(n) OVER (ORDER BY v) AS upto FROM taken
), p (percentile) AS (VALUES (50), (95), (99))
SELECT percentile, min(v)
FROM p JOIN summed
  ON upto >= ((SELECT sum(n) FROM taken) * percentile + 99) / 100
GROUP BY percentile;

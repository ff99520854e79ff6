-- Seconds from the first byte of a callback to its answer, since :since: 50,
-- 95 and 99 of 100 were answered within so many.
WITH taken AS MATERIALIZED (
  SELECT took_us AS v, count(*) AS n
  FROM webhook_logs
  WHERE created_at >= :since AND created_at <= :now
    AND status = 'success' AND took_us IS NOT NULL
  GROUP BY took_us
), summed AS MATERIALIZED (
  SELECT v, sum(n) OVER (ORDER BY v) AS upto FROM taken
), p (percentile) AS (VALUES (50), (95), (99))
SELECT percentile, min(v) / 1e6
FROM p JOIN summed
  ON upto >= ((SELECT sum(n) FROM taken) * percentile + 99) / 100
GROUP BY percentile;

-- Seconds from the first byte of a callback to its answer, since :since: the
-- half, 95 and 99 of 100 were answered within so many.
WITH ranked AS MATERIALIZED (
  SELECT took_us, row_number() OVER (ORDER BY took_us) AS i,
    count(*) OVER () AS n
  FROM webhook_logs
  WHERE created_at >= :since AND created_at <= :now
    AND status = 'success' AND took_us IS NOT NULL
), p (percentile) AS (VALUES (50), (95), (99))
SELECT percentile, took_us / 1e6
FROM ranked JOIN p ON i = (n * percentile + 99) / 100
ORDER BY percentile;

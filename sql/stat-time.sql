-- Seconds from the making of a message, or from when it was due, to its
-- delivery, of those made since :since: the half, 95 and 99 of 100 of those
-- that were delivered took so many at most.
WITH taken AS MATERIALIZED (
  SELECT strftime('%s', delivered_at) -
    strftime('%s', coalesce(send_at, created_at)) AS s
  FROM messages
  WHERE created_at >= :since AND created_at <= :now
    AND direction <> 'inbound' AND delivered_at IS NOT NULL
), ranked AS MATERIALIZED (
  SELECT max(s, 0) AS s, row_number() OVER (ORDER BY s) AS i,
    count(*) OVER () AS n
  FROM taken
), p (percentile) AS (VALUES (50), (95), (99))
SELECT percentile, s
FROM ranked JOIN p ON i = (n * percentile + 99) / 100
ORDER BY percentile;

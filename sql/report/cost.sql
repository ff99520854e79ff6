-- Segments and cost of each day and currency; unpriced ones are yet to be told.
SELECT substr(created_at, 1, 10) AS date, currency, count(*) AS messages,
  sum(segments) AS segments, round(sum(abs(price)), 6) AS cost,
  sum(price IS NULL) AS unpriced
FROM messages
WHERE direction <> 'inbound'
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY 1, 2
ORDER BY 1 DESC, 2;

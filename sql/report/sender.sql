-- How the messages of each sender fared.
SELECT coalesce(from_number, sender) AS sender, count(*) AS messages,
  sum(status IN ('delivered', 'read')) AS delivered,
  sum(status IN ('failed', 'undelivered')) AS failed,
  round(100.0 * sum(status IN ('delivered', 'read')) / nullif(
    sum(status IN ('delivered', 'read', 'failed', 'undelivered')), 0), 2)
    AS delivery_rate,
  count(DISTINCT error_code) AS error_codes,
  sum(segments) AS segments
FROM messages
WHERE direction <> 'inbound'
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY 1
ORDER BY messages DESC, 1;

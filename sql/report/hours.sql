-- How messages fared by the hour of the day, UTC, in which they were made.
SELECT substr(created_at, 12, 2) AS hour, count(*) AS messages,
  sum(status IN ('delivered', 'read')) AS delivered,
  sum(status IN ('failed', 'undelivered')) AS failed,
  round(100.0 * sum(status IN ('delivered', 'read')) / nullif(
    sum(status IN ('delivered', 'read', 'failed', 'undelivered')), 0), 2)
    AS delivery_rate
FROM messages
WHERE direction <> 'inbound'
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY 1
ORDER BY 1;

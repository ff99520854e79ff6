-- The health of each recipient, those who fail most first.
SELECT m.to_number AS recipient, count(*) AS messages,
  sum(status IN ('delivered', 'read')) AS delivered,
  sum(status IN ('failed', 'undelivered')) AS failed,
  round(100.0 * sum(status IN ('delivered', 'read')) / nullif(
    sum(status IN ('delivered', 'read', 'failed', 'undelivered')), 0), 2)
    AS delivery_rate,
  max(created_at) AS last_message, max(delivered_at) AS last_delivery,
  nullif(substr(max(CASE WHEN error_code IS NOT NULL
    THEN created_at || error_code ELSE '' END), 21), '') AS last_error,
  EXISTS (SELECT 1 FROM optouts AS o WHERE o.recipient = m.to_number)
    AS opted_out
FROM messages AS m
WHERE direction <> 'inbound' AND to_number IS NOT NULL
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY m.to_number
ORDER BY failed DESC, messages DESC, recipient;

-- The share of the requests in the webhook log since :since that were
-- authentic and taken in; null if there were none.
SELECT avg(status = 'success')
FROM webhook_logs
WHERE created_at >= :since AND created_at <= :now;

-- Requests in the webhook log since :since, by result.
SELECT status AS result, count(*)
FROM webhook_logs
WHERE created_at >= :since AND created_at <= :now
GROUP BY status;

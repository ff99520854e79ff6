-- The oldest :limit requests in the webhook log that came before :before.
DELETE FROM webhook_logs
WHERE id IN (SELECT id FROM webhook_logs WHERE created_at < :before
  ORDER BY created_at LIMIT :limit);

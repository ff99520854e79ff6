-- The number of the next batch, and what comes next where it may write.
SELECT coalesce((SELECT max(id) FROM batches), 0) + 1,
  coalesce((SELECT max(id) FROM message_delivery_status), 0) + 1,
  coalesce((SELECT max(id) FROM messages), 0) + 1,
  coalesce((SELECT max(id) FROM webhook_logs), 0) + 1;

-- What the message of row :id was told, and what came of it.  The lag is how
-- many seconds after it happened we knew.
SELECT at, created_at, strftime('%s', created_at) - strftime('%s', at),
  source, status, outcome, old_status, error_code
FROM message_delivery_status
WHERE message_id = :id
ORDER BY id;

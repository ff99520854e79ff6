-- What came with the request of row :id of the log; without :id, with the last
-- one whose signature was refused.
SELECT id, created_at, status, signature, host, target, params
FROM webhook_logs
WHERE id = coalesce(:id, (SELECT id FROM webhook_logs
  WHERE status = 'bad_signature' ORDER BY id DESC LIMIT 1));

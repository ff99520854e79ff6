-- The newest request, and whether the one of row :id is still there that came
-- at :at: where all were deleted, rows begin at 1 again.
SELECT id, created_at, EXISTS (
  SELECT 1 FROM webhook_logs WHERE id = :id AND created_at = :at)
FROM webhook_logs
ORDER BY id DESC
LIMIT 1;

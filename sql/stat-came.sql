-- When the last callback came that was authentic and taken in, in seconds
-- since 1970.  Replies come by the same door, but are none.
SELECT strftime('%s', created_at) + 0
FROM webhook_logs
WHERE status = 'success' AND created_at <= :now
  AND coalesce(source, '') <> 'reply'
ORDER BY created_at DESC
LIMIT 1;

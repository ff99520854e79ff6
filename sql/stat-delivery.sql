-- Of the outbound messages made since :since whose end is known, the share
-- that arrived; null if there are none.
SELECT avg(status IN ('delivered', 'read'))
FROM messages
WHERE created_at >= :since AND created_at <= :now
  AND direction <> 'inbound'
  AND status IN ('delivered', 'read', 'undelivered', 'failed');

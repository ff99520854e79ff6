-- Final messages that went between :since and :until and have no price yet, as
-- status records; never checked first, then by the last check.  One that was
-- checked waits until twice the time from its going to that check is over:
-- Twilio is asked ten times at most.  At most :limit; -1 is all.
SELECT twilio_message_sid, status, error_code, coalesce(delivered_at,
    failed_at, sent_at, updated_at),
  NULL, to_number, from_number, direction, segments, price, currency,
  ref, created_at, error_message, NULL
FROM messages INDEXED BY messages_unpriced_idx
WHERE price IS NULL AND twilio_message_sid IS NOT NULL
  AND (status IN ('delivered', 'undelivered')
    OR status IN ('failed', 'partially_delivered') OR status = 'read')
  AND coalesce(sent_at, send_at, created_at) > :since
  AND coalesce(sent_at, send_at, created_at) <= :until
  AND (checked_at IS NULL OR 2 * strftime('%s', checked_at)
    - strftime('%s', coalesce(sent_at, send_at, created_at)) <= :now)
ORDER BY checked_at, coalesce(sent_at, send_at, created_at)
LIMIT :limit;

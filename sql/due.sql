-- Open messages that Twilio was not asked about since :checked, as status
-- records, those checked longest ago first; a scheduled one from its time on.
-- At most :limit.  The statuses are those of messages_stuck_idx.
SELECT twilio_message_sid, status, error_code, coalesce(sent_at, updated_at),
  NULL, to_number, from_number, direction, segments, price, currency,
  ref, created_at, error_message, NULL
FROM messages INDEXED BY messages_stuck_idx
WHERE status IN ('scheduled', 'accepted', 'queued', 'sending', 'sent')
  AND (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled')
  AND (checked_at IS NULL OR checked_at <= :checked)
  AND (status <> 'scheduled' OR send_at IS NULL OR send_at <= :now)
  AND twilio_message_sid IS NOT NULL
ORDER BY checked_at, created_at
LIMIT :limit;

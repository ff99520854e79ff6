-- Messages that should have moved by now, as status records: made or, if they
-- were scheduled, due before :queued, or sent before :sent.  At most :limit; -1 is all.  The
-- statuses are those of messages_stuck_idx, which gives the order for nothing.
SELECT twilio_message_sid, status, error_code, coalesce(sent_at, updated_at),
  NULL, to_number, from_number, direction, segments, price, currency,
  ref, created_at, error_message, NULL
FROM messages INDEXED BY messages_stuck_idx
WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled')
  AND CASE status WHEN 'sent' THEN coalesce(sent_at, created_at) <= :sent
    WHEN 'scheduled' THEN coalesce(send_at, created_at) <= :queued
    ELSE created_at <= :queued END
  AND twilio_message_sid IS NOT NULL
ORDER BY checked_at, created_at
LIMIT :limit;

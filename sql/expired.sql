-- Messages sent :age seconds before :now and not heard of since, as records
-- that give them up.  With :asked only those that Twilio was asked about when
-- they were that old.  At most :limit; -1 is all.
SELECT twilio_message_sid, 'delivery_unknown', NULL, :now, 'expire', to_number,
  from_number, direction, NULL, NULL, NULL, ref, created_at, NULL, NULL
FROM messages INDEXED BY messages_stuck_idx
WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled')
  AND status = 'sent'
  AND coalesce(sent_at, created_at) <= :before
  AND (NOT :asked OR strftime('%s', checked_at) -
    strftime('%s', coalesce(sent_at, created_at)) >= :age)
  AND twilio_message_sid IS NOT NULL
ORDER BY created_at
LIMIT :limit;

-- Messages of which nobody knows whether they reached Twilio, unless their
-- sender is still at it: as status records, each with its row.
SELECT twilio_message_sid, status, error_code, updated_at, NULL, to_number,
  from_number, direction, segments, price, currency, ref, created_at,
  error_message, body_sha256, id
FROM messages INDEXED BY messages_unsettled_idx
WHERE status IN ('pending', 'ambiguous') AND ref IS NOT NULL
ORDER BY created_at;

-- All about the message of row :id.
SELECT twilio_message_sid, ref, status, direction, to_number, from_number,
  sender, created_at, send_at, sent_at, delivered_at, failed_at, updated_at,
  checked_at, segments, price, currency, error_code, error_message,
  length(body), body, media_url
FROM messages
WHERE id = :id;

-- The present state of the message of :ref, as a status record, and its row.
SELECT twilio_message_sid, status, error_code, updated_at, 'send', to_number,
  from_number, direction, segments, price, currency, ref, created_at,
  error_message, NULL, id
FROM messages WHERE ref = :ref;

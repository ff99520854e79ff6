-- The message whose SID or ref is :name, as a status record and its row.
SELECT *
FROM message_records
WHERE id = coalesce(
  (SELECT id FROM messages WHERE twilio_message_sid = :name),
  (SELECT id FROM messages WHERE ref = :name));

-- The message whose SID or ref is :name as a status record, and whether its
-- status is final.
SELECT r.*, coalesce(l.final, 0)
FROM message_records AS r LEFT JOIN ladder AS l ON l.status = r.status
WHERE r.id = coalesce(
  (SELECT id FROM messages WHERE twilio_message_sid = :name),
  (SELECT id FROM messages WHERE ref = :name));

-- The SIDs of early records whose row has appeared.
SELECT DISTINCT sid FROM early_status AS e
WHERE EXISTS (SELECT 1 FROM messages WHERE twilio_message_sid = e.sid);

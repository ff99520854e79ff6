-- Whether the message :sid that came in is one whose text nobody has told us.
SELECT count(*) FROM messages
WHERE twilio_message_sid = :sid AND direction = 'inbound' AND body IS NULL;

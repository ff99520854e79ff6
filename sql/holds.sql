-- Is there a message with :sid?
SELECT 1 FROM messages WHERE twilio_message_sid = :sid;

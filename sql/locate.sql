-- The row of the message of :sid or, without it, of :ref.
SELECT CASE WHEN :sid IS NOT NULL
  THEN (SELECT id FROM messages WHERE twilio_message_sid = :sid)
  ELSE (SELECT id FROM messages WHERE ref = :ref) END;

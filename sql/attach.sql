-- Tells the row of :ref its SID, once.  A second SID for one ref would be a
-- second message: it gets no row here.
UPDATE messages SET twilio_message_sid = :sid
WHERE ref = :ref AND twilio_message_sid IS NULL
  AND NOT EXISTS (SELECT 1 FROM messages WHERE twilio_message_sid = :sid);

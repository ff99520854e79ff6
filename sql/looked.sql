-- Twilio was asked about :sid: to the back of the line.
UPDATE messages SET checked_at = :now WHERE twilio_message_sid = :sid;

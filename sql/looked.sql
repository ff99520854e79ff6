-- Twilio was asked about the message of row :id: to the back of the line.
UPDATE messages SET checked_at = :now WHERE id = :id;

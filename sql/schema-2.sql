-- From version 1 to 2: what sending safely needs.

ALTER TABLE messages ADD COLUMN sender TEXT;       -- as asked for at Twilio
ALTER TABLE messages ADD COLUMN body_sha256 TEXT;  -- of the text as posted
ALTER TABLE messages ADD COLUMN send_at TEXT;      -- of a scheduled message

-- What is not known to have reached Twilio, or not to have.
CREATE INDEX messages_unsettled_idx ON messages (created_at)
  WHERE status IN ('pending', 'ambiguous');

-- How many were made on a day, in all and for one recipient.
CREATE INDEX messages_created_idx ON messages (created_at, direction);
CREATE INDEX messages_to_created_idx
  ON messages (to_number, created_at, direction);

-- Who must not be written to, and by which number or service.
CREATE TABLE optouts (
  recipient  TEXT NOT NULL,
  sender     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  source     TEXT NOT NULL,        -- error: Twilio said 21610; manual; reply
  PRIMARY KEY (recipient, sender)
) WITHOUT ROWID;

-- 21610: the recipient has sent STOP to this sender.
CREATE TRIGGER optouts_follow_errors
AFTER INSERT ON message_delivery_status
WHEN NEW.error_code = '21610' AND NEW.outcome <> 'conflict'
BEGIN
  INSERT INTO optouts (recipient, sender, created_at, source)
  SELECT to_number, coalesce(sender, from_number), NEW.created_at, 'error'
  FROM messages WHERE id = NEW.message_id AND to_number IS NOT NULL
    AND coalesce(sender, from_number) IS NOT NULL
  ON CONFLICT DO NOTHING;
END;

-- :from has sent STOP to :sender at :at.  Replies can be told out of order, so
-- it counts unless START came later; the row of the reply itself is there, and
-- the log has what it meant.  The pair remembers the last STOP.
INSERT INTO optouts (recipient, sender, created_at, source)
SELECT :from, :sender, :at, 'reply'
WHERE NOT EXISTS (
  SELECT 1 FROM messages AS m
  WHERE m.created_at > :at AND m.direction = 'inbound'
    AND m.from_number = :from AND :sender IN (m.to_number, m.sender)
    AND EXISTS (SELECT 1 FROM webhook_logs AS l
      WHERE l.twilio_message_sid = m.twilio_message_sid
        AND l.outcome = 'start'))
ON CONFLICT (recipient, sender) DO UPDATE
SET created_at = max(created_at, excluded.created_at)
WHERE source <> 'manual';

-- From version 4 to 5: runs of sms-apply and how to take one back, rows made
-- from records, callbacks that never came, prices that come late.

-- Each run of sms-apply that changed something.  Its rows of history, and the
-- messages that it made, bear its number and lie between those named here.
CREATE TABLE batches (
  id            INTEGER PRIMARY KEY,
  created_at    TEXT NOT NULL,
  ended_at      TEXT NOT NULL,
  changed       INTEGER NOT NULL,  -- rows of history
  made          INTEGER NOT NULL,  -- messages
  kept          INTEGER NOT NULL,  -- records whose message has no row yet
  undone_at     TEXT,              -- taken back, but for what is newer
  first_change  INTEGER NOT NULL,
  last_change   INTEGER NOT NULL,
  first_message INTEGER NOT NULL,
  last_message  INTEGER NOT NULL,
  first_log     INTEGER NOT NULL   -- of webhook_logs: what came after it
);

ALTER TABLE messages ADD COLUMN batch INTEGER;       -- that made the row
ALTER TABLE early_status ADD COLUMN batch INTEGER;   -- that brought it
ALTER TABLE message_delivery_status ADD COLUMN batch INTEGER;

-- What a row of a batch put in the place of other facts, as a JSON array; see
-- message_follows_undo.  Without it there were none.
ALTER TABLE message_delivery_status ADD COLUMN was TEXT;

-- When the callback came that should have brought this, after Twilio was asked.
ALTER TABLE message_delivery_status ADD COLUMN called_at TEXT;

-- A row that sms-apply -c makes is "none" until its record is merged: any word
-- that can stand in a row is a step up.  Inbound messages have two words.
INSERT INTO verdict SELECT 'none', status, 'applied', rank FROM ladder;
INSERT INTO verdict VALUES
  ('none',      'receiving', 'applied', 0),
  ('none',      'received',  'applied', 1),
  ('receiving', 'receiving', 'same',    0),
  ('receiving', 'received',  'applied', 1),
  ('received',  'receiving', 'stale',   0),
  ('received',  'received',  'same',    1);

-- What a message has come to, and who has sent STOP, follow from the rows of
-- history as before, but by one trigger, and what most records do not bring
-- leaves the indexes that have it alone: it is a quarter of the work.
DROP TRIGGER message_follows_history;
DROP TRIGGER error_follows_history;
DROP TRIGGER optouts_follow_errors;

CREATE TRIGGER message_follows_history
AFTER INSERT ON message_delivery_status
WHEN NEW.outcome <> 'conflict' AND NEW.rank >= 0
BEGIN
  UPDATE messages SET
    status = CASE NEW.outcome WHEN 'applied' THEN NEW.status ELSE status END,
    updated_at = NEW.created_at,
    sent_at = CASE WHEN NEW.status = 'sent'
      THEN min(coalesce(sent_at, NEW.at), NEW.at) ELSE sent_at END,
    delivered_at = CASE WHEN NEW.status = 'delivered'
      THEN min(coalesce(delivered_at, NEW.at), NEW.at)
      ELSE delivered_at END,
    failed_at = CASE WHEN NEW.status IN ('failed', 'undelivered')
      THEN min(coalesce(failed_at, NEW.at), NEW.at) ELSE failed_at END
  WHERE id = NEW.message_id;

  UPDATE messages SET
    from_number = coalesce(NEW.from_number, from_number),
    segments = coalesce(NEW.segments, segments),
    price = coalesce(NEW.price, price),
    currency = coalesce(NEW.currency, currency)
  WHERE coalesce(NEW.from_number, NEW.segments, NEW.price, NEW.currency)
      IS NOT NULL
    AND id = NEW.message_id;

  UPDATE messages SET to_number = NEW.to_number
  WHERE NEW.to_number IS NOT NULL
    AND id = NEW.message_id AND to_number IS NULL;

  -- The error of a higher status wins over that of a lower one.  Why an
  -- answer could not be read stays in the history.
  UPDATE messages SET
    error_code = NEW.error_code,
    error_message = coalesce(NEW.error_message,
      CASE WHEN error_code IS NEW.error_code THEN error_message END),
    error_rank = NEW.rank
  WHERE NEW.status <> 'ambiguous'
    AND (NEW.error_code IS NOT NULL OR NEW.error_message IS NOT NULL)
    AND id = NEW.message_id
    AND (error_rank IS NULL OR (NEW.rank, coalesce(NEW.error_code, '')) >=
         (error_rank, coalesce(error_code, '')));

  -- 21610: the recipient has sent STOP to this sender.
  INSERT INTO optouts (recipient, sender, created_at, source)
  SELECT to_number, coalesce(sender, from_number), NEW.created_at, 'error'
  FROM messages
  WHERE NEW.error_code = '21610'
    AND id = NEW.message_id AND to_number IS NOT NULL
    AND coalesce(sender, from_number) IS NOT NULL
  ON CONFLICT DO NOTHING;
END;

-- A row of history that is taken back, the newest of its message: the message
-- is again what it was before.  The row stays, as "undone".
CREATE TRIGGER message_follows_undo
AFTER UPDATE OF outcome ON message_delivery_status
WHEN NEW.outcome = 'undone' AND OLD.outcome NOT IN ('undone', 'conflict')
  AND OLD.rank >= 0
BEGIN
  -- who was entered for it had not written STOP, unless others say so too
  DELETE FROM optouts
  WHERE OLD.error_code = '21610' AND source = 'error'
    AND created_at = OLD.created_at
    AND (recipient, sender) = (
      SELECT to_number, coalesce(sender, from_number)
      FROM messages WHERE id = OLD.message_id)
    AND NOT EXISTS (
      SELECT 1 FROM messages AS m
      JOIN message_delivery_status AS h ON h.message_id = m.id
      WHERE m.to_number = optouts.recipient
        AND coalesce(m.sender, m.from_number) = optouts.sender
        AND h.error_code = '21610'
        AND h.outcome NOT IN ('undone', 'conflict'));
  UPDATE messages SET
    status = CASE OLD.outcome WHEN 'applied' THEN OLD.old_status
      ELSE status END,
    updated_at = (SELECT undone_at FROM batches WHERE id = OLD.batch),
    sent_at = CASE OLD.status WHEN 'sent' THEN NULL ELSE sent_at END,
    delivered_at = CASE OLD.status WHEN 'delivered' THEN NULL
      ELSE delivered_at END,
    failed_at = CASE WHEN OLD.status IN ('failed', 'undelivered') THEN NULL
      ELSE failed_at END
  WHERE id = OLD.message_id;
  UPDATE messages SET
    twilio_message_sid = CASE json_extract(OLD.was, '$[0]')
      WHEN 0 THEN twilio_message_sid END,
    to_number = json_extract(OLD.was, '$[1]'),
    from_number = json_extract(OLD.was, '$[2]'),
    segments = json_extract(OLD.was, '$[3]'),
    price = json_extract(OLD.was, '$[4]'),
    currency = json_extract(OLD.was, '$[5]'),
    error_code = json_extract(OLD.was, '$[6]'),
    error_message = json_extract(OLD.was, '$[7]'),
    error_rank = json_extract(OLD.was, '$[8]'),
    sent_at = json_extract(OLD.was, '$[9]'),
    delivered_at = json_extract(OLD.was, '$[10]'),
    failed_at = json_extract(OLD.was, '$[11]'),
    checked_at = json_extract(OLD.was, '$[12]')
  WHERE id = OLD.message_id AND OLD.was IS NOT NULL;
END;

-- The callbacks that were lost, by the hour in which they were due and the
-- status they would have told: what only asking Twilio brought.  One that came
-- later after all is not lost, and a message that was found at Twilio, made by
-- somebody else, has had none to lose.  Twilio calls from "queued" on, and of
-- "delivery_unknown" it knows nothing.
CREATE INDEX message_delivery_status_lost_idx
  ON message_delivery_status (substr(at, 1, 13) || ':00:00Z', status)
  WHERE outcome = 'applied' AND source IN ('fetch', 'list')
    AND called_at IS NULL AND old_status <> 'none'
    AND rank >= 4 AND rank <> 7;

CREATE VIEW lost_callbacks (hour, status, n) AS
SELECT substr(at, 1, 13) || ':00:00Z' AS hour, status, count(*)
FROM message_delivery_status INDEXED BY message_delivery_status_lost_idx
WHERE outcome = 'applied' AND source IN ('fetch', 'list')
  AND called_at IS NULL AND old_status <> 'none'
  AND rank >= 4 AND rank <> 7
GROUP BY substr(at, 1, 13) || ':00:00Z', status;

-- The final messages whose price Twilio has not told, by the time they went.
CREATE INDEX messages_unpriced_idx
  ON messages (coalesce(sent_at, send_at, created_at), checked_at)
  WHERE price IS NULL AND twilio_message_sid IS NOT NULL
    AND (status IN ('delivered', 'undelivered')
      OR status IN ('failed', 'partially_delivered') OR status = 'read');

-- As in version 1.  SQLite makes a table for a list of more than two each time
-- a row is written, which is most of the work of writing it.
DROP INDEX messages_stuck_idx;
CREATE INDEX messages_stuck_idx
  ON messages (checked_at, created_at, status, sent_at)
  WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled');

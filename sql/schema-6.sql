-- From version 5 to 6: what looking at the store needs.

-- Who was shown numbers in full, or the text of messages.
CREATE TABLE access_log (
  id         INTEGER PRIMARY KEY,
  created_at TEXT NOT NULL,
  who        TEXT NOT NULL,        -- name of the user, or its number
  command    TEXT NOT NULL         -- the whole call
);

-- How many messages there are of each direction and status: to count a
-- million rows takes half a second, and an index on status would cost each
-- change of one a fifth more.
CREATE TABLE message_counts (
  direction TEXT NOT NULL,
  status    TEXT NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (direction, status)
) WITHOUT ROWID;

INSERT INTO message_counts
SELECT direction, status, count(*) FROM messages GROUP BY 1, 2;

CREATE TRIGGER message_counts_follow_insert AFTER INSERT ON messages
BEGIN
  INSERT INTO message_counts VALUES (NEW.direction, NEW.status, 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER message_counts_follow_delete AFTER DELETE ON messages
BEGIN
  UPDATE message_counts SET n = n - 1
  WHERE direction = OLD.direction AND status = OLD.status;
END;

CREATE TRIGGER message_counts_follow_update
AFTER UPDATE OF status, direction ON messages
WHEN NEW.status <> OLD.status OR NEW.direction <> OLD.direction
BEGIN
  UPDATE message_counts SET n = n - 1
  WHERE direction = OLD.direction AND status = OLD.status;
  INSERT INTO message_counts VALUES (NEW.direction, NEW.status, 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- Each message as a status record, its row behind it.  at is when it reached
-- its status, as far as that is known.
CREATE VIEW message_records AS
SELECT twilio_message_sid AS sid, status, error_code,
  coalesce(CASE status
    WHEN 'sent' THEN sent_at
    WHEN 'delivered' THEN delivered_at
    WHEN 'failed' THEN failed_at
    WHEN 'undelivered' THEN failed_at END, updated_at) AS at,
  NULL AS source, to_number AS "to", from_number AS "from", direction,
  segments, price, currency, ref, created_at, error_message,
  NULL AS body_sha256, id
FROM messages;

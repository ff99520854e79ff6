-- Version 1 of the store: everything that smspipe keeps lies in these tables.
-- Table and column names are those of the web application that this grew out
-- of, so that its dashboard queries run as they stand.  Times are text, UTC,
-- as in 2025-08-21T08:34:39Z: they sort, and SQLite's date functions take them.

PRAGMA application_id = 1936552816;  -- "smsp"

-- The status ladder.  A message climbs and never steps down: a status record
-- changes its message only if it stands higher.  Words of one rank are final
-- and equal: the first stays, a different one later is a conflict.  Each other
-- rank has one word, so the status that a message ends in depends on the set
-- of its records alone, not on their order or repetition.
CREATE TABLE ladder (
  status  TEXT PRIMARY KEY,
  rank    INTEGER NOT NULL,
  final   INTEGER NOT NULL,        -- 1: nothing more is expected
  meaning TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO ladder VALUES
  ('pending',             0, 0, 'ours: written down, not yet posted'),
  ('ambiguous',           1, 0, 'ours: posted, no readable answer'),
  ('scheduled',           2, 0, 'waits at Twilio for its time'),
  ('accepted',            3, 0, 'taken, a sender is being chosen'),
  ('queued',              4, 0, 'waits in the queue of its sender'),
  ('sending',             5, 0, 'is being handed to the carrier'),
  ('sent',                6, 0, 'the nearest carrier took it'),
  ('delivery_unknown',    7, 0, 'ours: sent long ago, nothing more heard'),
  ('delivered',           8, 1, 'carrier or handset confirmed'),
  ('undelivered',         8, 1, 'a delivery receipt says no'),
  ('failed',              8, 1, 'never left Twilio'),
  ('canceled',            8, 1, 'a scheduled message was called off'),
  ('partially_delivered', 8, 1, 'deprecated by Twilio'),
  ('read',                9, 1, 'the recipient opened it');

-- What becomes of a record, for each status a message has and each it is told.
-- A word that is not on the ladder (inbound ones, those Twilio may yet invent)
-- has no row here: it is kept in the history as 'stale' and moves nothing.
CREATE TABLE verdict (
  old     TEXT NOT NULL,
  new     TEXT NOT NULL,
  outcome TEXT NOT NULL,           -- applied, same, conflict, stale
  rank    INTEGER NOT NULL,        -- of new
  PRIMARY KEY (old, new)
) WITHOUT ROWID;

INSERT INTO verdict
SELECT o.status, n.status,
       CASE WHEN n.rank > o.rank THEN 'applied'
            WHEN n.status = o.status THEN 'same'
            WHEN n.rank = o.rank THEN 'conflict'
            ELSE 'stale' END,
       n.rank
FROM ladder AS o, ladder AS n;

CREATE TABLE messages (
  id                 INTEGER PRIMARY KEY,
  twilio_message_sid TEXT,
  ref                TEXT,         -- our own id, in the callback's URL
  direction          TEXT NOT NULL,
  to_number          TEXT,
  from_number        TEXT,         -- a number, a sender id or a service
  body               TEXT,
  media_url          TEXT,
  status             TEXT NOT NULL,
  error_code         TEXT,
  error_message      TEXT,
  error_rank         INTEGER,      -- of the status that brought the error
  segments           INTEGER,
  price              TEXT,
  currency           TEXT,
  created_at         TEXT NOT NULL,
  updated_at         TEXT NOT NULL,
  sent_at            TEXT,
  delivered_at       TEXT,
  failed_at          TEXT,
  checked_at         TEXT          -- Twilio was last asked about it
);

CREATE UNIQUE INDEX messages_twilio_sid_unique_idx
  ON messages (twilio_message_sid);
CREATE UNIQUE INDEX messages_ref_unique_idx ON messages (ref);

-- The open messages in the order in which they are to be checked, with all
-- that sms-stuck asks of those it passes over.  Nulls come first.
CREATE INDEX messages_stuck_idx
  ON messages (checked_at, created_at, status, sent_at)
  WHERE status IN ('scheduled', 'accepted', 'queued', 'sending', 'sent');

-- History and audit trail: a row for each record that changed something or
-- contradicts a final status.  messages is the sum of it; see the trigger.
CREATE TABLE message_delivery_status (
  id            INTEGER PRIMARY KEY,
  message_id    INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  created_at    TEXT NOT NULL,     -- when we took it in
  old_status    TEXT NOT NULL,
  status        TEXT NOT NULL,
  rank          INTEGER NOT NULL,  -- of status; -1 if not on the ladder
  outcome       TEXT NOT NULL,     -- applied; conflict; same, stale: new facts
  at            TEXT,              -- when it was observed or happened
  source        TEXT,
  error_code    TEXT,
  error_message TEXT,
  to_number     TEXT,
  from_number   TEXT,
  segments      INTEGER,
  price         TEXT,
  currency      TEXT
);

CREATE INDEX message_delivery_status_message_created_idx
  ON message_delivery_status (message_id, created_at);

-- The only place where what a message has come to changes (from version 7 on
-- that is sql/follow.sql).  The row that
-- sql/apply.sql adds holds the verdict, and these carry it out.  A conflict is
-- kept and changes nothing, and so is a word that is not on the ladder;
-- nothing known is wiped by a blank.
CREATE TRIGGER message_follows_history
AFTER INSERT ON message_delivery_status
WHEN NEW.outcome <> 'conflict' AND NEW.rank >= 0
BEGIN
  UPDATE messages SET
    status = CASE NEW.outcome WHEN 'applied' THEN NEW.status ELSE status END,
    updated_at = NEW.created_at,
    to_number = coalesce(to_number, NEW.to_number),
    from_number = coalesce(NEW.from_number, from_number),
    segments = coalesce(NEW.segments, segments),
    price = coalesce(NEW.price, price),
    currency = coalesce(NEW.currency, currency),
    sent_at = CASE WHEN NEW.status = 'sent'
      THEN min(coalesce(sent_at, NEW.at), NEW.at) ELSE sent_at END,
    delivered_at = CASE WHEN NEW.status = 'delivered'
      THEN min(coalesce(delivered_at, NEW.at), NEW.at)
      ELSE delivered_at END,
    failed_at = CASE WHEN NEW.status IN ('failed', 'undelivered')
      THEN min(coalesce(failed_at, NEW.at), NEW.at) ELSE failed_at END
  WHERE id = NEW.message_id;
END;

-- The error of a higher status wins over that of a lower one.  Why an answer
-- could not be read stays in the history: it is no error of the message.
CREATE TRIGGER error_follows_history
AFTER INSERT ON message_delivery_status
WHEN NEW.outcome <> 'conflict' AND NEW.rank >= 0
  AND NEW.status <> 'ambiguous'
  AND (NEW.error_code IS NOT NULL OR NEW.error_message IS NOT NULL)
BEGIN
  UPDATE messages SET
    error_code = NEW.error_code,
    error_message = coalesce(NEW.error_message,
      CASE WHEN error_code IS NEW.error_code THEN error_message END),
    error_rank = NEW.rank
  WHERE id = NEW.message_id
    AND (error_rank IS NULL OR (NEW.rank, coalesce(NEW.error_code, '')) >=
         (error_rank, coalesce(error_code, '')));
END;

-- Records whose message has no row yet: a callback can overtake the answer to
-- the request that made its message.  One of each kind is enough.
CREATE TABLE early_status (
  id            INTEGER PRIMARY KEY,
  created_at    TEXT NOT NULL,
  sid           TEXT NOT NULL,
  status        TEXT NOT NULL,
  error_code    TEXT,
  at            TEXT,
  source        TEXT,
  to_number     TEXT,
  from_number   TEXT,
  direction     TEXT,
  segments      INTEGER,
  price         TEXT,
  currency      TEXT,
  ref           TEXT,
  made_at       TEXT,
  error_message TEXT
);

CREATE UNIQUE INDEX early_status_unique_idx
  ON early_status (sid, status, coalesce(error_code, ''));

-- Each request to sms-hook that carried a callback.
CREATE TABLE webhook_logs (
  id                 INTEGER PRIMARY KEY,
  created_at         TEXT NOT NULL,
  twilio_message_sid TEXT,
  params             TEXT,         -- the body as received, if authentic
  status             TEXT NOT NULL,-- success: authentic and taken in
  outcome            TEXT,         -- what it changed
  peer               TEXT,
  answer             INTEGER NOT NULL,
  took_us            INTEGER
);

CREATE INDEX webhook_logs_created_idx ON webhook_logs (created_at);
CREATE INDEX webhook_logs_sid_idx ON webhook_logs (twilio_message_sid);

-- The spools that were taken in, so that none is taken in twice.  The last
-- hundred are enough: one is known to be taken before the next is begun.
CREATE TABLE spool_taken (
  n  INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
);

CREATE TRIGGER spool_taken_is_short AFTER INSERT ON spool_taken
BEGIN
  DELETE FROM spool_taken WHERE n <= NEW.n - 100;
END;

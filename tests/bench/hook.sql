-- The tables of those that are measured beside sms-hook: what their work
-- takes and no more, without a history.
PRAGMA journal_mode = WAL;

CREATE TABLE ladder (status TEXT PRIMARY KEY, rank INTEGER) WITHOUT ROWID;
INSERT INTO ladder VALUES ('accepted', 2), ('queued', 3), ('sending', 4),
  ('sent', 5), ('delivered', 7), ('undelivered', 7);

CREATE TABLE messages (
  id                 INTEGER PRIMARY KEY,
  ref                TEXT,
  twilio_message_sid TEXT UNIQUE,
  direction          TEXT,
  to_number          TEXT,
  status             TEXT NOT NULL,
  error_code         TEXT,
  created_at         TEXT,
  updated_at         TEXT
);

CREATE TABLE webhook_logs (
  id                 INTEGER PRIMARY KEY,
  created_at         TEXT NOT NULL,
  twilio_message_sid TEXT,
  params             TEXT,
  status             TEXT NOT NULL,
  outcome            TEXT,
  answer             INTEGER NOT NULL
);
CREATE INDEX webhook_logs_created_idx ON webhook_logs (created_at);

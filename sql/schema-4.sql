-- From version 3 to 4: more of what came to sms-hook.

-- What sms-sign -d needs to find out why a signature does not match.
ALTER TABLE webhook_logs ADD COLUMN signature TEXT;  -- X-Twilio-Signature
ALTER TABLE webhook_logs ADD COLUMN host TEXT;       -- as the client named it
ALTER TABLE webhook_logs ADD COLUMN target TEXT;     -- path and query

ALTER TABLE webhook_logs ADD COLUMN source TEXT;     -- hook, event or reply
ALTER TABLE webhook_logs ADD COLUMN event_id TEXT;   -- of Event Streams

-- An event may be delivered more than once, and takes effect once.
CREATE UNIQUE INDEX webhook_logs_event_unique_idx ON webhook_logs (event_id)
  WHERE event_id IS NOT NULL;

-- All requests that were refused, by the minute: no more than 60 of them have
-- a row in webhook_logs.
CREATE TABLE webhook_refused (
  minute   TEXT PRIMARY KEY,       -- its first second
  requests INTEGER NOT NULL
) WITHOUT ROWID;

-- From version 5 to 6: what looking at the store needs.

-- Who was shown numbers in full, or the text of messages.
CREATE TABLE access_log (
  id         INTEGER PRIMARY KEY,
  created_at TEXT NOT NULL,
  who        TEXT NOT NULL,        -- name of the user, or its number
  command    TEXT NOT NULL         -- the whole call
);

-- How many messages there are of each status.  To count a million rows takes
-- half a second, and an index of all statuses would cost each change a fifth
-- more.  So what is delivered is what is left when the others are counted: the
-- open ones have indexes, and few are neither.
CREATE INDEX messages_others_idx ON messages (status)
  WHERE status <> 'delivered' AND status <> 'sent' AND status <> 'queued'
    AND status <> 'sending' AND status <> 'accepted' AND status <> 'pending'
    AND status <> 'ambiguous' AND status <> 'scheduled';

CREATE VIEW message_counts (status, n) AS
WITH others AS (
  SELECT status, count(*) AS n FROM messages
  WHERE status <> 'delivered' AND status <> 'sent' AND status <> 'queued'
    AND status <> 'sending' AND status <> 'accepted' AND status <> 'pending'
    AND status <> 'ambiguous' AND status <> 'scheduled'
  GROUP BY status
  UNION ALL
  SELECT status, count(*) FROM messages
  WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled')
  GROUP BY status
  UNION ALL
  SELECT status, count(*) FROM messages
  WHERE status IN ('pending', 'ambiguous')
  GROUP BY status
)
SELECT status, n FROM others
UNION ALL
SELECT 'delivered', (SELECT count(*) FROM messages)
  - (SELECT coalesce(sum(n), 0) FROM others);

-- What is counted of the webhook log lies in the index that it has already.
DROP INDEX webhook_logs_created_idx;
CREATE INDEX webhook_logs_created_idx
  ON webhook_logs (created_at, status, outcome, took_us);

-- Of few messages: those with an error, and those that were told two ends.
CREATE INDEX messages_error_idx
  ON messages (error_code, error_message, created_at)
  WHERE error_code IS NOT NULL;

CREATE INDEX message_delivery_status_conflict_idx
  ON message_delivery_status (message_id) WHERE outcome = 'conflict';

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

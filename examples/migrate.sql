-- The messages of another program as status records, from a table "old" with
-- the columns that sms-migrate(7) names, all of them text:
--
--	sqlite3 -separator "$(printf '\t')" old.db <migrate.sql >records
--
-- Each message gets a ref, "old-" and its id.  One that was sent before it got
-- to its last status has a record of that, too, so that both times are kept.
-- Times may be those that PostgreSQL writes.  A status that would wait for
-- Twilio for ever, as no SID is known to ask for, is delivery_unknown.

CREATE TEMP VIEW clean AS
SELECT id,
  nullif(trim(twilio_message_sid), '') AS sid,
  lower(coalesce(nullif(trim(status), ''), 'delivery_unknown')) AS status,
  CASE WHEN error_code GLOB '[0-9]*' AND NOT error_code GLOB '*[^0-9]*'
    THEN error_code END AS error_code,
  nullif(error_message, '') AS error_message,
  nullif(to_number, '') AS recipient,
  nullif(from_number, '') AS sender,
  CASE lower(direction) WHEN 'outbound' THEN 'outbound-api'
    ELSE nullif(lower(direction), '') END AS direction,
  -- "2025-08-21 08:34:39.5+00" has a zone that SQLite does not know
  strftime('%Y-%m-%dT%H:%M:%SZ', created_at ||
    iif(created_at GLOB '*:*[-+][0-9][0-9]', ':00', '')) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', sent_at ||
    iif(sent_at GLOB '*:*[-+][0-9][0-9]', ':00', '')) AS sent_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', delivered_at ||
    iif(delivered_at GLOB '*:*[-+][0-9][0-9]', ':00', '')) AS delivered_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', failed_at ||
    iif(failed_at GLOB '*:*[-+][0-9][0-9]', ':00', '')) AS failed_at
FROM old;

CREATE TEMP VIEW told AS
SELECT *, 0 AS turn, 'sent' AS seen, sent_at AS at FROM clean
WHERE sent_at IS NOT NULL
  AND status IN ('delivered', 'undelivered', 'failed', 'read')
UNION ALL
SELECT *, 1,
  CASE WHEN sid IS NULL AND status NOT IN ('delivered', 'undelivered',
    'failed', 'canceled', 'read', 'received') THEN 'delivery_unknown'
    ELSE status END,
  coalesce(CASE status WHEN 'sent' THEN sent_at
    WHEN 'delivered' THEN delivered_at
    WHEN 'failed' THEN failed_at WHEN 'undelivered' THEN failed_at END,
    created_at)
FROM clean;

SELECT sid, seen, iif(turn, error_code, NULL), at, NULL, recipient, sender,
  direction, NULL, NULL, NULL, 'old-' || id, created_at,
  iif(turn, replace(replace(replace(replace(error_message, '\', '\\'),
    char(9), '\t'), char(10), '\n'), char(13), '\r'), NULL)
FROM told
ORDER BY created_at, id, turn;

-- What a CloudEvent of a message says, :json being its text.  Of its own fields
-- id, type and time count, all text, the rest is in its data.  Every field may
-- be null, missing or of another type.
WITH event AS (
  SELECT key, atom FROM json_each(:json) WHERE type = 'text'
), data AS (
  SELECT key, atom FROM json_each(:json, '$.data')
  WHERE type IN ('text', 'integer', 'real')
), moment (at) AS (
  SELECT coalesce((SELECT max(atom) FROM data WHERE key = 'timestamp'),
    (SELECT max(atom) FROM event WHERE key = 'time'))
)
SELECT
  (SELECT max(atom) FROM event WHERE key = 'id'),
  (SELECT max(atom) FROM event WHERE key = 'type'),
  (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at) FROM moment
    WHERE at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*'),
  max(atom) FILTER (WHERE key = 'messageSid'),
  lower(max(atom) FILTER (WHERE key = 'messageStatus')),
  max(atom) FILTER (WHERE key = 'errorCode'),
  coalesce(max(atom) FILTER (WHERE key = 'numberOfSegments'),
           max(atom) FILTER (WHERE key = 'numSegments')),
  max(atom) FILTER (WHERE key = 'to'),
  max(atom) FILTER (WHERE key = 'from'),
  max(atom) FILTER (WHERE key = 'messagingServiceSid'),
  max(atom) FILTER (WHERE key = 'statusCallBackUrl'),
  max(atom) FILTER (WHERE key = 'body'),
  max(atom) FILTER (WHERE key = 'optOutType')
FROM data;

-- Twilio's error object in :json, in the shape of the 2010 API (code, message)
-- or in that of RFC 9457 (code, detail, title).
SELECT
  json_type(:json) = 'object',
  max(atom) FILTER (WHERE key = 'code'),
  coalesce(max(atom) FILTER (WHERE key = 'message'),
           max(atom) FILTER (WHERE key = 'detail'),
           max(atom) FILTER (WHERE key = 'title'))
FROM json_each(:json)
WHERE type IN ('text', 'integer');

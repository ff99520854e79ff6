-- What a Message of Twilio's API says, :json being its text; no sid, no
-- message.  Every field may be null, missing or of another type: numbers come
-- as numbers or as strings, and what is neither counts as not known.
SELECT
  max(atom) FILTER (WHERE key = 'sid'),
  lower(max(atom) FILTER (WHERE key = 'status')),
  max(atom) FILTER (WHERE key = 'error_code'),
  max(atom) FILTER (WHERE key = 'date_sent'),
  max(atom) FILTER (WHERE key = 'date_updated'),
  max(atom) FILTER (WHERE key = 'date_created'),
  max(atom) FILTER (WHERE key = 'to'),
  coalesce(max(atom) FILTER (WHERE key = 'from'),
           max(atom) FILTER (WHERE key = 'messaging_service_sid')),
  max(atom) FILTER (WHERE key = 'direction'),
  max(atom) FILTER (WHERE key = 'num_segments'),
  max(atom) FILTER (WHERE key = 'price'),
  upper(max(atom) FILTER (WHERE key = 'price_unit')),
  max(atom) FILTER (WHERE key = 'error_message'),
  max(atom) FILTER (WHERE key = 'body')
FROM json_each(:json)
WHERE type IN ('text', 'integer', 'real');

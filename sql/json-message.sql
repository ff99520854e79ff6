-- What a Message of Twilio's API says, :json being its text: a row for each
-- field that we know, its place (the M_ words of lib/json.c) and its value.  Every
-- field may be null, missing or of another type: numbers come as numbers or as
-- strings, and what is neither counts as not known.
SELECT CASE key
    WHEN 'sid' THEN 0
    WHEN 'status' THEN 1
    WHEN 'error_code' THEN 2
    WHEN 'date_sent' THEN 3
    WHEN 'date_updated' THEN 4
    WHEN 'date_created' THEN 5
    WHEN 'to' THEN 6
    WHEN 'from' THEN 7
    WHEN 'messaging_service_sid' THEN 8
    WHEN 'direction' THEN 9
    WHEN 'num_segments' THEN 10
    WHEN 'price' THEN 11
    WHEN 'price_unit' THEN 12
    WHEN 'error_message' THEN 13
    WHEN 'body' THEN 14
    ELSE -1
  END,
  CASE key WHEN 'status' THEN lower(atom) WHEN 'price_unit' THEN upper(atom)
    ELSE atom END
FROM json_each(:json)
WHERE type = 'text' OR type = 'integer' OR type = 'real';

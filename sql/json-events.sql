-- The events of Twilio's Event Streams, :json being an array of CloudEvents or
-- one alone: the text of each, in order, for json-event.sql.
SELECT CASE type WHEN 'object' THEN value END
FROM json_each(CASE json_type(:json) WHEN 'array' THEN :json
  ELSE json_array(json(:json)) END)
ORDER BY key;

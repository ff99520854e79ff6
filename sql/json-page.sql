-- The messages of a page of Twilio's list API, :json being the page: the text
-- of each, in order, for json-message.sql.
SELECT CASE type WHEN 'object' THEN value END
FROM json_each(:json, '$.messages')
ORDER BY key;

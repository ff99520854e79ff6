-- The fields of :json, the text of an object: name, type and value, a number
-- as it stands there.
SELECT key, type,
  CASE WHEN type IN ('integer', 'real') THEN :json -> fullkey
    WHEN type IN ('true', 'false') THEN type
    ELSE atom END
FROM json_each(:json);

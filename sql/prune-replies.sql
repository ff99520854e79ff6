-- Blanks the texts and media of replies in what came to sms-hook before
-- :before, of rows :first to :last.  Of a form the values of fields go, taken
-- apart as a JSON array, and of an event its body; their names stay, by which
-- a reply is known.  What is neither, or has a text elsewhere, goes whole.
UPDATE webhook_logs SET params = CASE
  WHEN NOT json_valid(params) THEN CASE
    WHEN params NOT LIKE '%"body"%' THEN
      (SELECT group_concat(CASE
          WHEN lower(value) GLOB 'body=*' OR lower(value) GLOB 'buttontext=*'
            OR lower(value) GLOB 'listtitle=*'
            OR lower(value) GLOB 'mediaurl[0-9]*=*'
          THEN substr(value, 1, instr(value, '=')) ELSE value END, '&')
      FROM json_each('[' || replace(json_quote(params), '&', '","') || ']')) END
  WHEN NOT EXISTS (
    SELECT 1 FROM json_tree(json_replace(params, '$.data.body', ''))
    WHERE (lower(key) = 'body' OR lower(key) GLOB 'mediaurl*') AND value <> '')
  THEN json_replace(params, '$.data.body', '') END
WHERE id IN (SELECT id FROM webhook_logs
  WHERE id BETWEEN :first AND :last AND created_at < :before
    AND (params LIKE '%body%' OR params LIKE '%mediaurl%'
      OR params LIKE '%buttontext=%' OR params LIKE '%listtitle=%')
    AND CASE WHEN json_valid(params) THEN EXISTS (
        SELECT 1 FROM json_tree(params)
        WHERE (lower(key) = 'body' OR lower(key) GLOB 'mediaurl*')
          AND value <> '')
      ELSE params LIKE '%"body"%' OR EXISTS (
        SELECT 1
        FROM json_each('[' || replace(json_quote(params), '&', '","') || ']')
        WHERE lower(value) GLOB 'body=?*' OR lower(value) GLOB 'buttontext=?*'
          OR lower(value) GLOB 'listtitle=?*'
          OR lower(value) GLOB 'mediaurl[0-9]*=?*') END);

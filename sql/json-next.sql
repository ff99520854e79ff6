-- Is :json a page of Twilio's list API, and where is the next one?
SELECT
  json_type(:json) = 'object' AND json_type(:json, '$.messages') = 'array',
  CASE json_type(:json, '$.next_page_uri')
    WHEN 'text' THEN json_extract(:json, '$.next_page_uri') END;

-- How many messages have which error code, the most frequent first.
SELECT count(*), error_code
FROM messages
WHERE error_code IS NOT NULL
GROUP BY error_code
ORDER BY count(*) DESC, error_code;

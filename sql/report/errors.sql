-- Error codes and messages, the most frequent first.
SELECT error_code, error_message, count(*) AS occurrences
FROM messages
WHERE error_code IS NOT NULL
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY error_code, error_message
ORDER BY occurrences DESC;

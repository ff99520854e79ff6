-- Segments of the outbound messages that were made today and yesterday, UTC.
SELECT CASE substr(created_at, 1, 10) WHEN substr(:now, 1, 10) THEN 'today'
    ELSE 'yesterday' END AS day, coalesce(sum(segments), 0)
FROM messages
WHERE created_at >= date(:now, '-1 day') AND created_at <= :now
  AND direction <> 'inbound'
GROUP BY 1;

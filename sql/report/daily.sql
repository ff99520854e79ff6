-- Messages of each day and status, the newest day first.
SELECT substr(created_at, 1, 10) AS date, status, count(*) AS count
FROM messages
WHERE direction IN ('outbound', 'outbound-api')
  AND created_at >= coalesce(:since, '') AND created_at < coalesce(:until, '~')
GROUP BY 1, 2
ORDER BY 1 DESC, 2;

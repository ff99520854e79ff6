-- What the messages made today and yesterday, UTC, have cost so far: Twilio
-- tells prices late.
SELECT currency, CASE substr(created_at, 1, 10)
    WHEN substr(:now, 1, 10) THEN 'today' ELSE 'yesterday' END AS day,
  round(sum(abs(price)), 6)
FROM messages
WHERE created_at >= date(:now, '-1 day') AND created_at <= :now
  AND price IS NOT NULL AND currency IS NOT NULL
GROUP BY 1, 2;

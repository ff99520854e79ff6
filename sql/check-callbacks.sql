-- How many messages that Twilio calls back for, as we asked it to when we sent
-- them, were made in the day before
-- :now and after the last callback, how many seconds ago the first of them
-- was, and when that callback came.
WITH last (at) AS (
  SELECT (SELECT created_at FROM webhook_logs
    WHERE status = 'success' AND created_at <= :now
      AND coalesce(source, '') <> 'reply'
    ORDER BY created_at DESC LIMIT 1)
)
SELECT count(m.id),
  coalesce(strftime('%s', :now) - strftime('%s', min(m.created_at)), 0),
  last.at
FROM last LEFT JOIN messages AS m
  ON m.created_at > max(coalesce(last.at, ''), strftime('%Y-%m-%dT%H:%M:%SZ',
      :now, '-1 day'))
    AND m.created_at <= :now AND m.direction <> 'inbound'
    AND m.twilio_message_sid IS NOT NULL
    AND m.uncalled IS NULL AND m.batch IS NULL
    AND m.status NOT IN ('scheduled', 'canceled');

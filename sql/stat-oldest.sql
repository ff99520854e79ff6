-- The age in seconds, at :now, of the open message that was made, or was due,
-- longest ago; 0 if none is open.
SELECT max(0, strftime('%s', :now) - coalesce(min(strftime('%s', t)), 1e12))
FROM (
  SELECT min(CASE status WHEN 'scheduled' THEN coalesce(send_at, created_at)
    ELSE created_at END) AS t
  FROM messages INDEXED BY messages_stuck_idx
  WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
    OR status = 'scheduled')
  UNION ALL
  SELECT min(created_at)
  FROM messages INDEXED BY messages_unsettled_idx
  WHERE status IN ('pending', 'ambiguous')
);

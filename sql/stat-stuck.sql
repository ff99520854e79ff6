-- Open messages that were made, or were due, before :stuck, by status.  The
-- list of statuses is that of messages_stuck_idx.
WITH late AS MATERIALIZED (
  SELECT status, count(*) AS n
  FROM messages INDEXED BY messages_stuck_idx
  WHERE (status IN ('sent', 'queued') OR status IN ('sending', 'accepted')
      OR status = 'scheduled')
    AND created_at <= :stuck
    AND CASE status WHEN 'scheduled' THEN coalesce(send_at, '') <= :stuck
      ELSE 1 END
  GROUP BY status
)
SELECT l.status, coalesce(late.n, 0)
FROM ladder AS l LEFT JOIN late ON late.status = l.status
WHERE l.status IN ('scheduled', 'accepted', 'queued', 'sending', 'sent')
ORDER BY l.rank;

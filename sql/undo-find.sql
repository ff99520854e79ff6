-- The messages of batch :id, and whether something newer has come to each: a
-- row of history of others that still holds, a callback, or Twilio's answer,
-- even if these had nothing to add.  What an older batch had kept for a message
-- that this one made is none: undo-keep.sql keeps it again.  And the row that
-- another one made stays as long as that.
CREATE TEMP TABLE undoing AS
SELECT m.id, m.twilio_message_sid AS sid, m.ref, m.status AS old,
  m.batch IS :id AS made,
  EXISTS (
    SELECT 1 FROM message_delivery_status AS h
    WHERE h.message_id = m.id AND h.batch IS NOT :id
      AND h.outcome <> 'undone' AND CASE WHEN m.batch IS :id
        THEN h.batch IS NULL OR h.batch > :id ELSE h.id > c.first END)
  OR m.batch IS NOT :id AND EXISTS (
    SELECT 1 FROM message_delivery_status AS h
    WHERE h.message_id = m.id AND h.batch = :id AND h.old_status = 'none'
      AND h.outcome <> 'undone')
  OR EXISTS (
    SELECT 1 FROM webhook_logs
    WHERE twilio_message_sid = m.twilio_message_sid AND status = 'success'
      AND id >= b.first_log)
  OR coalesce(m.checked_at > b.ended_at, 0) AS newer
FROM batches AS b
JOIN (
  SELECT message_id, min(first) AS first FROM (
    SELECT h.message_id, h.id AS first
    FROM batches AS b JOIN message_delivery_status AS h
      ON h.id BETWEEN b.first_change AND b.last_change
    WHERE b.id = :id AND h.batch = :id AND h.outcome <> 'undone'
    UNION ALL
    SELECT m.id, NULL
    FROM batches AS b JOIN messages AS m
      ON m.id BETWEEN b.first_message AND b.last_message
    WHERE b.id = :id AND m.batch = :id)
  GROUP BY message_id) AS c
JOIN messages AS m ON m.id = c.message_id
WHERE b.id = :id;

-- Requests to sms-hook in the order in which they were taken in, behind row
-- :after and up to :last, at most :limit; those that came from :since until
-- before :until and whose result is among :statuses (between commas).  What is
-- null asks for nothing.  What the message is now follows, where there is a
-- row of it.
SELECT l.id, l.twilio_message_sid, l.created_at, l.status, l.outcome,
  l.answer, l.took_us, l.peer, l.source, l.params, l.target, m.direction,
  m.created_at, m.ref
FROM webhook_logs AS l
LEFT JOIN messages AS m ON m.twilio_message_sid = l.twilio_message_sid
WHERE l.id > :after AND l.id <= :last
  AND (:since IS NULL OR l.created_at >= :since)
  AND (:until IS NULL OR l.created_at < :until)
  AND (:statuses IS NULL OR instr(:statuses, ',' || l.status || ','))
ORDER BY l.id
LIMIT :limit;

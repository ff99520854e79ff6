-- The outcome of a record that apply.sql had no row for: nothing new.
-- Parameters as there; no row when there is no such message.
SELECT coalesce(v.outcome, 'stale'), m.status
FROM messages AS m
LEFT JOIN verdict AS v ON v.old = m.status AND v.new = :status
WHERE m.id = CASE WHEN :sid IS NOT NULL
    THEN (SELECT id FROM messages WHERE twilio_message_sid = :sid)
    ELSE (SELECT id FROM messages WHERE ref = :ref) END;

-- Makes the row of a message that only a status record tells of, for
-- apply.sql to climb from.  Parameters as there, and :direction, :created_at,
-- :body_sha256.  No row for a word that can stand in none, and none if the
-- ref is that of another message.
INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
  from_number, body_sha256, status, created_at, updated_at, batch)
SELECT :sid, :ref, coalesce(:direction, CASE WHEN :status IN ('receiving',
    'received') THEN 'inbound' ELSE 'outbound-api' END),
  :to, :from, :body_sha256, 'none', coalesce(:created_at, :at, :now), :now,
  :batch
FROM verdicts WHERE old = 'none' AND new = :status
  AND (:status NOT IN ('receiving', 'received')
    OR coalesce(:direction, 'inbound') = 'inbound')
ON CONFLICT DO NOTHING
RETURNING id;

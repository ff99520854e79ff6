-- What is worth sending again, as send records: messages of :sender that did
-- not get through for a reason that passes, or never reached Twilio.
--
-- The tries for one message are its ref, ref~2, ref~3 and so on; a message
-- without a ref goes by its SID.  A ref that ends so by itself is one of its
-- own: a try is only what has a first.
--
-- :now     the time, in seconds since 1970, as the others
-- :tries   so many in all
-- :wait    the pause before the first retry; four times longer each time
-- :age     since the first was made, or was to go out, when it is given up
WITH failing AS (
  SELECT m.id, m.to_number, m.body, m.media_url, m.twilio_message_sid,
    coalesce(m.failed_at, m.updated_at) AS failed_at,
    coalesce(m.ref, m.twilio_message_sid) AS name,
    rtrim(coalesce(m.ref, m.twilio_message_sid), '0123456789') AS stem
  FROM messages AS m INDEXED BY messages_failed_idx
  WHERE m.status IN ('failed', 'undelivered')
    -- a scheduled message may have waited for 35 days
    AND m.created_at >= strftime('%Y-%m-%dT%H:%M:%SZ',
      :now - :age - 35 * 86400, 'unixepoch')
    AND m.direction = 'outbound-api'
    AND coalesce(m.sender, m.from_number) = :sender
    -- its text was blanked since
    AND NOT (m.body IS NULL AND (m.media_url IS NULL
      OR m.body_sha256 IS NOT NULL))
    AND CASE WHEN m.error_code IS NULL
      THEN m.status = 'failed' AND m.twilio_message_sid IS NULL
      ELSE 'transient' = (
        SELECT class FROM error_codes WHERE code = m.error_code) END
    AND NOT EXISTS (
      SELECT 1 FROM optouts
      WHERE recipient = m.to_number AND sender = :sender)
), known AS (
  SELECT f.*, first.id AS first_id,
    coalesce(first.ref, first.twilio_message_sid, f.name) AS first_name,
    CASE WHEN first.id IS NULL THEN 1
      ELSE CAST(substr(f.name, length(f.stem) + 1) AS INTEGER) END AS try
  FROM failing AS f
  LEFT JOIN messages AS first ON first.id = coalesce(
    (SELECT id FROM messages WHERE f.stem LIKE '_%~' AND f.stem <> f.name
      AND ref = substr(f.stem, 1, length(f.stem) - 1)),
    (SELECT id FROM messages WHERE f.stem LIKE '_%~' AND f.stem <> f.name
      AND ref IS NULL
      AND twilio_message_sid = substr(f.stem, 1, length(f.stem) - 1)))
), due AS (
  SELECT k.*, k.first_name || '~' || (k.try + 1) AS next
  FROM known AS k
  JOIN messages AS first ON first.id = coalesce(k.first_id, k.id)
  WHERE k.try < :tries
    AND strftime('%s', k.failed_at) + (:wait << 2 * (k.try - 1)) <= :now
    AND strftime('%s', max(first.created_at,
      coalesce(first.send_at, first.created_at))) + :age >= :now
)
SELECT to_number, body, next, media_url
FROM due
WHERE length(next) <= 100
  AND NOT EXISTS (SELECT 1 FROM messages WHERE ref = next)
  -- no try got through or is still on its way, and Twilio did not contradict
  -- itself about any of them
  AND NOT EXISTS (
    SELECT 1 FROM messages AS t
    WHERE (t.id = coalesce(first_id, due.id)
        OR t.ref > first_name || '~' AND t.ref < first_name || '~:')
      AND (t.status NOT IN ('failed', 'undelivered') OR EXISTS (
        SELECT 1 FROM message_delivery_status
        WHERE message_id = t.id AND outcome = 'conflict')))
ORDER BY failed_at, id;

-- The apply verb: merges one status record into its message, in one atomic
-- statement.  A row of history is added, with the verdict of the ladder, if
-- the record changes something or contradicts a final status for the first
-- time; the triggers of schema.sql carry it into messages.  A record that
-- brings nothing new adds and returns no row: verdict.sql tells its outcome.
--
-- The parameters are the fields of a status record, :sid to :error_message,
-- status in lower case, and :now.  Without :sid the message is that of :ref.
INSERT INTO message_delivery_status (message_id, created_at, old_status,
  status, rank, outcome, at, source, error_code, error_message, to_number,
  from_number, segments, price, currency)
SELECT m.id, :now, m.status,
  :status, coalesce(v.rank, -1), coalesce(v.outcome, 'stale'), :at, :source,
  :error_code, :error_message, :to, :from, :segments, :price, :currency
FROM messages AS m
LEFT JOIN verdict AS v ON v.old = m.status AND v.new = :status
WHERE m.id = CASE WHEN :sid IS NOT NULL
    THEN (SELECT id FROM messages WHERE twilio_message_sid = :sid)
    ELSE (SELECT id FROM messages WHERE ref = :ref) END
  AND CASE coalesce(v.outcome, 'conflict')
    WHEN 'applied' THEN 1
    WHEN 'conflict' THEN NOT EXISTS (
      SELECT 1 FROM message_delivery_status AS h
      WHERE h.message_id = m.id AND h.status = :status)
    ELSE  -- same, stale: only for new facts
      (:error_code IS NOT NULL AND (v.rank, :error_code) >
        (coalesce(m.error_rank, -2), coalesce(m.error_code, '')))
      OR (:error_message IS NOT NULL AND m.error_message IS NULL
        AND m.error_code IS :error_code AND :status <> 'ambiguous')
      OR (:to IS NOT NULL AND m.to_number IS NULL)
      OR (:from IS NOT NULL AND :from IS NOT m.from_number)
      OR (:segments IS NOT NULL AND :segments IS NOT m.segments)
      OR (:price IS NOT NULL AND :price IS NOT m.price)
      OR (:currency IS NOT NULL AND :currency IS NOT m.currency)
      OR (:at IS NOT NULL AND :at < CASE :status
        WHEN 'sent' THEN coalesce(m.sent_at, '9')
        WHEN 'delivered' THEN coalesce(m.delivered_at, '9')
        WHEN 'failed' THEN coalesce(m.failed_at, '9')
        WHEN 'undelivered' THEN coalesce(m.failed_at, '9') END)
    END
RETURNING outcome, old_status;

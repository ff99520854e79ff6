-- What is to become of a status record: its outcome by the ladder, the status
-- of its message, the rank of its own, whether it brings anything new, that is
-- changes something or contradicts a final status for the first time, what it
-- would replace, whether it brings more than its status, and whether callbacks
-- were not asked for.  apply.sql, follow.sql and facts.sql carry that out, in the same transaction.
--
-- The parameters are :id, the row of the message (no row if that is no longer
-- the record's), the fields of a status
-- record, :status in lower case, and, where all this may be taken back,
-- :batch; then :attached is 1 if the record has told the row its SID.
SELECT coalesce(v.outcome, 'stale'), m.status, coalesce(v.rank, -1),
  CASE coalesce(v.outcome, 'conflict')
    WHEN 'applied' THEN 1
    WHEN 'conflict' THEN NOT EXISTS (
      SELECT 1 FROM message_delivery_status AS h
      WHERE h.message_id = m.id AND h.status = :status
        AND h.outcome <> 'undone')
    ELSE  -- same, stale: only for new facts
      (:error_code IS NOT NULL AND (v.rank, :error_code) >
        (coalesce(m.error_rank, -2), coalesce(m.error_code, '')))
      OR (:error_message IS NOT NULL AND m.error_message IS NULL
        AND m.error_code IS :error_code AND :status <> 'ambiguous')
      OR m.differs
      OR (:at IS NOT NULL AND :at < CASE :status
        WHEN 'sent' THEN coalesce(m.sent_at, '9')
        WHEN 'delivered' THEN coalesce(m.delivered_at, '9')
        WHEN 'failed' THEN coalesce(m.failed_at, '9')
        WHEN 'undelivered' THEN coalesce(m.failed_at, '9') END)
    END,
  CASE WHEN :batch IS NOT NULL AND (:attached
      OR :source IN ('fetch', 'list')
      OR coalesce(:error_code, :error_message, :to, :from, :segments, :price,
        :currency) IS NOT NULL
      OR CASE :status WHEN 'sent' THEN m.sent_at
        WHEN 'delivered' THEN m.delivered_at
        WHEN 'failed' THEN m.failed_at
        WHEN 'undelivered' THEN m.failed_at END IS NOT NULL)
    THEN json_array(:attached, m.to_number, m.from_number, m.segments,
      m.price, m.currency, m.error_code, m.error_message, m.error_rank,
      m.sent_at, m.delivered_at, m.failed_at, m.checked_at) END,
  coalesce(v.outcome, 'conflict') <> 'conflict' AND (
    coalesce(:error_code, :error_message) IS NOT NULL OR m.differs),
  m.uncalled
FROM (
  SELECT *, (:to IS NOT NULL AND to_number IS NULL)
    OR (:from IS NOT NULL AND :from IS NOT from_number)
    OR (:segments IS NOT NULL AND :segments IS NOT segments)
    OR (:price IS NOT NULL AND :price IS NOT price)
    OR (:currency IS NOT NULL AND :currency IS NOT currency) AS differs
  FROM messages) AS m
LEFT JOIN verdicts AS v ON v.old = m.status AND v.new = :status
WHERE m.id = :id AND CASE WHEN :sid IS NOT NULL
  THEN m.twilio_message_sid = :sid ELSE m.ref = :ref END;

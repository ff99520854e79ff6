-- Keeps a status record whose message has no row yet.  Parameters as in
-- apply.sql, and :direction, :created_at, :batch.
INSERT INTO early_status (created_at, sid, status, error_code, at, source,
  to_number, from_number, direction, segments, price, currency, ref, made_at,
  error_message, batch)
VALUES (:now, :sid, :status, :error_code, :at, :source,
  :to, :from, :direction, :segments, :price, :currency, :ref, :created_at,
  :error_message, :batch)
ON CONFLICT DO NOTHING;

-- Takes out what came for :sid before its row: status records, each with
-- its batch.
DELETE FROM early_status WHERE sid = :sid
RETURNING sid, status, error_code, at, source, to_number, from_number,
  direction, segments, price, currency, ref, made_at, error_message, NULL,
  batch;

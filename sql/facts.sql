-- What a status record brings besides its status goes into its message, by the
-- trigger of schema-7.sql.  The parameters are those of apply.sql.
INSERT INTO message_facts (message_id, created_at, status, rank, error_code,
  error_message, to_number, from_number, segments, price, currency)
VALUES (:id, :now, :status, :rank, :error_code,
  :error_message, :to, :from, :segments, :price, :currency);

-- The apply verb: merges one status record into its message.  A row of history
-- is added with the verdict of the ladder; follow.sql and facts.sql carry it
-- into messages.
--
-- The parameters are those of verdict.sql, :now, and what that query has said
-- of them in the same transaction: :outcome, :old, :rank, :was and :uncalled.
-- An INSERT
-- with values, as one from a SELECT would keep its rows in a table of its own
-- for each record: twice the time.
INSERT INTO message_delivery_status (message_id, created_at, old_status,
  status, rank, outcome, at, source, error_code, error_message, to_number,
  from_number, segments, price, currency, batch, was, called_at)
VALUES (:id, :now, :old,
  :status, :rank, :outcome, :at, :source, :error_code, :error_message, :to,
  :from, :segments, :price, :currency, :batch, :was,
  CASE WHEN :uncalled THEN '' END);

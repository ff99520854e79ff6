-- A record of batch :id has taken effect now: its message has got a row.
UPDATE batches SET changed = changed + 1, last_change = (
  SELECT max(id) FROM message_delivery_status)
WHERE id = :id;

-- What batch :id has done so far.
INSERT INTO batches (id, created_at, ended_at, changed, made, kept,
  first_change, last_change, first_message, last_message, first_log)
VALUES (:id, :now, :now, :changed, :made, :kept,
  :first_change, coalesce((SELECT max(id) FROM message_delivery_status), 0),
  :first_message, coalesce((SELECT max(id) FROM messages), 0), :first_log)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at,
  changed = excluded.changed, made = excluded.made, kept = excluded.kept,
  last_change = excluded.last_change, last_message = excluded.last_message;

-- What older batches had brought before there was a row for it is kept again,
-- as the row that batch :id made goes.
INSERT INTO early_status (created_at, sid, status, error_code, at, source,
  to_number, from_number, direction, segments, price, currency, ref,
  error_message, batch)
SELECT h.created_at, u.sid, h.status, h.error_code, h.at, h.source,
  h.to_number, h.from_number, m.direction, h.segments, h.price, h.currency,
  u.ref, h.error_message, h.batch
FROM undoing AS u JOIN messages AS m ON m.id = u.id
JOIN message_delivery_status AS h ON h.message_id = u.id
WHERE u.made AND NOT u.newer AND u.sid IS NOT NULL AND h.batch < :id
  AND h.outcome <> 'undone'
ORDER BY h.id
ON CONFLICT DO NOTHING;

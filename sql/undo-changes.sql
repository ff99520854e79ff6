-- The rows of history of batch :id that are to be taken back, newest first.
SELECT h.id
FROM batches AS b JOIN message_delivery_status AS h
  ON h.id BETWEEN b.first_change AND b.last_change
WHERE b.id = :id AND h.batch = :id AND h.outcome <> 'undone'
  AND h.message_id IN (SELECT id FROM undoing WHERE NOT newer AND NOT made)
ORDER BY h.id DESC;

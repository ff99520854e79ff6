-- The rows of history of batch :id that are to be taken back, newest first.  Of
-- a message that goes itself only what is kept elsewhere: an opt-out.
SELECT h.id
FROM batches AS b JOIN message_delivery_status AS h
  ON h.id BETWEEN b.first_change AND b.last_change
WHERE b.id = :id AND h.batch = :id AND h.outcome <> 'undone'
  AND h.message_id IN (SELECT id FROM undoing
    WHERE NOT newer AND (NOT made OR h.error_code = '21610'))
ORDER BY h.id DESC;

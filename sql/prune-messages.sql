-- :limit messages to :number; their history goes with them.
DELETE FROM messages
WHERE id IN (SELECT id FROM messages
  WHERE to_number = :number AND direction <> 'inbound' LIMIT :limit);

-- How many messages were made to go out since :since, to :to or, without it,
-- to anyone.
SELECT count(*) FROM messages
WHERE created_at >= :since AND direction <> 'inbound'
  AND (:to IS NULL OR to_number = :to);

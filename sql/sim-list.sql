-- SIDs of a page of messages with their keys, newest first: those that come
-- behind the key :after_ms, :after_id, sent from :begin_ms on and before
-- :end_ms.  With :dated only what has a date, that is was sent.
SELECT sid, list_ms, id
FROM message
WHERE list_ms <= :after_ms AND (list_ms < :after_ms OR id < :after_id)
	AND list_ms >= :begin_ms AND list_ms < :end_ms
	AND (:to IS NULL OR to_number = :to)
	AND (:from IS NULL OR from_number = :from)
	AND (NOT :dated OR sent_ms <= :now)
ORDER BY list_ms DESC, id DESC
LIMIT :size;

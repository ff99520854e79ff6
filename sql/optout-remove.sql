-- :recipient may be written to again by :sender or, without one, by all.
DELETE FROM optouts
WHERE recipient = :recipient AND sender = coalesce(:sender, sender);

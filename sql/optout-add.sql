-- :recipient is not to be written to by :sender.  A pair that is there stays
-- as it is.
INSERT INTO optouts (recipient, sender, created_at, source)
VALUES (:recipient, :sender, :now, :source)
ON CONFLICT DO NOTHING;

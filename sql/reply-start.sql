-- :from has sent START to :sender at :at.  A STOP that came later stays, and so
-- does a pair that was added by hand.
DELETE FROM optouts
WHERE recipient = :from AND sender = :sender AND created_at <= :at
  AND source <> 'manual';

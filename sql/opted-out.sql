-- Has :to opted out of what :sender sends?
SELECT 1 FROM optouts WHERE recipient = :to AND sender = :sender;

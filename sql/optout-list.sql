-- The opt-outs, of :recipient and of :sender where these are given.
SELECT recipient, sender, created_at, source
FROM optouts
WHERE recipient = coalesce(:recipient, recipient)
  AND sender = coalesce(:sender, sender)
ORDER BY recipient, sender;

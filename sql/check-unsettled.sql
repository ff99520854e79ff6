-- Messages made before :stuck of which nobody knows whether they reached
-- Twilio, or that were written down and never posted.
SELECT count(*)
FROM messages INDEXED BY messages_unsettled_idx
WHERE status IN ('pending', 'ambiguous') AND created_at <= :stuck;

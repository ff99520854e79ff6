-- Messages of which nobody knows whether they reached Twilio.
SELECT count(*)
FROM messages INDEXED BY messages_unsettled_idx
WHERE status IN ('pending', 'ambiguous') AND status = 'ambiguous';

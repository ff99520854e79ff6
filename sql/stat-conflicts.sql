-- Messages that were told contradicting final statuses.
SELECT count(DISTINCT message_id)
FROM message_delivery_status INDEXED BY message_delivery_status_conflict_idx
WHERE outcome = 'conflict';

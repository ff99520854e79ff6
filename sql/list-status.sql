-- Whether :status is a word that a message may have.
SELECT 1 WHERE :status IN (SELECT status FROM ladder)
  OR :status IN ('receiving', 'received')
  OR :status IN (SELECT status FROM message_counts);

-- How many messages there are of each status, in the order of the ladder; of
-- :direction, and those among :statuses (between commas), if they are not
-- null.
SELECT c.status, sum(c.n)
FROM message_counts AS c LEFT JOIN ladder AS l ON l.status = c.status
WHERE c.n > 0
  AND (:direction IS NULL OR direction = :direction
    OR (:direction = 'outbound' AND direction LIKE 'outbound-%'))
  AND (:statuses IS NULL OR instr(:statuses, ',' || c.status || ','))
GROUP BY c.status
ORDER BY coalesce(l.rank, -1), c.status;

-- How many messages there are of each status, in the order of the ladder; of
-- those among :statuses (between commas), if that is not null.
SELECT c.status, c.n
FROM message_counts AS c LEFT JOIN ladder AS l ON l.status = c.status
WHERE c.n > 0
  AND (:statuses IS NULL OR instr(:statuses, ',' || c.status || ','))
ORDER BY coalesce(l.rank, -1), c.status;

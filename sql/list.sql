-- Messages as status records, oldest first: those made from :since until
-- before :until, of :direction, with error :code, to or from :number, whose
-- status is among :statuses (between commas), and with :conflict those that
-- were told contradicting final statuses.  What is null asks for nothing.  At
-- most :limit of them (-1: all), behind row :after_id, made at :after.
SELECT *
FROM message_records AS m
WHERE (created_at, id) > (coalesce(:after, :since, ''), coalesce(:after_id, 0))
  AND created_at < coalesce(:until, '~')
  AND (:direction IS NULL OR direction = :direction
    OR (:direction = 'outbound' AND direction LIKE 'outbound-%'))
  AND (:code IS NULL OR error_code = :code)
  AND (:number IS NULL OR "to" = :number OR "from" = :number)
  AND (:statuses IS NULL OR instr(:statuses, ',' || status || ','))
  AND (:conflict IS NULL OR EXISTS (
    SELECT 1 FROM message_delivery_status
    WHERE message_id = m.id AND outcome = 'conflict'))
ORDER BY created_at, id
LIMIT :limit;

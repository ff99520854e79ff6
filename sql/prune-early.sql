-- :limit records that were kept since before :before for a message that never
-- got a row.
DELETE FROM early_status
WHERE id IN (SELECT id FROM early_status WHERE created_at < :before
  LIMIT :limit);

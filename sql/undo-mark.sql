-- Batch :id is being taken back, unless something newer has come to all of it.
UPDATE batches SET undone_at = CASE
    WHEN EXISTS (SELECT 1 FROM undoing WHERE NOT newer)
      OR NOT EXISTS (SELECT 1 FROM undoing) THEN :now
    ELSE undone_at END
WHERE id = :id;

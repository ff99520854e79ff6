-- Batch :id is being taken back.
UPDATE batches SET undone_at = :now WHERE id = :id;

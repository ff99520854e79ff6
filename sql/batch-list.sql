-- The batches, newest first.
SELECT id, created_at, changed, made, kept, undone_at
FROM batches ORDER BY id DESC;

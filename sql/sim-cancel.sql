-- A message that will not be sent after all.
UPDATE message SET sent_ms = NULL, list_ms = created_ms, touched_ms = :now
WHERE sid = :sid;

-- The counts of :limit minutes before :before.
DELETE FROM webhook_refused
WHERE minute IN (SELECT minute FROM webhook_refused WHERE minute < :before
  LIMIT :limit);

-- Callback :id was answered with :http_status, or not at all (0).
UPDATE callback
SET posted_ms = (SELECT ms FROM now), http_status = :http_status,
	tries = :tries
WHERE id = :id;

-- All requests that were refused since :since.
SELECT coalesce(sum(requests), 0)
FROM webhook_refused
WHERE minute >= :since AND minute <= :now;

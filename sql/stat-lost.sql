-- Callbacks that were due since :since and never came, by the status that
-- they would have told.
SELECT status, sum(n)
FROM lost_callbacks
WHERE hour >= :since AND hour <= :now
GROUP BY status;

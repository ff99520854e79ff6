-- The share of the changes since :since that a callback should have told and
-- that only asking Twilio brought; null if there were none.
WITH lost AS (
  SELECT coalesce(sum(n), 0) AS n
  FROM lost_callbacks WHERE hour >= :since AND hour <= :now
), came AS (
  SELECT count(*) AS n
  FROM webhook_logs
  WHERE created_at >= :since AND created_at <= :now
    AND status = 'success' AND outcome = 'applied'
)
SELECT lost.n * 1.0 / nullif(lost.n + came.n, 0) FROM lost, came;

-- How many requests were refused in a minute.  It is told more than once while
-- that minute lasts, and again after a kill: the largest number holds.
--   :minute    text time, its first second
--   :requests  so far
INSERT INTO webhook_refused (minute, requests) VALUES (:minute, :requests)
ON CONFLICT (minute) DO UPDATE
  SET requests = max(requests, excluded.requests);

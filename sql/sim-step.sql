-- Step :n in the life of :sid.
INSERT INTO step (sid, n, at_ms, status, error_code)
VALUES (:sid, :n, :at, :status, nullif(:error_code, 0));

-- The callback that tells step :n of :sid, to be posted at :due or lost.
INSERT INTO callback (sid, n, status, error_code, due_ms, token, dropped)
VALUES (:sid, :n, :status, nullif(:error_code, 0), :due, :token, :dropped);

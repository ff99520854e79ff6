-- A request to the API and what it was answered.
INSERT INTO request (at_ms, method, path, query, http_status, fault)
VALUES (:now, :method, :path, :query, :http_status, :fault);

-- Counts one more :what and tells how many there were.
INSERT INTO seen (what) VALUES (:what)
ON CONFLICT (what) DO UPDATE SET n = n + 1
RETURNING n;

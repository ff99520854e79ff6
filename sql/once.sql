-- Notes that the spool of :id is taken in; adds no row if it was before.
INSERT INTO spool_taken (id) VALUES (:id) ON CONFLICT DO NOTHING;

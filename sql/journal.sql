-- A message about to be sent.  A :ref that is there already adds no row.
INSERT INTO messages (ref, direction, to_number, from_number, body, media_url,
  status, created_at, updated_at)
VALUES (:ref, 'outbound-api', :to, :from, :body, :media_url,
  'pending', :now, :now)
ON CONFLICT (ref) DO NOTHING;

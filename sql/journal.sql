-- A message about to be sent.  A :ref that is there already adds no row.
INSERT INTO messages (ref, direction, to_number, from_number, sender, body,
  body_sha256, media_url, segments, send_at, uncalled, status, created_at,
  updated_at)
VALUES (:ref, 'outbound-api', :to, :sender, :sender, :body,
  :body_sha256, :media_url, :segments, :send_at, :uncalled, 'pending', :now,
  :now)
ON CONFLICT (ref) DO NOTHING
RETURNING id;

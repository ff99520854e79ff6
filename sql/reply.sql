-- A message that came in, :from somebody :to us at :at.  A :sid that is there
-- already adds no row.
INSERT INTO messages (twilio_message_sid, direction, to_number, from_number,
  sender, body, media_url, segments, status, created_at, updated_at)
VALUES (:sid, 'inbound', :to, :from,
  :service, :body, :media_url, :segments, 'received', :at, :now)
ON CONFLICT (twilio_message_sid) DO NOTHING;

-- A message that came in is told again, perhaps by another way: what was not
-- known is added.  Changes no row if :sid is that of a message that went out.
UPDATE messages SET
  body = coalesce(body, :body),
  media_url = coalesce(media_url, :media_url),
  segments = coalesce(segments, :segments),
  sender = coalesce(sender, :service)
WHERE twilio_message_sid = :sid AND direction = 'inbound';

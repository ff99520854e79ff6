-- The callback that came says what Twilio had to be asked for: not lost.
UPDATE message_delivery_status SET called_at = :now
WHERE message_id = :id AND status = :status AND outcome = 'applied'
  AND source IN ('fetch', 'list') AND called_at IS NULL;

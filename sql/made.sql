-- How many messages were made to go out since :since, to :to or, without it,
-- to anyone.  Those that never reached Twilio cost nothing and do not count.
SELECT count(*) FROM messages
WHERE created_at >= :since AND direction <> 'inbound'
  AND (:to IS NULL OR to_number = :to)
  AND NOT (status = 'failed' AND twilio_message_sid IS NULL);

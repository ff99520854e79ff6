-- The requests to sms-hook that named :sid.
SELECT created_at, status, outcome, answer, took_us, peer
FROM webhook_logs
WHERE twilio_message_sid = :sid
ORDER BY id;

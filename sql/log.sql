-- One request to sms-hook.
INSERT INTO webhook_logs (created_at, twilio_message_sid, params, status,
  outcome, peer, answer, took_us)
VALUES (:at, :sid, :params, :status, :outcome, :peer, :answer, :took_us);

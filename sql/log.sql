-- One request to sms-hook, or one event of it.
INSERT INTO webhook_logs (created_at, twilio_message_sid, params, status,
  outcome, peer, answer, took_us, signature, host, target, source, event_id)
VALUES (:at, :sid, :params, :status, :outcome, :peer, :answer, :took_us,
  :signature, :host, :target, :source, :event_id);

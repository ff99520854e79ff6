-- A new message; its steps follow.
INSERT INTO message (sid, account_sid, to_number, from_number, from_given,
	messaging_service_sid, body, num_media, num_segments, status_callback,
	created_ms, touched_ms, sent_ms, list_ms)
VALUES (:sid, :account, :to, :from, :from_given, :service, :body, :num_media,
	:num_segments, :status_callback, :now, :now, :sent,
	coalesce(:sent, :now));

-- Was the event of :event_id taken in?
SELECT 1 FROM webhook_logs WHERE event_id = :event_id;

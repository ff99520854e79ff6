-- :limit requests in the webhook log about messages to :number.
DELETE FROM webhook_logs
WHERE id IN (SELECT l.id FROM messages AS m CROSS JOIN webhook_logs AS l
    ON l.twilio_message_sid = m.twilio_message_sid
  WHERE m.to_number = :number AND m.direction <> 'inbound' LIMIT :limit);

-- Whether the store has an outbound message.
SELECT EXISTS (SELECT 1 FROM messages WHERE direction <> 'inbound');

-- Takes back one row of history; message_follows_undo does the rest.
UPDATE message_delivery_status SET outcome = 'undone' WHERE id = :change;

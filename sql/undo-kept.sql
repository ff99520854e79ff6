-- Removes what batch :id brought for messages that have no row yet.
DELETE FROM early_status WHERE batch = :id;

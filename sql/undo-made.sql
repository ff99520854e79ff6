-- Removes the messages that the batch made, and their history.
DELETE FROM messages WHERE id IN (
  SELECT id FROM undoing WHERE made AND NOT newer);

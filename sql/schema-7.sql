-- From version 6 to 7: what a record brings goes into its message by follow.sql
-- and, if it is more than the status, by a trigger of its own.  SQLite makes
-- room for all statements of a trigger each time it runs one, whether they have
-- anything to do or not, and copies each page that a statement with a trigger
-- changes: together a third of the work of taking in a record.
-- A process of an earlier version that has the store open all the while would
-- add rows of history that nothing carries on: as the table that it asks first
-- has another name now, it fails, and what it was about waits for others.
DROP TRIGGER message_follows_history;
ALTER TABLE verdict RENAME TO verdicts;

-- 1: it was sent without asking for callbacks, so none of them can be lost.
-- What only asking Twilio brings for it has '' in called_at.
ALTER TABLE messages ADD COLUMN uncalled INTEGER;

-- The facts that the rows of history have brought.  Those that are inserted
-- here go into their message; a conflict has none.
CREATE VIEW message_facts (message_id, created_at, status, rank, error_code,
  error_message, to_number, from_number, segments, price, currency) AS
SELECT message_id, created_at, status, rank, error_code, error_message,
  to_number, from_number, segments, price, currency
FROM message_delivery_status
WHERE outcome NOT IN ('conflict', 'undone') AND rank >= 0;

CREATE TRIGGER message_takes_facts
INSTEAD OF INSERT ON message_facts
BEGIN
  UPDATE messages SET
    from_number = coalesce(NEW.from_number, from_number),
    segments = coalesce(NEW.segments, segments),
    price = coalesce(NEW.price, price),
    currency = coalesce(NEW.currency, currency)
  WHERE coalesce(NEW.from_number, NEW.segments, NEW.price, NEW.currency)
      IS NOT NULL
    AND id = NEW.message_id;

  UPDATE messages SET to_number = NEW.to_number
  WHERE NEW.to_number IS NOT NULL
    AND id = NEW.message_id AND to_number IS NULL;

  -- The error of a higher status wins over that of a lower one.  Why an
  -- answer could not be read stays in the history.
  UPDATE messages SET
    error_code = NEW.error_code,
    error_message = coalesce(NEW.error_message,
      CASE WHEN error_code IS NEW.error_code THEN error_message END),
    error_rank = NEW.rank
  WHERE NEW.status <> 'ambiguous'
    AND (NEW.error_code IS NOT NULL OR NEW.error_message IS NOT NULL)
    AND id = NEW.message_id
    AND (error_rank IS NULL OR (NEW.rank, coalesce(NEW.error_code, '')) >=
         (error_rank, coalesce(error_code, '')));

  -- 21610: the recipient has sent STOP to this sender.
  INSERT INTO optouts (recipient, sender, created_at, source)
  SELECT to_number, coalesce(sender, from_number), NEW.created_at, 'error'
  FROM messages
  WHERE NEW.error_code = '21610'
    AND id = NEW.message_id AND to_number IS NOT NULL
    AND coalesce(sender, from_number) IS NOT NULL
  ON CONFLICT DO NOTHING;
END;

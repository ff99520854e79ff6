-- Notes at :now that :who was shown what is masked, by :command.
INSERT INTO access_log (created_at, who, command)
VALUES (:now, :who, :command);

-- Blanks what came to sms-hook before :before with the text of a reply in it,
-- of rows :first to :last.
UPDATE webhook_logs SET params = NULL
WHERE id IN (SELECT id FROM webhook_logs
  WHERE id BETWEEN :first AND :last
    AND created_at < :before AND params IS NOT NULL
    AND (source = 'reply' OR params LIKE '%Body=%' OR params LIKE '%"body"%'));

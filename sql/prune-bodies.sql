-- Blanks the texts of messages made before :before that need no more sending,
-- of rows :first to :last; their hash stays.
UPDATE messages SET body = NULL, media_url = NULL
WHERE id IN (SELECT id FROM messages
  WHERE id BETWEEN :first AND :last AND created_at < :before
    AND (body IS NOT NULL OR media_url IS NOT NULL)
    AND status NOT IN ('pending', 'ambiguous', 'scheduled', 'accepted',
      'queued', 'sending'));

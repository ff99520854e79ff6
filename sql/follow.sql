-- The row of history that apply.sql has added is carried into its message: the
-- only place where a status changes, upwards by the verdict that it was added
-- with.  The parameters are those of apply.sql.
UPDATE messages SET
  status = CASE :outcome WHEN 'applied' THEN :status ELSE status END,
  updated_at = :now,
  sent_at = CASE WHEN :status = 'sent'
    THEN min(coalesce(sent_at, :at), :at) ELSE sent_at END,
  delivered_at = CASE WHEN :status = 'delivered'
    THEN min(coalesce(delivered_at, :at), :at) ELSE delivered_at END,
  failed_at = CASE WHEN :status IN ('failed', 'undelivered')
    THEN min(coalesce(failed_at, :at), :at) ELSE failed_at END
WHERE id = :id AND status = :old AND :outcome <> 'conflict' AND :rank >= 0;

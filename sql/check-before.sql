-- How outbound messages ended in the 4 weeks before the last :hours hours, the
-- present one included: how many, and how many failed, the newest 10,000.
SELECT count(*), coalesce(sum(status IN ('failed', 'undelivered')), 0)
FROM (
  SELECT status
  FROM messages INDEXED BY messages_created_idx
  WHERE created_at >= strftime('%Y-%m-%dT%H:%M:%SZ', :now, '-28 days')
    AND created_at <
      strftime('%Y-%m-%dT%H:00:00Z', :now, (1 - :hours) || ' hours')
    AND direction <> 'inbound'
    AND status IN ('delivered', 'read', 'undelivered', 'failed')
  ORDER BY created_at DESC
  LIMIT 10000);

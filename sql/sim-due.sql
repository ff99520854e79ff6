-- Callbacks that are due at :now, in the order in which they are to be
-- posted.  Most carriers, not all, tell the date of their receipt.
SELECT c.id, c.sid, m.status_callback, c.token, c.status, c.error_code,
	m.account_sid, m.from_number, m.to_number, m.messaging_service_sid,
	CASE WHEN c.status IN ('delivered', 'undelivered')
		AND substr(c.sid, -1) NOT IN ('0', '1', '2')
		THEN substr(strftime('%Y%m%d%H%M', s.at_ms / 1000,
			'unixepoch'), 3) END
FROM callback c
JOIN message m ON m.sid = c.sid
JOIN step s ON s.sid = c.sid AND s.n = c.n
WHERE c.posted_ms IS NULL AND c.dropped = 0 AND c.due_ms <= :now
ORDER BY c.due_ms, c.id;

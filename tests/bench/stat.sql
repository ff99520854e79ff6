-- A store of :messages messages over the 90 days before :now, about as a shop
-- would have them: 3 % fail, one in 2,000 is still open; each with its
-- history and the last callback, in the last two days all three.
CREATE TEMP TABLE made AS
WITH RECURSIVE n (i) AS (
  SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :messages
), r AS (
  SELECT i, strftime('%s', :now) - 7776000 + i * 7776000 / :messages AS t,
    abs(random()) % 10000 AS d, abs(random()) % 100000 AS p
  FROM n
)
SELECT i, t, CASE WHEN d < 300 THEN iif(d % 2, 'failed', 'undelivered')
    WHEN i % 2000 = 0 THEN 'sent' ELSE 'delivered' END AS status,
  printf('+4477009%05d', p) AS recipient,
  CASE d % 5 WHEN 0 THEN '30003' WHEN 1 THEN '30005' WHEN 2 THEN '30006'
    WHEN 3 THEN '30007' ELSE '21610' END AS code,
  2 + d % 40 + CASE WHEN d > 9900 THEN 600 ELSE 0 END AS took
FROM r;

BEGIN;
INSERT INTO messages (id, twilio_message_sid, ref, direction, to_number,
  from_number, body, status, error_code, error_rank, segments, price, currency,
  created_at, updated_at, delivered_at, failed_at)
SELECT i + 1, printf('SM%032x', i), printf('order-%d', i), 'outbound-api',
  recipient, '+15005550006',
  'Your table for four is booked for tonight at eight. Reply STOP to end.',
  status, CASE WHEN status NOT IN ('sent', 'delivered') THEN code END,
  CASE WHEN status NOT IN ('sent', 'delivered') THEN 8 END, 1 + i % 3,
  '-0.0079', 'USD', strftime('%Y-%m-%dT%H:%M:%SZ', t, 'unixepoch'),
  strftime('%Y-%m-%dT%H:%M:%SZ', iif(status = 'sent', t, t + took),
    'unixepoch'),
  CASE status WHEN 'delivered'
    THEN strftime('%Y-%m-%dT%H:%M:%SZ', t + took, 'unixepoch') END,
  CASE WHEN status NOT IN ('sent', 'delivered')
    THEN strftime('%Y-%m-%dT%H:%M:%SZ', t + took, 'unixepoch') END
FROM made;
INSERT OR IGNORE INTO optouts (recipient, sender, created_at, source)
SELECT to_number, from_number, updated_at, 'error'
FROM messages WHERE error_code = '21610';
INSERT INTO message_delivery_status (message_id, created_at, old_status,
  status, rank, outcome, at, source, error_code)
SELECT i + 1, strftime('%Y-%m-%dT%H:%M:%SZ', t + took, 'unixepoch'), 'queued',
  status, 8, 'applied',
  strftime('%Y-%m-%dT%H:%M:%SZ', t + took, 'unixepoch'),
  iif(i % 200, 'hook', 'fetch'), CASE status WHEN 'delivered' THEN NULL
    ELSE code END
FROM made WHERE status <> 'sent';
INSERT INTO webhook_logs (created_at, twilio_message_sid, params, status,
  outcome, peer, answer, took_us, source)
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', t + took, 'unixepoch'),
  printf('SM%032x', i), printf('ApiVersion=2010-04-01&AccountSid='
    || 'AC00000000000000000000000000000001&MessageSid=SM%032x&SmsSid=SM%032x'
    || '&SmsStatus=%s&MessageStatus=%s&To=%%2B%s&From=%%2B15005550006',
    i, i, made.status, made.status, substr(recipient, 2)),
  iif(i % 997, 'success', 'bad_signature'), iif(i % 997, 'applied', NULL),
  '54.1.2.3', iif(i % 997, 200, 401), 900 + i % 3000, 'hook'
FROM made, (VALUES (0), (1), (2)) AS c
WHERE c.column1 = 0 OR t > strftime('%s', :now) - 172800
ORDER BY i;
COMMIT;
DROP TABLE made;

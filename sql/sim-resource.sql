-- The Message resource of :sid as Twilio shows it now.  mail_date() is the
-- simulator's: seconds as "Thu, 24 Aug 2023 05:01:45 +0000".
WITH m AS (
	SELECT *, (SELECT ms FROM now) AS now_ms,
		'/2010-04-01/Accounts/' || account_sid || '/Messages/' || sid
			AS uri,
		n = (SELECT max(n) FROM step WHERE sid = :sid) AS ended
	FROM present WHERE sid = :sid
)
SELECT json_object(
	'account_sid', account_sid,
	'api_version', '2010-04-01',
	'body', body,
	'date_created', mail_date(created_ms / 1000),
	'date_sent', CASE WHEN status IN ('sent', 'delivered', 'undelivered')
		THEN mail_date(sent_ms / 1000) END,
	'date_updated', mail_date(max(at_ms, touched_ms) / 1000),
	'direction', 'outbound-api',
	'error_code', error_code,
	'error_message', error_message,
	'from', CASE WHEN from_given OR status NOT IN ('accepted', 'scheduled')
		THEN from_number END,
	'messaging_service_sid', messaging_service_sid,
	'num_media', CAST(num_media AS TEXT),
	'num_segments', CAST(CASE WHEN status IN ('accepted', 'scheduled')
		THEN 0 ELSE num_segments END AS TEXT),
	-- known ten seconds after the end
	'price', CASE WHEN ended AND status <> 'canceled'
		AND at_ms + 10000 <= now_ms
		THEN printf('-%.5f', 0.0075 * num_segments) END,
	'price_unit', 'USD',
	'sid', sid,
	'status', status,
	'subresource_uris', json_object(
		'media', uri || '/Media.json',
		'feedback', uri || '/Feedback.json'),
	'to', to_number,
	'uri', uri || '.json')
FROM m;

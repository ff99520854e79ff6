# The steps of sms-migrate(7), as they stand there, on a table like that of
# the web application: one test, as each step begins where the last ended.

load helper

setup() {
	common_setup
	export EXAMPLES=$ROOT/examples
}

teardown() {
	common_teardown
}

# step number: what the page shows in its display of that number
step() {
	awk -v n="$1" '/^\.Ed/ { inside = 0 } inside { print }
		/^\.Bd/ { inside = ++i == n }' "$ROOT/man/sms-migrate.7" |
		sed 's/\\e/\\/g' >"step$1"
	[ -s "step$1" ]
	bash -e -o pipefail "step$1" </dev/null
}

# What the other program's database would write: messages that Twilio knows
# more of than it, and all that is odd.
old_table() {
	sim_start -S old
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	seq -f '+1415555%04g	old' 20 |
		SMS_DB=$PWD/other.db sms-send -C >/dev/null
	sim_clock 2h
	sim_settled
	sqlite3 app.db "
	CREATE TABLE messages (id TEXT, body TEXT, twilio_message_sid TEXT,
		direction TEXT, to_number TEXT, from_number TEXT, status TEXT,
		error_code TEXT, error_message TEXT, created_at TEXT, sent_at TEXT,
		delivered_at TEXT, failed_at TEXT, customer TEXT);
	ATTACH 'other.db' AS o;
	INSERT INTO messages SELECT 'c0ffee-' || id, 'Hello ' || id,
		twilio_message_sid, 'outbound', to_number, from_number, 'queued', NULL,
		NULL, '2025-08-21 08:34:39.5+00', NULL, NULL, NULL, 'x' FROM o.messages;
	UPDATE messages SET body = 'Two lines' || char(10) || 'and a' || char(9) ||
		'tab, a \"quote\", a \\N and an ä' || char(13) || char(10)
		WHERE id = 'c0ffee-1';
	INSERT INTO messages VALUES
	('d1', 'done', 'SM00000000000000000000000000000001', 'outbound-api',
		'+14155550201', '+15005550006', 'delivered', NULL, NULL,
		'2025-08-20 10:00:00+02', '2025-08-20T08:00:01Z',
		'2025-08-20 08:00:02.7', NULL, 'x'),
	('d2', 'no', 'SM00000000000000000000000000000002', 'outbound-api',
		'+14155550202', '+15005550006', 'Undelivered', '30003',
		'Line one' || char(10) || 'two' || char(9) || 'and \\ three',
		'2025-08-20 08:00:00+00', '2025-08-20 08:00:01+00', NULL,
		'2025-08-20 08:00:03+00', 'x'),
	('d3', 'in', 'SM00000000000000000000000000000003', 'inbound',
		'+15005550006', '+14155550203', 'received', NULL, NULL,
		'2025-08-20 08:00:00+00', NULL, NULL, NULL, 'x'),
	('d4', 'lost', NULL, 'outbound', '+14155550204', '', 'queued', '', '',
		'2025-08-20 08:00:00+00', NULL, NULL, NULL, 'x'),
	('d5', 'gone', 'SM00000000000000000000000000000005', 'outbound-api',
		'+14155550205', '+15005550006', 'queued', NULL, NULL,
		'2024-08-20 08:00:00+00', NULL, NULL, NULL, 'x'),
	('d6', 'test', 'SM00000000000000000000000000000006', 'outbound-api',
		'+15005550001', '+15005550006', 'delivered', NULL, NULL,
		'2025-08-20 08:00:00+00', NULL, NULL, NULL, 'x')"
	sqlite3 -csv -header app.db 'SELECT * FROM messages' >messages.csv
}

@test "the steps of sms-migrate(7) take a table over, and back" {
	old_table
	step 2
	step 3 >kinds
	[ "$(tr -s ' ' <kinds)" = ' 28 applied' ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	step 4 2>said
	[ "$(cat said)" = 'sms-apply: batch 1' ]
	step 5

	# every body as it was, every time, code and text too
	sqlite3 app.db "ATTACH '$SMS_DB' AS s; SELECT count(*) FROM messages AS a
		JOIN s.messages AS m ON m.ref = 'old-' || a.id AND m.body IS a.body
		AND m.twilio_message_sid IS a.twilio_message_sid
		AND m.to_number IS a.to_number
		AND m.from_number IS nullif(a.from_number, '')" >n
	[ "$(cat n)" = 26 ]
	[ "$(sql "SELECT status, direction, created_at, sent_at, delivered_at, failed_at,
		error_code, replace(replace(error_message, char(10), '|'), char(9), '~')
		FROM messages WHERE ref IN ('old-d1', 'old-d2', 'old-d3', 'old-d4') ORDER BY ref")" = \
'delivered|outbound-api|2025-08-20T08:00:00Z|2025-08-20T08:00:01Z|2025-08-20T08:00:02Z|||
undelivered|outbound-api|2025-08-20T08:00:00Z|2025-08-20T08:00:01Z||2025-08-20T08:00:03Z|30003|Line one|two~and \ three
received|inbound|2025-08-20T08:00:00Z|||||
delivery_unknown|outbound-api|2025-08-20T08:00:00Z|||||' ]
	[ "$(sql "SELECT DISTINCT created_at FROM messages WHERE ref LIKE 'old-c0%'")" = 2025-08-21T08:34:39Z ]

	# doing it twice changes nothing
	sql 'SELECT * FROM messages ORDER BY id' >first
	[ "$(sms-apply -c <records | cut -f 2 | sort -u | xargs)" = 'same stale' ]
	sql 'SELECT * FROM messages ORDER BY id' | diff first -

	# the truth: 20 of Twilio's, one that Twilio does not have
	step 6 >shown 2>said
	[ "$(head -n 1 shown)" = 21 ]
	simsql 'SELECT sid, status, error_code FROM truth ORDER BY sid' >truth
	sql "SELECT twilio_message_sid, status, error_code FROM messages
		WHERE ref LIKE 'old-c0%' ORDER BY 1" | diff truth -
	[ "$(sql "SELECT status, error_code FROM messages WHERE ref = 'old-d5'")" = 'delivery_unknown|20404' ]

	# the very old
	printf 'SM%032d\tsent\t\\N\t2024-01-01T00:00:00Z\n' 7 | sms-apply -c >/dev/null
	printf 'SM%032d\tqueued\t\\N\t2024-01-01T00:00:00Z\n' 8 | sms-apply -c >/dev/null
	[ "$(step 7 2>>said)" = 0 ]
	[ "$(sql "SELECT status FROM messages WHERE ref IS NULL" | xargs)" = \
		'delivery_unknown delivery_unknown' ]

	# the tests, with their history
	[ "$(step 8)" = 'delivered|1' ]
	[ "$(sql "SELECT count(*) FROM messages WHERE to_number = '+15005550001'")" = 0 ]
	[ "$(sql "SELECT count(*) FROM message_delivery_status AS h
		LEFT JOIN messages AS m ON m.id = message_id WHERE m.id IS NULL")" = 0 ]
	[ "$(sqlite3 before-removal.db 'SELECT count(*) FROM messages')" = 28 ]

	# and back, to an empty store
	[ "$(step 9 | wc -l)" -gt 4 ]
	step 10
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	[ "$(cut -f 2 taken-back | sort -u)" = undone ]
}

@test "PostgreSQL writes what step 2 reads" {
	# what psql's \copy ... CSV HEADER makes of such rows
	printf '%s\n' 'id,twilio_message_sid,direction,to_number,from_number,body,status,error_code,error_message,created_at,sent_at,delivered_at,failed_at' \
		'1,SM00000000000000000000000000000001,outbound,+14155550100,,"He said ""hi"",
and left	\N",sent,,,2025-08-21 08:34:39.123456+00,2025-08-21 08:34:41+00,,' \
		'2,,outbound,+14155550101,,,,,,2025-08-21 08:34:39+00,,,' >messages.csv
	step 2
	sms-apply </dev/null
	step 3 >/dev/null
	step 4 2>/dev/null
	step 5
	[ "$(sql "SELECT status, created_at, sent_at, body FROM messages ORDER BY id")" = \
'sent|2025-08-21T08:34:39Z|2025-08-21T08:34:41Z|He said "hi",
and left	\N
delivery_unknown|2025-08-21T08:34:39Z||' ]
}

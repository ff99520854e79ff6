load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

prune() { sms-prune -t $NOW "$@"; }

at() { echo "strftime('%Y-%m-%dT%H:%M:%SZ', '$NOW', '-$1')"; }

# n messages, of which number i was made i days ago, with history and log
fill() {
	sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO messages (id, twilio_message_sid, direction, to_number, body, body_sha256, media_url, status, created_at, updated_at)
		SELECT i, printf('SM%032d', i), 'outbound-api', '+4477009001' || printf('%02d', i % 10), 'text ' || i, 'hash', 'u',
			'sent', t, t FROM (SELECT i, $(at "' || i || ' days") AS t FROM n);
		INSERT INTO message_delivery_status (message_id, created_at, old_status, status, rank, outcome, at)
		SELECT id, created_at, 'sent', 'delivered', 8, 'applied', created_at FROM messages;
		INSERT INTO webhook_logs (created_at, twilio_message_sid, params, status, answer, source)
		SELECT created_at, twilio_message_sid, 'MessageSid=x', 'success', 200, 'hook' FROM messages;
		INSERT INTO early_status (created_at, sid, status) SELECT created_at, 'MM' || substr(twilio_message_sid, 3), 'sent' FROM messages;
		INSERT INTO webhook_refused SELECT created_at, 1 FROM messages"
}

count() { sql "SELECT count(*) FROM ${1}"; }

@test "the webhook log goes after 90 days, the history stays" {
	fill 100
	sql "SELECT * FROM messages; SELECT * FROM message_delivery_status" >before
	run -0 prune
	[ -z "$output" ]
	for t in webhook_logs early_status webhook_refused; do
		[ "$(count $t)" = 90 ]
	done
	# the one of 90 days ago, to the second, is not over 90 days old
	[ "$(sql 'SELECT min(created_at) FROM webhook_logs')" = "$(sql "SELECT $(at '90 days')")" ]
	sql "SELECT * FROM messages; SELECT * FROM message_delivery_status" | diff before -
	prune -l 10d
	[ "$(count webhook_logs)" = 10 ]
	run -64 --separate-stderr sms-prune -l 23h
	[[ $stderr == 'sms-prune: -l takes 1d at least: '* ]]
	[ "$(count webhook_logs)" = 10 ]
}

@test "-b blanks the texts of messages that need no more sending" {
	fill 60
	sql "UPDATE messages SET status = 'scheduled' WHERE id = 50;
		UPDATE messages SET status = 'ambiguous' WHERE id = 51;
		UPDATE messages SET status = 'received', direction = 'inbound' WHERE id = 52;
		INSERT INTO webhook_logs (created_at, params, status, answer, source) VALUES
			($(at '40 days'), 'Body=secret&From=x', 'success', 200, 'reply'),
			($(at '40 days'), '{\"data\":{\"body\":\"secret\"}}', 'success', 200, 'event'),
			($(at '20 days'), 'Body=recent', 'success', 200, 'reply')"
	prune -b 30d
	[ "$(sql 'SELECT count(*), min(id), max(id) FROM messages WHERE body IS NULL AND media_url IS NULL')" = '28|31|60' ]
	[ "$(sql "SELECT count(*) FROM messages WHERE body_sha256 = 'hash'")" = 60 ]
	[ "$(sql 'SELECT group_concat(id) FROM messages WHERE id > 30 AND body IS NOT NULL')" = 50,51 ]
	[ "$(sql 'SELECT params FROM webhook_logs WHERE id IN (61, 62)')" = 'Body=&From=x
{"data":{"body":""}}' ]
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE params LIKE '%secret%'")" = 0 ]
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE params = 'Body=recent'")" = 1 ]
	[ "$(count webhook_logs)" = 63 ]
}

@test "-b leaves of a reply in the log all but its text and media, field by field" {
	sid=SM0123456789abcdef0123456789abcdef
	form="ToCountry=US&NumMedia=2&Body=&&SmsStatus=received&MediaUrl0=&MediaUrl1=&"
	form+="MediaContentType0=image%2Fpng&Bodyguard=1&ButtonText=&ListTitle=&x&"
	form+="To=%2B15005550006&From=%2B14155550100&NumSegments=3&MessageSid=$sid"
	full=${form//Body=/Body=a+s%C3%A9cret%3D%26=x}
	full=${full//MediaUrl?=/&https%3A%2F%2Fx%2Fsecret?a=b}
	full=${full/ButtonText=/ButtonText=secret}
	full=${full/ListTitle=/ListTitle=\"secret\\}
	event='{"id":"EZ1","type":"com.twilio.messaging.inbound-message.received","n":1.50,"x":[true,null],"data":{"messageSid":"'$sid'","to":"+15005550006","from":"+14155550100","body":"","numSegments":3,"timestamp":"2025-08-01T00:00:00Z"}}'
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, params, status, answer, source) VALUES
		($(at '40 days'), '$sid', '$full', 'success', 200, 'reply'),
		($(at '40 days'), '$sid', '${event/\"body\":\"\"/\"body\":\"a secret\"}', 'success', 200, 'event')"
	sms-log >log
	sms-log -r >records
	[ "$(cut -f 2 records | xargs)" = 'received received' ]
	[ "$(prune -n -b 30d | tail -n 1)" = '2	texts of replies blanked in the webhook log' ]
	[ "$(prune -v -b 30d)" = '2	texts of replies blanked in the webhook log' ]
	diff <(printf '%s\n' "$form" "$event") <(sql 'SELECT params FROM webhook_logs')
	# so that it is shown and replayed as before
	sms-log | diff log -
	sms-log -r | diff records -
	# and has nothing left to be blanked
	[ -z "$(prune -v -b 0s)" ]
}

@test "-b takes the whole of what has a text where none is expected" {
	while read -r params; do
		echo "INSERT INTO webhook_logs (created_at, params, status, answer)
			VALUES ($(at '40 days'), '$params', 'bad_signature', 401);"
	done <<-'E' | sql
		[{"data":{"body":"secret"}}]
		{"data":{"body":"secret","body":"secret"}}
		{"data":{"body":"","mediaUrl0":"secret"}}
		{"data":{"body":"secr
	E
	[ "$(prune -v -b 30d)" = '4	texts of replies blanked in the webhook log' ]
	[ "$(sql 'SELECT count(*) FROM webhook_logs WHERE params IS NULL')" = 4 ]
}

@test "-r removes test messages by recipient, and all that is about them" {
	fill 30
	sql "INSERT INTO messages (twilio_message_sid, direction, from_number, to_number, status, created_at, updated_at)
		VALUES ('SMin', 'inbound', '+447700900103', '+15005550006', 'received', '$NOW', '$NOW')"
	run -0 prune -n -r +447700900103
	[ "$output" = '3	requests about test messages removed from the webhook log
3	test messages removed' ]
	[ "$(count messages)" = 31 ]
	prune -r +447700900103
	[ "$(sql "SELECT count(*) FROM messages WHERE to_number = '+447700900103'")" = 0 ]
	for t in webhook_logs message_delivery_status; do
		[ "$(count $t)" = 27 ]
	done
	[ "$(count messages)" = 28 ]
	[ "$(sql 'PRAGMA foreign_key_check; PRAGMA integrity_check')" = ok ]
	run -64 sms-prune -r ''
}

@test "-r takes one number at a time" {
	fill 30
	run -64 --separate-stderr prune -r +447700900103 -r +447700900104
	[ "$stderr" = 'sms-prune: -r takes one number at a time' ]
	run -64 prune -r '' -r +447700900104
	[ "$(count messages)" = 30 ]
}

@test "-n changes nothing and says what -v says when it is done" {
	fill 120
	sql .dump >before
	prune -n -l 90d -b 100d -r +447700900105 >would
	sql .dump | diff before -
	[ "$(wc -l <would)" -eq 7 ]
	prune -v -l 90d -b 100d -r +447700900105 >did
	diff <(grep -v '^0' would | grep -v about) <(grep -v about did)
	run -0 prune -v -l 90d -b 100d -r +447700900105
	[ -z "$output" ]
	run ! grep -E '[0-9]{7}' would did
}

@test "-z gives the room back" {
	fill 30
	sql "UPDATE webhook_logs SET params = hex(zeroblob(100000))"
	sql 'PRAGMA wal_checkpoint(TRUNCATE)'
	before=$(wc -c <sms.db)
	prune -l 1d
	prune -n -z
	[ "$(wc -c <sms.db)" -ge "$before" ]
	prune -z
	[ "$(wc -c <sms.db)" -lt $((before / 4)) ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	[ "$(count messages)" = 30 ]
}

@test "others write while it works" {
	sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO webhook_logs (created_at, params, status, answer) SELECT '2020-01-01T00:00:00Z', hex(randomblob(100)), 'success', 200 FROM n"
	prune 3>&- &
	pid=$!
	n=0
	while kill -0 $pid 2>/dev/null; do
		sqlite3 -cmd '.timeout 2000' "$SMS_DB" "INSERT INTO webhook_logs (created_at, status, answer) VALUES ('$NOW', 'success', 200)"
		n=$((n + 1))
	done
	wait $pid
	[ $n -gt 2 ]
	[ "$(count webhook_logs)" = $n ]
}

@test "killed in the middle it has done a part, and the next run does the rest" {
	fill 3
	sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO webhook_logs (created_at, status, answer) SELECT '2020-01-01T00:00:00Z', 'success', 200 FROM n"
	prune 3>&- &
	pid=$!
	until_true 10 fewer
	kill -KILL $pid
	wait $pid || :
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	prune
	[ "$(count webhook_logs)" = 3 ]
}

fewer() { [ "$(count webhook_logs)" -lt 20000 ]; }

@test "wrong calls, a missing store, a full disk and a reader that has gone" {
	run -64 sms-prune one
	run -64 sms-prune -x
	run -64 sms-prune -l 90
	run -64 sms-prune -b x
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-prune
	[[ $stderr == "sms-prune: no database at '$PWD/none.db':"* ]]
	[ ! -e none.db ]
	fill 100
	run -74 --separate-stderr bash -c 'sms-prune -n >/dev/full'
	[[ $stderr == 'sms-prune: cannot write standard output: No space'* ]]
	run -0 --separate-stderr bash -c 'sms-prune -n | head -n 1'
	[ -z "$stderr" ]
}

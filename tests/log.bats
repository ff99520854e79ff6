load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

ago() { date -u -d "2025-08-21 12:00 UTC - $1 minutes" +%Y-%m-%dT%H:%M:%SZ; }
sid() { printf 'SM%032d' "$1"; }

# logged number minutes-ago result [status [target]]: a request
logged() {
	local params=NULL
	[ -z "${4-}" ] || params="'MessageSid=$(sid "$1")&MessageStatus=$4&To=%2B447700900123&From=%2B15005550006&ErrorCode=30003'"
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, params,
		status, outcome, peer, answer, took_us, source, target) VALUES (
		'$(ago "$2")', '$(sid "$1")', $params, '$3', 'applied', '203.0.113.9',
		200, 1234, 'hook', nullif('${5-}', ''))"
}

sids() { sms-log -t $NOW "$@" | sed 's/^SM0*//' | cut -f 1 | xargs; }

a_few() {
	logged 1 3000 success sent
	logged 2 2000 bad_signature
	logged 3 1000 success undelivered '/api/webhooks/twilio?ref=order-3'
	logged 4 500 no_sid
	logged 5 10 success queued
}

@test "one line for each request, masked" {
	a_few
	run -0 sms-log -H -S $NOW -t $NOW
	[ "$output" = '#sid	at	result	outcome	answer	took_ms	status	error_code	to	from	source	peer' ]
	[ "$(sms-log -n 1)" = "$(sid 5)	$(ago 10)	success	applied	200	1.2	queued	30003	+4477…123	+1500…006	hook	203.0.113.9" ]
	[ "$(sms-log -s bad_signature)" = "$(sid 2)	$(ago 2000)	bad_signature	applied	200	1.2	\\N	\\N	\\N	\\N	hook	203.0.113.9" ]
	run ! grep -E '[0-9]{7}' <(sms-log | sed 's/SM[0-9]*//')
	sms-log -P | grep -F +447700900123
	[ "$(sql 'SELECT who, command FROM access_log')" = "$(id -un)|sms-log -P" ]
}

@test "each option leaves out what it does not ask for" {
	a_few
	[ "$(sids)" = '1 2 3 4 5' ]
	[ "$(sids -s success)" = '1 3 5' ]
	[ "$(sids -s bad_signature,no_sid)" = '2 4' ]
	[ "$(sids -S 1000m)" = '3 4 5' ]
	[ "$(sids -U 1000m)" = '1 2' ]
	[ "$(sids -S "$(ago 2000)" -U "$(ago 500)")" = '2 3' ]
	[ "$(sids -n 2)" = '4 5' ]
	[ "$(sids -n 2 -s success)" = '3 5' ]
	[ "$(sids -n 1 -U 1000m)" = 2 ]
	[ "$(sids -n 9)" = "$(sids -n 0)" ]
}

@test "-s knows each result that a row can have, and refuses others" {
	a_few
	[ "$(sids -s SUCCESS,No_Sid)" = '1 3 4 5' ]
	# those that sms-hook(8) lists, but for 503, which leaves no row
	{
		echo success
		sed -n '/^The callback:$/,/^The connection:$/s/^\.It Li [1-4][0-9]* \([a-z_]*\)$/\1/p' \
			"$ROOT/man/sms-hook.8"
	} | sort >words
	[ "$(wc -l <words)" -gt 10 ]
	sms-log -s "$(paste -sd , words)" >/dev/null
	run -64 --separate-stderr sms-log -s success,foo
	[ -z "$output" ]
	[[ $stderr == "sms-log: -s 'foo' is none of success, "* ]]
	tr -d , <<<"${stderr#*none of }" | tr ' ' '\n' | sort | diff words -
	sed -n '/^\.It Fl s /,/^Capitals/p' "$ROOT/man/sms-log.1" |
		sed -n 's/^\.Cm//p' | tr -d ,. | tr ' ' '\n' | sed '/^$/d' |
		sort | diff words -
	for bad in '' , success, ,success no_sid,,success 'no_sid ' unknown \
	    bad_sig store_busy; do
		run -64 --separate-stderr sms-log -s "$bad"
		[[ $stderr == *' is none of success, '* ]]
	done
	run -64 --separate-stderr sms-log -s "$(printf 'no_sid,%.0s' $(seq 200))no_sid"
	[ "$stderr" = 'sms-log: -s takes fewer words' ]
}

@test "-r writes the status records of what was authentic" {
	a_few
	[ "$(sms-log -r | cut -f 1-7,12)" = "$(sid 1)	sent	30003	$(ago 3000)	hook	+447700900123	+15005550006	\\N
$(sid 3)	undelivered	30003	$(ago 1000)	hook	+447700900123	+15005550006	order-3
$(sid 5)	queued	30003	$(ago 10)	hook	+447700900123	+15005550006	\\N" ]
	# what only the row of the message knows
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, status,
		created_at, updated_at) VALUES ('$(sid 1)', 'one', 'outbound-api',
		'sent', '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z')"
	[ "$(sms-log -r | head -n 1 | cut -f 8,12,13)" = 'outbound-api	one	2025-01-01T00:00:00Z' ]
	# no request, however odd, is in the way of the others
	sql "UPDATE webhook_logs SET params = 'MessageSid=%00' WHERE id = 1;
		UPDATE webhook_logs SET params = '{}' WHERE id = 5"
	[ "$(sms-log -r | cut -f 2)" = undelivered ]
	[ "$(sms-log | wc -l)" -eq 5 ]
}

@test "events and replies are read, too" {
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, status,
		answer, source, event_id, params) VALUES
		('2025-08-21T08:34:45Z', '$(sid 1)', 'success', 200, 'event', 'EZ1',
		'{\"specversion\":\"1.0\",\"type\":\"com.twilio.messaging.message.undelivered\",\"source\":\"/x\",\"id\":\"EZ1\",\"data\":{\"messageSid\":\"$(sid 1)\",\"timestamp\":\"2025-08-21T08:34:39.789Z\",\"from\":\"+15005550006\",\"to\":\"+447700900123\",\"messageStatus\":\"UNDELIVERED\",\"errorCode\":30003}}'),
		('2025-08-21T08:34:46Z', '$(sid 2)', 'success', 200, 'event', 'EZ2',
		'{\"specversion\":\"1.0\",\"type\":\"com.twilio.other\",\"source\":\"/x\",\"id\":\"EZ2\",\"data\":{}}'),
		('2025-08-21T08:34:47Z', '$(sid 3)', 'success', 200, 'reply', NULL,
		'SmsMessageSid=$(sid 3)&SmsSid=$(sid 3)&SmsStatus=received&Body=secret+text&To=%2B15005550006&NumSegments=1&MessageSid=$(sid 3)&From=%2B447700900123&ApiVersion=2010-04-01')"
	[ "$(sms-log -r | cut -f 1-9,13)" = "$(sid 1)	undelivered	30003	2025-08-21T08:34:39Z	event	+447700900123	+15005550006	\\N	\\N	\\N
$(sid 3)	received	\\N	2025-08-21T08:34:47Z	reply	+15005550006	+447700900123	inbound	1	2025-08-21T08:34:47Z" ]
	[ "$(sms-log | cut -f 7-10)" = 'undelivered	30003	+4477…123	+1500…006
\N	\N	\N	\N
received	\N	+1500…006	+4477…123' ]
	run ! grep secret <(sms-log; sms-log -r)
}

# has lines: the follower has written so many
has() { [ "$(wc -l <seen)" -ge "$1" ]; }

@test "-f shows the last ten and what comes, also after all was deleted" {
	for i in $(seq 12); do
		echo "INSERT INTO webhook_logs (created_at, status, answer)
			VALUES ('$(ago $((100 - i)))', 'n$i', 200);"
	done | sql
	sms-log -f >seen 3>&- &
	pid=$!
	until_true 10 has 10
	[ "$(cut -f 3 seen | xargs)" = 'n3 n4 n5 n6 n7 n8 n9 n10 n11 n12' ]
	logged 13 0 success
	until_true 10 has 11
	# rows begin at 1 again
	sql 'DELETE FROM webhook_logs'
	logged 14 0 again
	until_true 10 has 12
	for i in $(seq 15 30); do
		echo "INSERT INTO webhook_logs (created_at, status, answer)
			VALUES ('$(ago 0)', 'n$i', 200);"
	done | sql
	until_true 10 has 28
	sql 'DELETE FROM webhook_logs WHERE id < 10'
	logged 31 0 last
	until_true 10 has 29
	kill $pid
	wait $pid || :
	[ "$(cut -f 3 seen | tail -n +11 | xargs)" = "success again $(seq 15 30 | sed s/^/n/ | xargs) last" ]
}

@test "-f ends when its reader has gone, and holds nobody up meanwhile" {
	a_few
	mkfifo pipe
	sms-log -f >pipe 2>said 3>&- &
	pid=$!
	exec 7<pipe
	read -r line <&7
	logged 6 0 success
	sql 'PRAGMA wal_checkpoint(TRUNCATE)' >checkpointed
	[ "$(cat checkpointed)" = '0|0|0' ]
	exec 7<&-
	gone() { ! kill -0 $pid 2>/dev/null; }
	until_true 10 gone
	wait $pid || :
	[ ! -s said ]
}

@test "at a terminal it is a table, and -r shows no number either" {
	a_few
	script -qec true /dev/null </dev/null >/dev/null || {
		echo '# no terminal to be had: the table was not tried' >&3
		return 0
	}
	script -qec 'sms-log -n 2' /dev/null </dev/null | tr -d '\r' >table
	[ "$(sed -n 1p table | tr -s ' ')" = 'SID CAME RESULT OUTCOME ANSWER MS STATUS ERROR TO FROM SOURCE PEER' ]
	grep -E "^$(sid 5)  $(ago 10)  success  applied  200     1.2  queued  30003  \+4477…123" table
	script -qec 'sms-log -r' /dev/null </dev/null | grep -F '+4477…123'
	script -qec 'sms-log -P -r' /dev/null </dev/null | grep -F '+447700900123'
}

@test "what the hook took in can be replayed" {
	hook_start
	sim_start
	sms-send -r one +14155550100 hello >/dev/null
	until_true 20 sh -c '[ "$(sqlite3 sms.db "SELECT count(*) FROM webhook_logs")" -ge 2 ]'
	stop "$SIM_PID"
	settled
	[ "$(sms-log -r | sms-apply | cut -f 2 | sort -u)" = same ] ||
		[ "$(sms-log -r | sms-apply | grep -cv 'same\|stale')" = 0 ]
	sms-log -r | cut -f 2 | grep sent
}

@test "wrong calls, no store, a full disk, a reader that goes away" {
	for bad in '-n many' '-S soon' '-f -U 1h' more -x; do
		run -64 sms-log $bad
	done
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-log -f
	[[ $stderr == "sms-log: no database at '$PWD/none.db': "* ]]
	[ ! -e none.db ]
	for i in $(seq 3000); do
		echo "INSERT INTO webhook_logs (created_at, status, answer)
			VALUES ('$NOW', 'n$i', 200);"
	done | sql
	for call in sms-log 'sms-log -f' 'sms-log -n 1'; do
		run -74 --separate-stderr bash -c "$call >/dev/full"
		[ "$stderr" = 'sms-log: cannot write standard output: No space left on device' ]
	done
	run -0 --separate-stderr bash -c 'sms-log | head -n 1'
	[ -z "$stderr" ]
}
# what a store says of its messages, as far as callbacks tell it
told() {
	sql "SELECT twilio_message_sid, ref, direction, to_number, from_number,
		status, error_code, error_message, created_at, sent_at, delivered_at,
		failed_at FROM messages ORDER BY twilio_message_sid"
}

@test "what the hook took in makes the same messages in an empty store" {
	hook_start
	sim_start -f error=30,double=20,reorder=20,early=10
	for i in $(seq 10 49); do printf '+141555501%d\thello\n' "$i"; done |
		sms-send -q -j 8 >/dev/null
	sim_clock 1h
	sim_settled
	settled
	told >before
	[ "$(wc -l <before)" -eq 40 ]
	# what sms-send was told itself is not in the log
	sms-log -r >records
	export SMS_DB=$PWD/again.db
	sms-apply -c <records >/dev/null
	told | diff before -
	# and again changes nothing
	sms-apply -c <records >/dev/null
	told | diff before -
}

load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

ago() { date -u -d "2025-08-21 12:00 UTC - $1 minutes" +%Y-%m-%dT%H:%M:%SZ; }

# row number status minutes-ago [sent-minutes-ago]
row() {
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
		status, created_at, updated_at, sent_at) VALUES (
		printf('SM%032d', $1), 'r$1', 'outbound-api', '+14155550100', '$2',
		'$(ago "$3")', '$(ago "$3")', nullif('${4:+$(ago "$4")}', ''))"
}

ids() { sms-stuck -t $NOW -i "$@" | sed 's/^SM0*//' | xargs; }

@test "queued for an hour and sent for two hours are stuck, finals never" {
	row 1 queued 59
	row 2 queued 60
	row 3 accepted 61
	row 4 sent 300 119
	row 5 sent 300 120
	row 6 sending 90
	row 7 delivered 9000
	row 8 delivery_unknown 9000
	row 9 scheduled 70
	row 10 failed 9000
	[ "$(ids)" = '5 6 9 3 2' ]
	[ "$(ids -q 1m -s 1m)" = '5 4 6 9 3 2 1' ]
	[ "$(ids -q 1d -s 1d)" = '' ]
	[ "$(sms-stuck -c -t $NOW)" = 5 ]
}

@test "scheduled messages are stuck when they are due for an hour, however old" {
	row 1 scheduled 9000
	row 2 scheduled 9000
	row 3 scheduled 9000
	sql "UPDATE messages SET send_at = '2025-08-21T13:00:00Z' WHERE ref = 'r1';
		UPDATE messages SET send_at = '2025-08-21T11:00:01Z' WHERE ref = 'r2';
		UPDATE messages SET send_at = '2025-08-21T11:00:00Z' WHERE ref = 'r3'"
	[ "$(ids)" = 3 ]
	[ "$(sms-stuck -c -t $NOW)" = 1 ]
}

@test "fifty at most unless -n says otherwise, and -c counts all" {
	for i in $(seq 60); do echo "INSERT INTO messages (twilio_message_sid, direction,
		status, created_at, updated_at) VALUES (printf('SM%032d', $i), 'outbound-api',
		'queued', '2025-01-01T00:00:00Z', '2025');"; done | sql
	[ "$(sms-stuck -t $NOW | wc -l)" -eq 50 ]
	[ "$(sms-stuck -n 0 -t $NOW | wc -l)" -eq 60 ]
	[ "$(sms-stuck -n 7 -t $NOW | wc -l)" -eq 7 ]
	[ "$(sms-stuck -c -t $NOW)" -eq 60 ]
}

@test "a message that was checked and did not move goes to the back of the line" {
	row 1 queued 200
	row 2 queued 150
	row 3 queued 100
	[ "$(ids)" = '1 2 3' ]
	sms-stuck -n 1 -t $NOW | awk -F '\t' -v OFS='\t' '{ $5 = "fetch"; print }' |
		sms-apply -t $NOW >/dev/null
	[ "$(ids)" = '2 3 1' ]
	[ "$(ids -n 1)" = 2 ]
	sms-stuck -n 1 -t $NOW | awk -F '\t' -v OFS='\t' '{ $5 = "fetch"; print }' |
		sms-apply -t 2025-08-21T12:00:01Z >/dev/null
	[ "$(ids)" = '3 1 2' ]
}

@test "records can go straight to sms-apply and change nothing" {
	row 1 queued 200
	row 2 sent 400 300
	[ "$(sms-stuck -t $NOW | sms-apply | cut -f 2 | xargs)" = 'same same' ]
	[ "$(sql 'SELECT count(*) FROM message_delivery_status')" = 0 ]
	[ "$(sms-stuck -Hi -t $NOW -n 1)" = "#sid
SM$(printf %032d 2)" ]
	[ "$(sms-stuck -Hc -t $NOW)" = '#messages
2' ]
	[ "$(sms-stuck -c -t $NOW)" = 2 ]
	run -0 sms-stuck -H -t $NOW -n 1
	[ "${lines[0]}" = '#sid	status	error_code	at	source	to	from	direction	segments	price	currency	ref	created_at	error_message	body_sha256' ]
	[ "${lines[1]}" = "SM$(printf %032d 2)	sent	\\N	$(ago 300)	\\N	+14155550100	\\N	outbound-api	\\N	\\N	\\N	r2	$(ago 400)	\\N	\\N" ]
}

@test "-x gives up what was sent long ago, and a final status still wins" {
	row 1 sent 900 361
	row 2 sent 900 359
	row 3 queued 900
	[ "$(sms-stuck -x -t $NOW | cut -f 1,2,5)" = "SM$(printf %032d 1)	delivery_unknown	expire" ]
	[ "$(sms-stuck -x -u 1h -i -t $NOW | wc -l)" -eq 2 ]
	sms-stuck -x -t $NOW | sms-apply >/dev/null
	[ "$(sql 'SELECT status FROM messages WHERE id = 1')" = delivery_unknown ]
	[ "$(sms-stuck -xc -t $NOW)" = 0 ]
	[ "$(printf 'SM%032d\tdelivered\n' 1 | sms-apply | cut -f 2)" = applied ]
}

@test "-ax spares what Twilio was not asked about when it was that old" {
	row 1 sent 900 400
	row 2 sent 900 400
	row 3 sent 900 400
	sql "UPDATE messages SET checked_at = '$(ago 100)' WHERE id = 2"
	sql "UPDATE messages SET checked_at = '$(ago 10)' WHERE id = 3"
	[ "$(sms-stuck -axi -t $NOW | sed 's/^SM0*//')" = 3 ]
}

@test "the query goes through messages_stuck_idx" {
	{ echo 'EXPLAIN QUERY PLAN'; cat "$ROOT/sql/stuck.sql"; } | sql >plan
	grep 'USING INDEX messages_stuck_idx' plan
	[ -z "$(grep 'TEMP B-TREE' plan)" ]
	{ echo 'EXPLAIN QUERY PLAN'; cat "$ROOT/sql/expired.sql"; } | sql |
		grep 'USING INDEX messages_stuck_idx'
}

# unsettled number status minutes-ago
unsettled() {
	sql "INSERT INTO messages (id, ref, direction, to_number, from_number,
		body_sha256, status, created_at, updated_at) VALUES ($1, 'u$1',
		'outbound-api', '+14155550100', '+15005550006', 'hash$1', '$2',
		'$(ago "$3")', '$(ago "$3")')"
}

refs() { sms-stuck -t $NOW "$@" | cut -f 12 | xargs; }

@test "what may have reached Twilio or not comes first, whatever its age and -n" {
	row 1 queued 200
	row 2 queued 150
	unsettled 11 ambiguous 0
	unsettled 12 pending 5000
	unsettled 13 ambiguous 100
	unsettled 14 failed 100
	[ "$(refs)" = 'u12 u13 u11 r1 r2' ]
	[ "$(refs -n 1)" = 'u12 u13 u11 r1' ]
	[ "$(sms-stuck -t $NOW -c)" = 5 ]
	[ "$(ids)" = '1 2' ]
	[ "$(sms-stuck -t $NOW | head -n 1)" = "$(printf '\\N\tambiguous\t\\N\t%s\t\\N\t+14155550100\t+15005550006\toutbound-api\t\\N\t\\N\t\\N\tu12\t%s\t\\N\thash12' "$(ago 5000)" "$(ago 5000)")" ]
	# to be given up it must have been sent
	[ "$(sms-stuck -t $NOW -xc -u 1m)" = 0 ]
	[ "$(sms-stuck -t $NOW -axc -u 1m)" = 0 ]
	# a row that has its SID is asked about by that
	sql "UPDATE messages SET twilio_message_sid = printf('SM%032d', 13) WHERE id = 13"
	[ "$(ids)" = '13 1 2' ]
}

# hold id: holds the lock of that row, as sms-send does, until it is stopped.
hold() {
	start perl -e 'use Fcntl; $| = 1;
		open(my $f, "+>>", "$ARGV[0].inflight") or die;
		fcntl($f, F_SETLK, pack("s s x![q] q q l x4", F_WRLCK, 0, $ARGV[1], 1, 0))
			or die $!;
		print "held\n"; sleep 100' "$SMS_DB" "$1"
	until_true 10 grep -q held perl.out
}

@test "what is being sent at this moment is nobody's business" {
	unsettled 11 pending 1
	unsettled 12 ambiguous 1
	unsettled 13 pending 1
	hold 11
	[ "$(refs)" = 'u12 u13' ]
	stop "$STARTED_PID"
	hold 12
	[ "$(refs)" = 'u11 u13' ]
	# and when its sender is dead it is
	kill -KILL "$STARTED_PID"
	until_true 10 sh -c '! kill -0 '"$STARTED_PID"
	[ "$(refs)" = 'u11 u12 u13' ]
}

@test "sms-send holds what it sends" {
	sim_start -l 20000
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	start sms-send -r slow +14155550100 hello
	until_true 10 sh -c "[ \"\$(sqlite3 '$SMS_DB' 'SELECT status FROM messages')\" = pending ]"
	[ "$(refs)" = '' ]
	kill -KILL "$STARTED_PID"
	until_true 10 sh -c '! kill -0 '"$STARTED_PID"
	[ "$(refs)" = slow ]
}

@test "who may not look who is sending leaves what may be under way alone" {
	unsettled 11 pending 1
	unsettled 12 ambiguous 1
	[ "$(refs)" = 'u11 u12' ]
	[ ! -e "$SMS_DB.inflight" ]
	ln -s loop loop
	ln -s loop "$SMS_DB.inflight"
	run -0 --separate-stderr refs
	[ "$output" = u12 ]
	[ "$stderr" = 'sms-stuck: pending messages left out, as it cannot be seen which are being sent: Too many levels of symbolic links' ]
}

# final number status hours-ago [price [checked-hours-ago]]
final() {
	sql "INSERT INTO messages (twilio_message_sid, direction, status, created_at,
		updated_at, sent_at, price, checked_at) VALUES (printf('SM%032d', $1),
		'outbound-api', '$2', '$(ago $(($3 * 60 + 1)))', '',
		'$(ago $(($3 * 60)))', nullif('${4-}', ''),
		nullif('${5:+$(ago $((${5:-0} * 60)))}', ''))"
}

@test "-p lists final messages without a price, for a week" {
	final 1 delivered 1
	final 2 delivered 0
	final 3 undelivered 167
	final 4 failed 168
	final 5 read 5 -0.0075
	final 6 canceled 5
	final 7 sent 5
	final 8 delivery_unknown 5
	final 9 read 6
	final 10 failed 7
	[ "$(ids -p)" = '3 10 9 1' ]
	[ "$(ids -p -n 2)" = '3 10' ]
	[ "$(sms-stuck -t $NOW -pc)" = 4 ]
	[ "$(sms-stuck -t $NOW -p -n 1 | cut -f 1,2,4)" = "SM$(printf %032d 3)	undelivered	$(ago 10020)" ]
	run -64 sms-stuck -px
}

@test "-p never starves one message and never asks about one for ever" {
	final 1 delivered 100
	final 2 delivered 99 '' 50
	final 3 delivered 98 '' 48
	final 4 delivered 97 '' 95
	final 5 delivered 96
	# 3 was asked about 50 hours after it went, 48 ago: not yet again
	[ "$(ids -p)" = '1 5 4 2' ]
	# Twilio never tells a price: so often is one message asked about in a week
	sql 'DELETE FROM messages'
	final 1 delivered 0
	asked=0
	for hour in $(seq 0 200); do
		t=$(date -u -d "2025-08-21 12:00 UTC + $hour hours" +%Y-%m-%dT%H:%M:%SZ)
		n=$(sms-stuck -pc -t "$t")
		asked=$((asked + n))
		[ "$n" = 0 ] || sms-stuck -p -t "$t" | awk -F '\t' -v OFS='\t' \
			'{ $5 = "fetch"; print }' | sms-apply -t "$t" >/dev/null
	done
	[ "$asked" = 8 ]
}

@test "a price that comes after all ends the asking" {
	final 1 delivered 2
	row=$(sms-stuck -p -t $NOW)
	[ "$(printf '%s\n' "$row" | awk -F '\t' -v OFS='\t' '{ $5 = "fetch"; $9 = 2;
		$10 = "-0.0150"; $11 = "USD"; print }' | sms-apply | cut -f 2)" = same ]
	[ "$(sms-stuck -pc -t $NOW)" = 0 ]
	[ "$(sql 'SELECT segments, price, currency FROM messages')" = '2|-0.0150|USD' ]
}

@test "-p fills in what the simulated Twilio tells late" {
	sim_start
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	seq -f '+1415555%04g	late' 5 | sms-send >sent
	sim_clock 3h
	sim_settled
	cut -f 1 sent | sms-fetch | sms-apply >/dev/null
	# as if only callbacks had told of them
	sql 'UPDATE messages SET price = NULL, currency = NULL, checked_at = NULL'
	t=$(date -u -d 'now + 3 hours' +%Y-%m-%dT%H:%M:%SZ)
	[ "$(sms-stuck -pc -t "$t")" -gt 0 ]
	sms-stuck -p -t "$t" | sms-fetch -d 0 | sms-apply >/dev/null
	[ "$(sql "SELECT count(*) FROM messages WHERE price IS NOT NULL")" -gt 0 ]
}

@test "the price query goes through messages_unpriced_idx" {
	{ echo 'EXPLAIN QUERY PLAN'; cat "$ROOT/sql/unpriced.sql"; } | sql >plan
	grep 'USING INDEX messages_unpriced_idx (<expr>>? AND <expr><?)' plan
}

@test "without a store the message says what is missing" {
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-stuck
	[[ "$stderr" == "sms-stuck: no database at '$PWD/none.db'"* ]]
	[ ! -e none.db ]
}

@test "bad ages and limits are refused with the way out" {
	for age in 90 1x -1h '' 1h30m 99999999999d; do
		run -64 --separate-stderr sms-stuck -q "$age"
		[[ "$stderr" == *"-q takes an age such as 90m, 2h or 1d, not '$age'" ]]
	done
	# no age before now may be a time that has no spelling
	for time in 0000-01-01T00:00:00Z 1969-12-31T23:59:59Z; do
		run -64 --separate-stderr sms-stuck -t "$time"
		[ "$stderr" = "sms-stuck: -t takes a time from 1970 on, not '$time'" ]
	done
	run -64 --separate-stderr sms-stuck -t 9999-12-31T23:59:60Z
	sms-apply </dev/null
	[ "$(sms-stuck -c -t 1970-01-01T00:00:00Z -s 99000w)" = 0 ]
	[ "$(sms-stuck -cx -t 9999-12-31T23:59:59Z)" = 0 ]
	run -64 --separate-stderr sms-stuck -n many
	run -64 --separate-stderr sms-stuck more
}

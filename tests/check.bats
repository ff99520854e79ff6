load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:34:56Z
}
teardown() { common_teardown; }

# check state-number args...: the line is in $output
check() {
	local want=$1
	shift
	run "-$want" --separate-stderr sms-check -t $NOW "$@"
	echo "$output"
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 1 ]
}

# messages n status minutes-ago [direction]
messages() {
	sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO messages (twilio_message_sid, direction, to_number, status, created_at, updated_at)
		SELECT 'SM' || lower(hex(randomblob(16))), '${4-outbound-api}', '+447700900123', '$2', t, t
		FROM n, (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', '$NOW', '-$3 minutes') AS t)"
}

# log n status minutes-ago
log() {
	sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO webhook_logs (created_at, status, answer)
		SELECT strftime('%Y-%m-%dT%H:%M:%SZ', '$NOW', '-$3 minutes'), '$2', 200 FROM n"
}

@test "a new store is well, and each check has its figure" {
	check 0
	[[ $output == 'SMS OK - callbacks: '*' | '* ]]
	all=$output
	for name in callbacks delivery lost reconcile spool stuck unsettled webhooks; do
		[[ $all == *" $name: "*" $name="* ]]
		run -0 sms-check -t $NOW $name
		[[ $output == "SMS OK - $name: "*" | $name="* ]]
	done
}

@test "webhooks: under 95 of 100 taken in warns, under 80 is critical" {
	check 0 webhooks
	log 9 bad_signature 5
	check 0 webhooks
	log 171 success 5
	check 0 webhooks
	[[ $output == *'| webhooks=95%;95:;80:' ]]
	log 1 no_signature 5
	check 1 webhooks
	[[ $output == 'SMS WARNING - webhooks: 94.5% of 181 requests taken in, most others bad_signature | '* ]]
	log 50 bad_signature 5
	check 2 webhooks
	sql "UPDATE webhook_logs SET created_at = '2025-08-21T11:59:59Z'"
	check 0 -S 30m webhooks
	check 2 -S 35m webhooks
}

@test "stuck: more than 10 open for over two hours" {
	messages 10 sent 121
	messages 50 queued 119
	messages 50 delivered 500
	check 0 stuck
	[[ $output == *'stuck=10;10;100' ]]
	messages 1 queued 121
	check 1 stuck
	messages 90 sent 300
	check 2 stuck
	check 0 -w 200 -c 300 stuck
	# of scheduled ones it counts when they are due
	sql "UPDATE messages SET status = 'scheduled', send_at = '2025-08-22T00:00:00Z' WHERE status = 'sent'"
	check 0 stuck
	sql "UPDATE messages SET send_at = '2025-08-21T10:00:00Z' WHERE status = 'scheduled'"
	check 2 stuck
}

@test "unsettled: one that may not have reached Twilio warns" {
	messages 1 ambiguous 60
	check 0 unsettled
	messages 1 pending 121
	check 1 unsettled
	messages 10 ambiguous 500
	check 2 unsettled
}

@test "callbacks: none for long while messages are being sent" {
	messages 5 delivered 300
	log 1 success 200
	check 0 callbacks
	messages 5 queued 10
	check 0 callbacks
	[[ $output == *'callbacks=600s;900;3600' ]]
	messages 1 queued 16
	check 1 callbacks
	[[ $output == *'none since 2025-08-21T09:14:56Z, and 6 messages made since, the first 16m ago'* ]]
	messages 1 sent 61
	check 2 callbacks
	# somebody else at the door is no callback
	log 5 bad_signature 1
	sql "INSERT INTO webhook_logs (created_at, status, answer, source) VALUES ('$NOW', 'success', 200, 'reply')"
	check 2 callbacks
	log 1 success 1
	check 0 callbacks
	messages 1 scheduled 0
	messages 1 received 0 inbound
	check 0 callbacks
}

@test "callbacks: none ever, and nothing sent for a day" {
	messages 1 sent 61
	check 2 callbacks
	[[ $output == *'none ever, and 1 messages made since'* ]]
	sql "UPDATE messages SET created_at = '2025-08-20T00:00:00Z'"
	check 0 callbacks
}

@test "lost: callbacks that only asking Twilio made up for" {
	check 0 lost
	messages 100 sent 30
	sql "SELECT twilio_message_sid FROM messages LIMIT 6" | sed 's/$/\tdelivered\t\\N\t2025-08-21T12:20:00Z\tfetch/' |
		sms-apply -t $NOW >/dev/null
	log 94 success 20
	sql "UPDATE webhook_logs SET outcome = 'applied'"
	check 1 lost
	[[ $output == *'6.0% of the callbacks due never came | lost=6%;5;20' ]]
	check 2 -c 5.5 lost
}

@test "reconcile: not run, run long ago, run without success" {
	check 0 reconcile
	messages 1 queued 1
	check 2 reconcile
	[[ $output == *'never ran: crontab should run sms-reconcile'* ]]
	printf '2025-08-21T11:34:56Z\t0\tchecked 1\n' >sms.db.reconcile.ran
	check 0 reconcile
	[[ $output == *'ran 60m ago | reconcile=3600s;7200;21600' ]]
	printf '2025-08-21T12:17:00Z\t75\tchecked 0\n' >>sms.db.reconcile.ran
	check 0 reconcile
	[[ $output == *'ended well 60m ago, since then with status 75'* ]]
	check 1 -w 59m reconcile
	printf '2025-08-21T06:34:55Z\t0\tchecked 1\n' >sms.db.reconcile.ran
	check 2 reconcile
	printf '2025-08-21T12:17:00Z\t69\tchecked 0\n' >sms.db.reconcile.ran
	check 2 reconcile
	[[ $output == *'never ended well, last with status 69'* ]]
}

@test "spool: callbacks that wait" {
	# 12:24:56, ten minutes before
	printf '\n#1755779096.5.1\nSMa\tsent\n' >sms.db.spool
	check 1 spool
	[[ $output == *'spool: 1 lines wait, for 10m | spool=600s;300;3600' ]]
	rm sms.db.spool
	printf '\n#1755775000.5.1\nSMa\tsent\n' >sms.db.spool.taking
	check 2 spool
	chmod 755 .
	rm sms.db.spool.taking
	mkdir sms.db.spool
	check 3 spool
	[[ $output == "SMS UNKNOWN - spool: cannot read '$SMS_DB.spool': "* ]]
}

# ends good bad minutes-ago
ends() {
	[ "$1" -eq 0 ] || messages "$1" delivered "$3"
	[ "$2" -eq 0 ] || messages "$2" undelivered "$3"
}

@test "delivery: a spike beyond the same hours of the last weeks" {
	local week=10080
	ends 97 3 30
	ends 195 5 $week
	ends 190 10 $((2 * week))
	ends 196 4 $((3 * week))
	# one bad week does not make failures usual
	ends 100 100 $((4 * week))
	check 0 delivery
	[[ $output == *'3.0% of 100 failed in 3h, usual is up to '*'(these hours of the last weeks)'* ]]
	ends 0 16 20
	check 1 delivery
	ends 0 30 20
	check 2 delivery
	# other hours of those weeks do not count
	check 2 delivery
	ends 0 1000 $((week + 300))
	check 2 delivery
}

@test "delivery: where failures are usual they are no alarm" {
	local week=10080
	for i in 1 2 3 4; do
		ends 120 80 $((i * week))
	done
	ends 60 40 10
	check 0 delivery
	ends 0 40 10
	check 1 -w 3 -c 99 delivery
}

@test "delivery: with little data it is careful" {
	ends 0 19 30
	check 0 delivery
	[[ $output == *'too few messages ended to tell: 19 in 24h'* ]]
	# of three hours too few, of a day enough
	ends 40 0 600
	check 2 delivery
	[[ $output == *'of 59 failed in 24h, usual is up to 5.0% (too little before)'* ]]
	sql 'DELETE FROM messages'
	ends 99 1 30
	check 0 delivery
	# a little more than usual is not beyond it
	ends 190 10 5000
	ends 0 4 30
	check 0 delivery
	[[ $output == *'(the last weeks)'* ]]
	ends 0 20 30
	check 2 delivery
	ends 100 0 30 inbound
}

@test "the worst comes first, and what cannot be seen is unknown" {
	messages 11 sent 121
	log 100 bad_signature 1
	check 2 webhooks stuck spool
	[[ $output == 'SMS CRITICAL - webhooks: '*'; stuck: '*'; spool: '* ]]
	mkdir sms.db.spool
	check 3 spool lost
	[[ $output == 'SMS UNKNOWN - spool: '*'; lost: '* ]]
	check 1 spool stuck
	run ! grep -E '\+[0-9]{7}' <(sms-check -t $NOW)
	sql 'ALTER TABLE messages RENAME TO m'
	check 3 delivery
	[[ $output == *'database '* ]]
	SMS_DB=$PWD/none.db run -3 --separate-stderr sms-check
	[ "$output" = "SMS UNKNOWN - no database at '$PWD/none.db': SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it" ]
	[ ! -e none.db ]
}

@test "ranges as Nagios has them" {
	messages 5 sent 121
	for range in 5 5: 1:5 '~:5' @6:9 @1:4 5.5 '~:10'; do
		echo "$range"
		check 0 -w "$range" -c 1000 stuck
	done
	for range in 4 6: '~:4' @5 @1:5 6:10 4.9; do
		echo "$range"
		check 1 -w "$range" -c 1000 stuck
	done
	check 2 -w 4 -c 4 stuck
	[[ $output == *'stuck=5;4;4' ]]
	check 0 -w 95: -c @7:8 -w '~:8' stuck
	[[ $output == *'stuck=5;~:8;@7:8' ]]
	for range in '' x 5x 5:4 : 1e9 inf nan -5 0x5 5..6 '5 '; do
		echo "$range"
		run -64 --separate-stderr sms-check -w "$range" stuck
		[ "$stderr" = "sms-check: -w takes a range such as 10, 95: or 15m, not '$range'" ]
	done
}

@test "wrong calls, a full disk and a reader that has gone" {
	run -64 sms-check -x
	run -64 --separate-stderr sms-check stuk
	[ "$stderr" = "sms-check: no check 'stuk': sms-check(1) lists them" ]
	run -64 --separate-stderr sms-check -w 5
	[ "$stderr" = 'sms-check: -w and -c are of one check: name it' ]
	run -64 sms-check -c 5 stuck lost
	run -64 sms-check -S yesterday
	run -74 bash -c 'sms-check >/dev/full'
	run -0 --separate-stderr bash -c 'sms-check | head -c 3'
	[ -z "$stderr" ]
}

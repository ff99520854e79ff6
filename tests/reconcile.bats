load helper

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
}
teardown() { common_teardown; }

later() { date -u -d "now + $1" +%Y-%m-%dT%H:%M:%SZ; }

# sent n [sim options]: n messages whose callbacks are all lost
sent() {
	local n=$1
	shift
	sim_start -f drop=100 "$@"
	seq -f '+1415555%04g	hello' "$n" | sms-send >sent
}

@test "a message whose callbacks were lost gets its status" {
	sent 3
	sim_clock 3h
	run -0 --separate-stderr sms-reconcile -t "$(later 3hours)"
	[ "$output" = 'checked 3 applied 3 same 0 stale 0 unknown 0 failed 0' ]
	[ "$stderr" = '' ]
	[ "$(sql 'SELECT DISTINCT status, delivered_at IS NOT NULL FROM messages')" = 'delivered|1' ]
	run -0 sms-reconcile -t "$(later 3hours)"
	[ "$output" = 'checked 0 applied 0 same 0 stale 0 unknown 0 failed 0' ]
}

@test "-q says nothing at all when all is well" {
	sent 1
	sim_clock 3h
	run -0 --separate-stderr sms-reconcile -q -t "$(later 3hours)"
	[ "$output$stderr" = '' ]
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "-m limits how many are asked about" {
	sent 5
	sim_clock 3h
	run -0 sms-reconcile -m 2 -t "$(later 3hours)"
	[ "$output" = 'checked 2 applied 2 same 0 stale 0 unknown 0 failed 0' ]
	run -64 sms-reconcile -m many
	run -64 sms-reconcile -z
	run -64 sms-reconcile more
}

@test "a limit that is no number, and no place for a store, are seen at once" {
	sent 1
	sim_clock 3h
	for bad in foo '' -1 1x ' 1' +1 1234567890; do
		run -64 --separate-stderr sms-reconcile -m "$bad"
		[ -z "$output" ]
		[ "$stderr" = "$(sms-reconcile -h)" ]
	done
	[ ! -e sms.db.reconcile.ran ]
	[ ! -e sms.db.reconcile.lock ]
	[ "$(sql 'SELECT count(checked_at) FROM messages')" = 0 ]
	run -0 sms-reconcile -m 999999999 -t "$(later 3hours)"
	[ "$output" = 'checked 1 applied 1 same 0 stale 0 unknown 0 failed 0' ]
	SMS_DB=$PWD/none/sms.db run -78 --separate-stderr sms-reconcile
	[ -z "$output" ]
	[[ $stderr == "sms-stuck: no database at '$PWD/none/sms.db': "* ]]
	[ ! -e none ]
}

@test "what stays sent is given up after six hours, and Twilio's 404 at once" {
	sent 2 -f drop=100,stuck=100
	sim_clock 7h
	sid=$(head -n 1 sent | cut -f 1)
	simsql "DELETE FROM message WHERE sid = '$sid'"
	run -0 sms-reconcile -t "$(later 3hours)"
	[ "$output" = 'checked 2 applied 1 same 0 stale 0 unknown 1 failed 0' ]
	[ "$(sql "SELECT status, error_code FROM messages WHERE twilio_message_sid = '$sid'")" = \
		'delivery_unknown|20404' ]
	run -0 sms-reconcile -t "$(later 7hours)"
	[ "$output" = 'checked 1 applied 0 same 1 stale 0 unknown 1 failed 0' ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivery_unknown ]
}

@test "a second one ends at once while the first one runs" {
	sent 1
	sms-lock reconcile sleep 100 3>&- &
	pid=$!
	until_true 10 sh -c '! sms-lock -n reconcile true'
	run -0 --separate-stderr sms-reconcile -t "$(later 3hours)"
	[ "$output$stderr" = '' ]
	# and one that is killed leaves no lock behind
	kill -KILL $pid
	wait $pid || :
	sim_clock 3h
	run -0 sms-reconcile -t "$(later 3hours)"
	[ "$output" = 'checked 1 applied 1 same 0 stale 0 unknown 0 failed 0' ]
}

@test "a stage that fails ends it with its status" {
	run -78 --separate-stderr sms-reconcile
	[[ "$stderr" == 'sms-stuck: no database at '* ]]
	sent 1
	export TWILIO_AUTH_TOKEN=wrong
	run -77 --separate-stderr sms-reconcile -t "$(later 3hours)"
	[[ "$stderr" == *sms-fetch* ]]
	unset TWILIO_AUTH_TOKEN
	run -78 --separate-stderr sms-reconcile -q -t "$(later 3hours)"
	[ "$output" = '' ]
	[[ "$stderr" == *TWILIO_AUTH_TOKEN* ]]
}

@test "-n shows what would change and changes nothing" {
	sent 3
	sim_clock 3h
	sqlite3 "$SMS_DB" .dump >before
	run -0 --separate-stderr sms-reconcile -n -t "$(later 3hours)"
	[ "${lines[3]}" = 'checked 3 applied 3 same 0 stale 0 unknown 0 failed 0' ]
	[ "$(head -n 3 <<<"$output" | cut -f 1-4 | sort)" = \
		"$(sed 's/\t.*/\tapplied\tqueued\tdelivered/' sent | sort)" ]
	[ "$stderr" = '' ]
	[ "$(sms-reconcile -nq -t "$(later 3hours)" | wc -l)" = 3 ]
	sqlite3 "$SMS_DB" .dump | diff before -
}

@test "more than ten are looked for on pages, and there is no limit" {
	sent 10
	sim_clock 3h
	sms-reconcile -q -t "$(later 3hours)"
	[ "$(simsql "SELECT count(*) FROM request WHERE method = 'GET'")" = 10 ]
	sql "UPDATE messages SET status = 'queued', checked_at = NULL"
	simsql "DELETE FROM request"
	seq -f '+1415556%04g	hello' 60 | sms-send -j 4 -t "$(later 3hours)" >more
	sim_clock 3h
	run -0 --separate-stderr sms-reconcile -t "$(later 6hours)"
	[ "$output" = 'checked 70 applied 70 same 0 stale 0 unknown 0 failed 0' ]
	[ "$stderr" = '' ]
	[ "$(simsql "SELECT count(*) FROM request WHERE method = 'GET'")" = 1 ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivered ]
}

@test "callbacks that wait in the spool are taken in, not asked about" {
	hook_start
	sent 3 -f drop=0 -s 600000
	store_held
	sim_clock 1h
	sim_settled
	kill -KILL -- "-$HOOK_PID"
	store_released
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = queued ]
	run -0 sms-reconcile -t "$(later 3hours)"
	[ "$output" = 'checked 0 applied 0 same 0 stale 0 unknown 0 failed 0' ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivered ]
}

# stage name script: puts a program of that name before ours
stage() {
	mkdir -p stages
	printf '#!/bin/sh\n%s\n' "$2" >"stages/$1"
	chmod +x "stages/$1"
	PATH=$PWD/stages:$PATH
}

@test "a stage that is killed or cut off is seen, whichever it is" {
	sent 2
	now=$(later 3hours)
	stage sms-fetch 'kill -KILL $$'
	run -137 sms-reconcile -q -t "$now"
	stage sms-fetch 'exec head -c 40'
	run -65 --separate-stderr sms-reconcile -q -t "$now"
	[[ "$stderr" == *'cut short: no newline at its end' ]]
	rm stages/sms-fetch
	stage sms-stuck 'exit 74'
	run -74 sms-reconcile -q -t "$now"
	rm stages/sms-stuck
	# a reader that is gone, not the SIGPIPE of the stage before, is the cause
	stage sms-apply 'exit 75'
	run -75 sms-reconcile -q -t "$now"
	# a stage whose shell is killed told nothing
	stage sms-apply 'if [ "$(wc -c)" -gt 0 ]; then kill -KILL $PPID; fi'
	run -71 sms-reconcile -q -t "$now"
}

@test "an outage ends with 75, loses nothing, and the next run repairs" {
	sent 2
	sim_clock 3h
	now=$(later 3hours)
	stage sms-fetch 'cut -f 1 | while read -r sid; do
		printf "%s\t\\\\N\t20503\t\\\\N\tfetch\n" "$sid"; done; exit 75'
	run -75 sms-reconcile -t "$now"
	[ "$output" = 'checked 2 applied 0 same 0 stale 0 unknown 0 failed 2' ]
	rm stages/sms-fetch
	run -0 sms-reconcile -t "$now"
	[ "$output" = 'checked 2 applied 2 same 0 stale 0 unknown 0 failed 0' ]
}

# lost n [sim options]: n messages whose answers did not come, nor callbacks
lost() {
	local n=$1
	shift
	sim_start "$@"
	seq -f '+1415555%04g	hello' "$n" | sms-send >lost 2>errors || [ $? -eq 76 ]
	[ "$(sql "SELECT count(*) FROM messages WHERE status = 'ambiguous'")" -eq "$n" ]
	stop "$SIM_PID"
	sim_start -f drop=100
}

@test "messages whose answers were lost are found at Twilio" {
	lost 4 -f drop=100,500after=50,reset=100
	sim_clock 1h
	run -0 --separate-stderr sms-reconcile
	[ "$output" = 'checked 4 applied 4 same 0 stale 0 unknown 0 failed 0' ]
	[ "$stderr" = '' ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivered ]
	[ "$(sql "SELECT to_number || ' ' || twilio_message_sid FROM messages ORDER BY 1")" = \
		"$(simsql "SELECT to_number || ' ' || sid FROM message ORDER BY 1")" ]
	run -0 sms-reconcile
	[ "$output" = 'checked 0 applied 0 same 0 stale 0 unknown 0 failed 0' ]
}

@test "messages that never reached Twilio fail after five minutes, not before" {
	lost 2 -f resetbefore=100
	[ "$(simsql 'SELECT count(*) FROM message')" = 0 ]
	run -0 --separate-stderr sms-reconcile
	[ "$output" = 'checked 2 applied 0 same 2 stale 0 unknown 0 failed 0' ]
	[ "$stderr" = '' ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = ambiguous ]
	run -0 --separate-stderr sms-reconcile -t "$(later 6minutes)"
	[ "$output" = 'checked 2 applied 2 same 0 stale 0 unknown 0 failed 0' ]
	[ "$(sql 'SELECT DISTINCT status, error_message, twilio_message_sid FROM messages')" = \
		'failed|never reached Twilio|' ]
}

@test "a row whose sender died is ambiguous, and settled all the same" {
	lost 1 -f reset=100
	sql "UPDATE messages SET status = 'pending', error_message = NULL"
	sid=$(simsql 'SELECT sid FROM message')
	simsql "UPDATE message SET body = 'hullo'"
	run -76 --separate-stderr sms-reconcile -t "$(later 6minutes)"
	[ "$output" = 'checked 1 applied 0 same 1 stale 0 unknown 0 failed 0' ]
	[[ $stderr == *"stays ambiguous: 1 message that may be it"*" $sid" ]]
	[ "$(sql 'SELECT status FROM messages')" = ambiguous ]
	simsql "UPDATE message SET body = 'hello'"
	run -0 sms-reconcile -q
	[ "$(sql 'SELECT twilio_message_sid FROM messages')" = "$sid" ]
	[ "$(sql "SELECT count(*) FROM message_delivery_status WHERE old_status = 'pending'
		AND status = 'ambiguous' AND source = 'fetch'")" = 1 ]
}

@test "a callback that carries the ref settles what no answer did" {
	hook_start
	sim_start -f reset=100
	run -76 sms-send -r order-7 +14155550100 hello
	sim_clock 1h
	sim_settled
	settled
	[ "$(sql 'SELECT twilio_message_sid, status FROM messages')" = \
		"$(simsql 'SELECT sid FROM message')|delivered" ]
	[ "$(sms-stuck -c -t "$(later 3hours)")" = 0 ]
}

# What the store has come to, but for the numbers of rows and which way it came.
state() {
	sql "SELECT * FROM (SELECT twilio_message_sid, status, error_code, price,
			updated_at, sent_at, delivered_at, failed_at, checked_at
			FROM messages ORDER BY 1);
		SELECT * FROM (SELECT twilio_message_sid, old_status, h.status,
			outcome, at, h.created_at, h.price
			FROM message_delivery_status h
			JOIN messages m ON m.id = h.message_id ORDER BY 1, 2, 3)"
}

# 5 points, or 200 with ALL=1, spread over the time that a run takes.
@test "killed at any point and run again, it comes to the same" {
	local points=5 i took begin
	[ -z "${ALL:-}" ] || points=200
	sent 120 -f drop=100,error=20
	sim_clock 3h
	now=$(later 3hours)
	sms-apply </dev/null
	sql 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp "$SMS_DB" stuck.db
	begin=${EPOCHREALTIME/./}
	sms-reconcile -q -t "$now"
	took=$((${EPOCHREALTIME/./} - begin))
	state >expected
	[ "$(sql "SELECT count(*) FROM messages WHERE status = 'queued'")" = 0 ]
	for i in $(seq $points); do
		rm -f "$SMS_DB"-wal "$SMS_DB"-shm
		cp stuck.db "$SMS_DB"
		# the odd ones through single requests, the even ones through pages
		set -m
		if [ $((i % 2)) = 0 ]; then
			sms-reconcile -q -t "$now" 3>&- &
		else
			(sms-stuck -n 0 -t "$now" | sms-fetch -d 0 -t "$now" |
				sms-apply -t "$now" >/dev/null) 3>&- &
		fi
		pid=$!
		set +m
		sleep "$(printf '0.%06d' $((took * i / points % 1000000)))"
		kill -KILL -- -$pid 2>/dev/null || :
		wait $pid || :
		sql "SELECT CASE WHEN count(*) = 0 THEN 'all' WHEN count(*) = 120
			THEN 'none' ELSE 'some' END FROM messages WHERE checked_at IS NULL" >>done
		sms-reconcile -q -t "$now"
		state | diff expected - >&2
	done
	[ -z "${ALL:-}" ] || sort done | uniq -c >&3
}

@test "two runs and a storm of callbacks at once: nothing goes back, nothing is lost" {
	hook_start
	sim_start -s 300 -f drop=20,double=20,reorder=20,error=20
	sms-apply </dev/null
	seq -f '+1415555%04g	hello' 150 | sms-send -j 8 >sent &
	sender=$!
	later=$(later 3hours)
	for i in 1 2 3 4 5 6; do
		sms-reconcile -q -t "$later" &
		one=$!
		sms-stuck -n 0 -t "$later" | sms-fetch -l -d 0 | sms-apply >/dev/null &
		two=$!
		sms-fetch -a open -d 0 | sms-apply >/dev/null
		wait $one
		wait $two
	done
	wait $sender
	sim_clock 1h
	sim_settled
	sms-reconcile -q -t "$later"
	sms-stuck -n 0 -t "$later" | sms-fetch -l -d 0 | sms-apply >/dev/null
	[ "$(sql "ATTACH 'sim.db' AS sim; SELECT count(*) FROM messages m
		JOIN sim.truth t ON t.sid = m.twilio_message_sid
		AND t.status = m.status AND t.error_code IS m.error_code")" = 150 ]
	# each step of the history goes up from the one before it
	[ "$(sql "SELECT count(*) FROM message_delivery_status h
		JOIN ladder o ON o.status = h.old_status
		WHERE outcome = 'applied' AND h.rank <= o.rank")" = 0 ]
	[ "$(sql "SELECT count(*) FROM (SELECT old_status, lag(status) OVER (
			PARTITION BY message_id ORDER BY id) AS before
			FROM message_delivery_status WHERE outcome = 'applied')
		WHERE before IS NOT NULL AND old_status <> before")" = 0 ]
	[ "$(sql "SELECT count(*) FROM message_delivery_status
		WHERE outcome = 'conflict'")" = 0 ]
}

@test "it leaves a trace of how it ended, and of the last time it did well" {
	sim_start
	sms-send +14155550100 hello >/dev/null
	run -0 sms-reconcile -t 2025-01-01T00:00:00Z
	[ "$(cat sms.db.reconcile.ran)" = "2025-01-01T00:00:00Z	0	$output" ]
	sms-reconcile -n >/dev/null
	[ "$(wc -l <sms.db.reconcile.ran)" -eq 1 ]
	at=$(later 3hours)
	TWILIO_API_URL=http://127.0.0.1:9 run -75 sms-reconcile -q -t "$at"
	[ "$(cut -f 1,2 sms.db.reconcile.ran)" = "2025-01-01T00:00:00Z	0
$at	75" ]
	TWILIO_API_URL=http://127.0.0.1:9 run -75 sms-reconcile -q -t 2099-01-01T00:00:00Z
	[ "$(cut -f 1,2 sms.db.reconcile.ran)" = "2025-01-01T00:00:00Z	0
2099-01-01T00:00:00Z	75" ]
	[ "$(sms-stat -t 2099-01-01T00:00:00Z | grep reconcile_last_status)" = 'sms_reconcile_last_status	75' ]
	sms-reconcile -q
	[ "$(wc -l <sms.db.reconcile.ran)" -eq 1 ]
	run -0 sms-check reconcile
	# a store that is not there gets none
	SMS_DB=$PWD/none.db run -78 sms-reconcile -q
	[ ! -e none.db.reconcile.ran ]
}

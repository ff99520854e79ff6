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

@test "-n limits how many are asked about" {
	sent 5
	sim_clock 3h
	run -0 sms-reconcile -n 2 -t "$(later 3hours)"
	[ "$output" = 'checked 2 applied 2 same 0 stale 0 unknown 0 failed 0' ]
	run -64 sms-reconcile -n many
	run -64 sms-reconcile -z
	run -64 sms-reconcile more
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
	stage sms-apply 'cat >/dev/null; kill -KILL $PPID'
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

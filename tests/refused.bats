# What requests that are refused leave behind: strangers can cause it, so all
# of it has a bound.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef
T=2026-01-01T00:00

setup() {
	common_setup
	servers_setup
	export WEBHOOK_BASE_URL=https://hooks.example.net
	printf '%s\r\n' 'POST /api/webhooks/twilio HTTP/1.1' 'Host: x' \
		'Content-Type: application/x-www-form-urlencoded' \
		'X-Twilio-Signature: forged' 'Content-Length: 38' '' >forged
	printf 'To=%%2B14155550100&Body=secret+of+sender' >>forged
}

teardown() {
	common_teardown
}

# served time [file]: that request at that time
served() {
	sms-hook -t "$1" <"${2-forged}" >answer 2>>log
}

refused() {
	sql "SELECT minute, requests FROM webhook_refused ORDER BY minute"
}

rows() {
	sql "SELECT count(*) FROM webhook_logs WHERE created_at LIKE '$1%'"
}

listening() {
	PORT=$(free_port)
	URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$URL" >>hook.conf
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook" "$@"
	ln -sf systemd-socket-activate.err said
	until_true 10 grep -q '^Listening' said
}

# codes url [curl option ...]: how often each status came
codes() {
	local url=$1
	shift
	curl -sS -o /dev/null -w '%{http_code}\n' "$@" "$URL$url" |
		sort | uniq -c | tr -s ' '
}

counted() {
	[ "$(refused 2>/dev/null | tr '\n' ' ')" = "$1 " ]
}

@test "500 forged requests in a minute leave 60 rows and are all counted" {
	seq 500 | xargs -P 8 -I'{}' sh -c \
		"sms-hook -t $T:10Z <forged >>answers 2>>log"
	[ "$(grep -c '^HTTP/1.1 401' answers)" -eq 500 ]
	[ "$(grep -c ' 401 bad_signature from ' log)" -eq 500 ]
	served 2026-01-01T00:01:00Z
	[ "$(rows $T)" -eq 60 ]
	[ "$(rows 2026-01-01T00:01)" -eq 1 ]
	counted "$T:00Z|500 2026-01-01T00:01:00Z|1"
	[ "$(sql "SELECT DISTINCT status, answer, params IS NULL FROM webhook_logs")" = \
		'bad_signature|401|1' ]
	refute grep -aE 'secret of|14155550100' log sms.db.spool.refused sms.db
}

@test "500 to a process that listens leave the same" {
	listening -t $T:10Z -w 1s
	[ "$(codes '/api/webhooks/twilio?n=[1-500]' -d a=b)" = ' 500 401' ]
	wait "$STARTED_PID"
	listening -t 2026-01-01T00:01:10Z -w 1s
	[ "$(codes '/api/webhooks/twilio' -d a=b)" = ' 1 401' ]
	wait "$STARTED_PID"
	[ "$(rows $T)" -eq 60 ]
	counted "$T:00Z|500 2026-01-01T00:01:00Z|1"
}

@test "a process that listens keeps a body for who looks for the cause, if a line can hold it" {
	echo SMS_LOG_REFUSED=body >>hook.conf
	listening
	logged() {
		[ "$(sql 'SELECT group_concat(length(params)) FROM (SELECT *
			FROM webhook_logs ORDER BY id)' 2>/dev/null)" = "$1" ]
	}
	both() { [ "$(rows '')" = 2 ]; }
	head -c 60000 /dev/zero | tr '\0' a >body
	codes /api/webhooks/twilio -H 'X-Twilio-Signature: x' --data-binary @body
	until_true 10 logged 60000
	head -c 65536 /dev/zero | tr '\0' a >body
	codes /api/webhooks/twilio -H 'X-Twilio-Signature: x' --data-binary @body
	until_true 10 both
	logged 60000
}

@test "of a flood 600 lines a minute are said, and then how many more there were" {
	listening -t $T:10Z -w 1s
	[ "$(codes '/none?n=[1-700]')" = ' 700 404' ]
	wait "$STARTED_PID"
	[ "$(grep -c ' 404 not_found from ' said)" -eq 600 ]
	[ "$(grep -c ': more requests are refused in this minute, and counted$' said)" -eq 1 ]
	# no callback, no row; by the clock that minute is over, so it is counted
	[ "$(rows $T)" -eq 0 ]
	served 2026-01-01T00:01:00Z
	# told once, by who sees first that the minute is over
	[ "$(cat said log | grep -cx "sms-hook: 100 more requests were refused in the minute of $T:00Z")" -eq 1 ]
	grep -q ' 401 bad_signature from ' log
	[ "$(rows $T)" -eq 0 ]
	counted "$T:00Z|700 2026-01-01T00:01:00Z|1"
}

@test "requests that come late do not begin a minute again" {
	for i in $(seq 35); do
		served $T:59Z
		served 2026-01-01T00:01:00Z
	done
	# a clock that was set back is another matter
	served 2025-12-31T23:58:00Z
	served 2026-01-01T00:05:00Z
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE created_at
		BETWEEN '$T:00Z' AND '2026-01-01T00:01:59Z'")" -eq 61 ]
	counted "2025-12-31T23:58:00Z|1 $T:00Z|1 2026-01-01T00:01:00Z|69 2026-01-01T00:05:00Z|1"
}

@test "nor is a flood without a limit where it cannot be counted" {
	mkdir sms.db.spool.refused
	listening -t $T:10Z -w 1s
	[ "$(codes '/none?n=[1-700]')" = ' 700 404' ]
	wait "$STARTED_PID"
	[ "$(grep -c ' 404 not_found from ' said)" -eq 600 ]
	grep 'more requests' said >more
	[ "$(cat more)" = 'sms-hook: more requests are refused in this minute, and not counted yet: Is a directory' ]
	# what it has refused is counted when that is possible again
	listening -t 2026-01-01T00:01:10Z -w 1s
	[ "$(codes '/none?n=[1-601]')" = ' 601 404' ]
	rmdir sms.db.spool.refused
	[ "$(codes '/api/webhooks/twilio' -d a=b)" = ' 1 401' ]
	wait "$STARTED_PID"
	[ "$(grep -c ' 404 not_found from ' said)" -eq 600 ]
	served 2026-01-01T00:02:00Z
	counted "2026-01-01T00:01:00Z|602 2026-01-01T00:02:00Z|1"
}

@test "a callback that is good brings what was counted into the store" {
	printf 'GET /none HTTP/1.1\r\nHost: x\r\n\r\n' >none
	served $T:10Z none
	served $T:59Z none
	served 2026-01-01T00:07:00Z none
	[ ! -e sms.db ]
	body="MessageSid=$SID&MessageStatus=sent"
	{
		printf '%s\r\n' 'POST /api/webhooks/twilio HTTP/1.1' 'Host: x' \
			'Content-Type: application/x-www-form-urlencoded' \
			"X-Twilio-Signature: $(printf %s "$body" |
				sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")" \
			"Content-Length: ${#body}" ''
		printf %s "$body"
	} >good
	served "$T:00Z" good
	counted "$T:00Z|2 2026-01-01T00:07:00Z|1"
	[ ! -s sms.db.spool.refused ]
}

@test "without a place to count all are told of, and none leaves a row" {
	for i in 1 2 3; do
		SMS_SPOOL=none/spool served $T:10Z
		grep -q '^HTTP/1.1 401' answer
	done
	[ "$(grep -c ' 401 bad_signature from ' log)" -eq 3 ]
	[ ! -e sms.db ]
	refute grep -v ' 401 bad_signature from ' log
}

# (a link out of all that may be opened, where there is Landlock)
@test "where the count may not be opened all are told of" {
	mkdir store elsewhere
	ln -s "$PWD/elsewhere/count" store/sms.db.spool.refused
	for i in 1 2 3; do
		SMS_DB=$PWD/store/sms.db served $T:10Z
	done
	[ "$(grep -c ' 401 bad_signature from ' log)" -eq 3 ]
}

@test "a count that is no count, or much of it, is no hindrance" {
	echo nonsense >sms.db.spool.refused
	served $T:10Z
	[ "$(rows $T)" -eq 1 ]
	served $T:10Z
	counted "$T:00Z|2"
	# the store was away for long
	rm -f sms.db*
	for i in $(seq 100 170); do
		echo "2025-12-31T$((i / 60 + 10)):$((i % 60 + 100)):00Z 000000000002 000" |
			sed 's/:1\([0-9][0-9]\):/:\1:/'
	done >sms.db.spool.refused
	served $T:10Z
	[ "$(sql "SELECT count(*) FROM webhook_refused")" -eq 64 ]
	[ "$(wc -l <sms.db.spool.refused)" -eq 1 ]
	served $T:20Z
	[ "$(sql "SELECT requests FROM webhook_refused WHERE minute = '$T:00Z'")" -eq 2 ]
}

@test "who holds the count for ever holds nobody up" {
	served $T:10Z
	mkfifo go
	sms-lock ./sms.db.spool.refused sh -c 'echo held; read x' <go >held 3>&- &
	holder=$!
	exec 8>go
	until_true 10 test -s held
	served $T:20Z
	grep -q '^HTTP/1.1 401' answer
	exec 8>&-
	wait $holder || :
	[ "$(rows $T)" -eq 1 ]
}

@test "a client that says nothing is told of, too" {
	listening
	socat -u "TCP:127.0.0.1:$PORT" STDOUT >answer 3>&- &
	client=$!
	# not before the hook has it
	[ "$(curl -sS "$URL/healthz")" = ok ]
	kill "$STARTED_PID"
	wait "$STARTED_PID"
	wait $client
	grep -q '^HTTP/1.1 408' answer
	grep -qx 'sms-hook: 408 timeout from 127.0.0.1' said
}

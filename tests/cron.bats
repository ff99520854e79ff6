# The endpoint that runs sms-reconcile, for one connection, for many and by
# CGI.
load helper
load servers

setup() {
	common_setup
	servers_setup
	export CRON_SECRET=0f1e2d3c4b5a69788796a5b4c3d2e1f0
	export WEBHOOK_BASE_URL=https://hooks.example.net
	export SMS_RECONCILE=$ROOT/bin/sms-reconcile
	echo "CRON_SECRET=$CRON_SECRET" >>hook.conf
}

teardown() {
	common_teardown
}

# other status text: what runs in place of sms-reconcile
other() {
	export SMS_RECONCILE=$PWD/other
	printf '#!/bin/sh\n%s\nexit %s\n' "$2" "$1" >other
	chmod 755 other
}

# held: sms-reconcile waits in a run, until released; both write "run" on it
held() {
	mkfifo go
	other 0 'echo begun >>runs; read x <go; echo ended >>runs
		echo checked 1 applied 0'
}

# asked method [field ...]: a request on standard input; code, answer, log.
asked() {
	local method=$1
	shift
	{
		printf '%s /api/cron/reconcile-sms HTTP/1.1\r\nHost: x\r\n' "$method"
		[ $# -eq 0 ] || printf '%s\r\n' "$@"
		printf '\r\n'
	} >request
	status=0
	sms-hook <request >answer 2>log || status=$?
	code=$(sed -n '1s/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer)
}

bearing() {
	asked "$1" "Authorization: Bearer ${2-$CRON_SECRET}"
}

body() {
	sed '1,/^\r$/d' answer
}

refused() {
	grep -qx "sms-hook: $1 $2 from ${3-unknown}" log || { cat log; return 1; }
	[ "$code" = "$1" ]
}

# by_cgi method [assignment ...]
by_cgi() {
	local method=$1
	shift
	status=0
	env GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD="$method" \
		REQUEST_URI=/api/cron/reconcile-sms REMOTE_ADDR=192.0.2.7 \
		"$@" sms-hook </dev/null >answer 2>log || status=$?
	code=$(sed -n '1s/^Status: \([0-9]*\) .*\r$/\1/p' answer)
}

listening() {
	PORT=$(free_port)
	URL=http://127.0.0.1:$PORT
	{
		echo "WEBHOOK_BASE_URL=$URL"
		echo "SMS_RECONCILE=$SMS_RECONCILE"
	} >>hook.conf
	unset WEBHOOK_BASE_URL SMS_RECONCILE CRON_SECRET
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook" "$@"
	HOOK=$STARTED_PID
	ln -sf systemd-socket-activate.err log
	until_true 10 grep -q '^Listening' log
	SECRET=$(sed -n 's/^CRON_SECRET=//p' hook.conf)
}

# called [curl option ...]: by curl, with the secret; sets code, writes TO
called() {
	code=$(curl -sS -m 20 -o "${TO-answer}" -w '%{http_code}' \
		-H "Authorization: Bearer $SECRET" "$@" \
		"$URL/api/cron/reconcile-sms")
}

# refusals n: so many were told of
refusals() {
	[ "$(grep -c ' 409 running from 127.0.0.1$' log)" -eq "$1" ]
}

has_run() {
	grep -qx "$1" runs
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

@test "it runs sms-reconcile and answers with its summary" {
	sim_start -f drop=100
	sid=$(WEBHOOK_BASE_URL=http://127.0.0.1:9 sms-send +14155550100 'A table for two' | cut -f 1)
	sim_clock 2h
	sql "UPDATE messages SET created_at = '2026-01-01T00:00:00Z',
		sent_at = '2026-01-01T00:00:00Z'"
	bearing GET
	[ "$code $status" = '200 0' ]
	grep -qx $'Content-Type: application/json\r' answer
	[ "$(body)" = '{"checked":1,"applied":1,"same":0,"stale":0,"unknown":0,"failed":0,"exit_status":0}' ]
	[ ! -s log ]
	[ "$(sql "SELECT status FROM messages WHERE twilio_message_sid = '$sid'")" = delivered ]
	bearing POST
	[ "$(body)" = '{"checked":0,"applied":0,"same":0,"stale":0,"unknown":0,"failed":0,"exit_status":0}' ]
}

@test "without the secret nothing runs" {
	other 0 'echo run >>runs; echo checked 0'
	bearing GET; [ "$code" = 200 ]; rm runs
	asked GET; refused 401 bad_secret
	grep -qx $'WWW-Authenticate: Bearer\r' answer
	bearing GET wrong; refused 401 bad_secret
	bearing GET "${CRON_SECRET}0"; refused 401 bad_secret
	bearing GET "${CRON_SECRET%?}"; refused 401 bad_secret
	bearing GET ''; refused 401 bad_secret
	asked GET "Authorization: Basic $CRON_SECRET"; refused 401 bad_secret
	asked GET "X-Authorization: Bearer $CRON_SECRET"; refused 401 bad_secret
	bearing HEAD; refused 405 method
	bearing PUT; refused 405 method
	grep -qx $'Allow: GET, POST\r' answer
	refute grep -r "$CRON_SECRET" log answer
	[ ! -e runs ]
	asked GET "authorization: bEARER   $CRON_SECRET"; [ "$code" = 200 ]
	[ -e runs ]
}

@test "the path is not there without a secret, which may lie in a file" {
	secret=$CRON_SECRET
	other 0 'env >environment; echo checked 0'
	CRON_SECRET='' bearing GET "$secret"
	refused 404 not_found
	echo "$secret" >file
	chmod 644 file
	CRON_SECRET='' CRON_SECRET_FILE=$PWD/file bearing GET "$secret"
	[ "$code $status" = '503 78' ]
	chmod 600 file
	CRON_SECRET='' CRON_SECRET_FILE=$PWD/file bearing GET "$secret"
	[ "$code" = 200 ]
	refute grep CRON_SECRET environment
	SMS_RECONCILE=other bearing GET
	[ "$code $status" = '503 78' ]
}

@test "a run that fails is told with its exit status and its words" {
	other 77 'echo sms-fetch: refused >&2'
	bearing GET
	refused 500 reconcile_failed
	[ "$(body)" = '{"exit_status":77}' ]
	grep -qx 'sms-hook: sms-fetch: refused' log
	other 75 'echo checked 3 applied 2 failed 1; echo sms-fetch: down >&2'
	bearing GET
	refused 503 reconcile_failed
	grep -q '^Retry-After: ' answer
	[ "$(body)" = '{"checked":3,"applied":2,"failed":1,"exit_status":75}' ]
	other 0 'kill -9 $$'
	bearing GET
	refused 500 reconcile_failed
	[ "$(body)" = '{"exit_status":137}' ]
	export SMS_RECONCILE=$PWD/none
	bearing GET
	refused 500 reconcile_failed
	[ "$(body)" = '{"exit_status":71}' ]
	grep -qx "sms-hook: cannot run '$PWD/none': No such file or directory" log
}

@test "only one runs at a time" {
	sms-apply </dev/null
	mkfifo go
	sms-lock reconcile sh -c 'echo locked; read x' <go >held 3>&- &
	holder=$!
	exec 8>go
	until_true 10 test -s held
	bearing GET
	refused 409 running
	[ "$(body)" = '{"running":true}' ]
	exec 8>&-
	wait $holder || :
	bearing GET
	[ "$code" = 200 ]
}

@test "a process for one connection without its runner says so" {
	other 0 'echo checked 0'
	printf 'GET /api/cron/reconcile-sms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n' \
		"$CRON_SECRET" >request
	mkfifo in
	sms-hook <in >answer 2>log 3>&- &
	pid=$!
	exec 8>in
	until_true 10 pgrep -P $pid
	kill -KILL "$(pgrep -P $pid)"
	cat request >&8
	exec 8>&-
	wait $pid
	code=503
	refused 503 no_runner
}

@test "what sms-reconcile gets is its own" {
	other 0 'env >environment; ls -l /proc/$$/fd >fds 2>&1 || :
		trap >traps; kill -PIPE $$; echo not reached'
	bearing GET
	[ "$(body)" = '{"exit_status":141}' ]
	grep -q ' 0 -> /dev/null' fds
	refute grep socket fds
	[ "$(sed -n 's/^PATH=\([^:]*\):.*/\1/p' environment)" = "$PWD" ]
	other 0 'env >environment; echo checked 0'
	by_cgi GET "HTTP_AUTHORIZATION=Bearer $CRON_SECRET" HTTP_PROXY=http://x
	[ "$code" = 200 ]
	refute grep -E '^HTTP_' environment
}

@test "by CGI it is the same" {
	other 0 'echo checked 2 applied 1'
	by_cgi GET "HTTP_AUTHORIZATION=Bearer $CRON_SECRET"
	[ "$code $status" = '200 0' ]
	grep -qx $'Content-Type: application/json\r' answer
	[ "$(body)" = '{"checked":2,"applied":1,"exit_status":0}' ]
	by_cgi GET
	refused 401 bad_secret 192.0.2.7
	by_cgi HEAD "HTTP_AUTHORIZATION=Bearer $CRON_SECRET"
	refused 405 method 192.0.2.7
	other 0 :
	by_cgi POST "HTTP_AUTHORIZATION=Bearer $CRON_SECRET"
	refused 409 running 192.0.2.7
}

@test "a process that listens serves others while it runs" {
	held
	listening
	called & first=$!
	until_true 10 has_run begun
	for i in 1 2 3; do
		[ "$(curl -sS "$URL/healthz")" = ok ]
	done
	body="MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=sent"
	WEBHOOK_BASE_URL=$URL
	[ "$(post_callback "$body")" = 200 ]
	TO=second called
	[ "$code" = 409 ]
	[ "$(cat second)" = '{"running":true}' ]
	until_true 5 grep -q '409 running from 127.0.0.1' log
	echo >go
	wait $first
	[ "$(cat answer)" = '{"checked":1,"applied":0,"exit_status":0}' ]
	called -X POST & first=$!
	echo >go
	wait $first
	[ "$(grep -c ended runs)" -eq 2 ]
	SECRET=x called
	[ "$code" = 401 ]
	refute grep -E 'no_runner|answer_lost' log
}

@test "of those who ask in the same moment one is served" {
	held
	listening
	[ "$(curl -sS "$URL/healthz")" = ok ]
	for i in 1 2 3 4; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		fds="${fds-} $fd"
	done
	# (they were accepted before one that is answered)
	[ "$(curl -sS "$URL/healthz")" = ok ]
	kill -STOP "$HOOK"
	for fd in $fds; do
		printf 'GET /api/cron/reconcile-sms HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n' \
			"$SECRET" >&"$fd"
	done
	kill -CONT "$HOOK"
	until_true 10 has_run begun
	until_true 10 refusals 3
	echo >go
	for fd in $fds; do
		timeout 10 cat <&"$fd" >>answers
		exec {fd}>&-
	done
	[ "$(grep '^HTTP' answers | sort | uniq -c | tr -s ' \r\n' ' ')" = \
		' 1 HTTP/1.1 200 OK 3 HTTP/1.1 409 Conflict ' ]
	[ "$(grep -c '^{"running":true}$' answers)" -eq 3 ]
	[ "$(tr '\n' ' ' <runs)" = 'begun ended ' ]
}

@test "a client that leaves does not end the run" {
	held
	listening
	run -28 curl -sS -m 1 -H "Authorization: Bearer $SECRET" \
		"$URL/api/cron/reconcile-sms"
	until_true 10 has_run begun
	kill "$HOOK"
	until_true 10 ended "$HOOK"
	refute has_run ended
	echo >go
	until_true 10 has_run ended
}

@test "it is answered behind what was asked before it, and comes last" {
	other 0 'echo run >>runs; echo checked 1 applied 0'
	listening
	body="MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=sent"
	signature=$(printf %s "$body" |
		sms-sign "$URL/api/webhooks/twilio")
	ask="/api/cron/reconcile-sms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer"
	{
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\n' "$signature"
		printf 'Content-Length: %s\r\n\r\n%s' ${#body} "$body"
		printf "GET $ask wrong\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
		printf "GET $ask $SECRET\r\n\r\nPOST $ask $SECRET\r\n\r\n"
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
	} >pipelined
	socat -t 10 - "TCP:127.0.0.1:$PORT" <pipelined >answer
	[ "$(sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer | tr '\n' ' ')" = \
		'200 200 401 404 200 ' ]
	[ "$(grep -c '^Connection: close' answer)" -eq 1 ]
	[ "$(tail -n 1 answer)" = '{"checked":1,"applied":0,"exit_status":0}' ]
	[ "$(cat runs)" = run ]
}

@test "SIGTERM does not end a run, unless sms-reconcile gets it" {
	held
	listening
	called & client=$!
	until_true 10 has_run begun
	kill "$HOOK"
	until_true 10 ended "$HOOK"
	echo >go
	wait $client
	[ "$(cat answer)" = '{"checked":1,"applied":0,"exit_status":0}' ]
	rm runs
	listening
	called & client=$!
	until_true 10 has_run begun
	kill -- "-$HOOK"
	wait $client
	[ "$(cat answer)" = '{"exit_status":143}' ]
	until_true 5 group_gone "$HOOK"
	until_true 10 grep -q '500 reconcile_failed from 127.0.0.1' log
}

@test "sms-reconcile is found beside sms-hook, wherever that is" {
	mkdir -p usr/bin link
	cp "$ROOT/bin/sms-hook" usr/bin
	printf '#!/bin/sh\necho checked 7\n' >usr/bin/sms-reconcile
	chmod 755 usr/bin/sms-reconcile
	ln -s ../usr/bin/sms-hook link/sms-hook
	unset SMS_RECONCILE
	PATH=$PWD/link:$PATH
	bearing GET
	[ "$(body)" = '{"checked":7,"exit_status":0}' ]
}

@test "a secret may end in a newline, and blanks are none" {
	other 0 'echo checked 0'
	secret=$CRON_SECRET
	CRON_SECRET=$secret$'\n' bearing GET "$secret"
	[ "$code" = 200 ]
	CRON_SECRET=' ' bearing GET ''
	[ "$code $status" = '503 78' ]
	grep -qx 'sms-hook: CRON_SECRET is empty' log
}

@test "a process that listens does not end before its run" {
	held
	listening -w 1s
	called & first=$!
	until_true 10 has_run begun
	sleep 2.5
	refute ended "$HOOK"
	echo >go
	wait $first
	[ "$(cat answer)" = '{"checked":1,"applied":0,"exit_status":0}' ]
	until_true 10 ended "$HOOK"
}

# sms-hook as one process for all connections to a socket that it was given.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
	servers_setup
}

teardown() {
	common_teardown
}

# listening [option ...]: sms-hook gets a socket as from systemd; HOOK is its
# process, which starts with the first connection, and log what it says.
listening() {
	PORT=$(free_port)
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook" "$@"
	HOOK=$STARTED_PID
	ln -sf systemd-socket-activate.err log
	until_true 10 grep -q '^Listening' log
}

# waited: the same by openbsd-inetd, which starts it again and again.
waited() {
	example inetd-wait.conf
	start inetd -i "$PWD/inetd-wait.conf"
	INETD_PID=$STARTED_PID
	until_true 10 healthy
}

# The hook that inetd runs now, if any.
hooks() {
	ps -A -o pid=,ppid= | awk -v p="$INETD_PID" '$2 == p { print $1 }'
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# request body [field ...]: a whole request, signed, as bytes
request() {
	local body=$1
	shift
	printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
	printf 'Content-Type: application/x-www-form-urlencoded\r\n'
	printf 'X-Twilio-Signature: %s\r\n' "$(printf %s "$body" |
		sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")"
	[ $# -eq 0 ] || printf '%s\r\n' "$@"
	printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
}

@test "one process serves many connections, and ends when there are no more" {
	listening -w 1s
	for i in 1 2 3; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=$i")" = 200 ]
	done
	until_true 10 taken 3
	[ "$(sql "SELECT DISTINCT peer FROM webhook_logs")" = 127.0.0.1 ]
	until_true 10 ended "$HOOK"
	wait "$HOOK"
	[ ! -e sms.db.spool ]
	refute grep sms-hook: log
}

@test "a connection is kept, and requests that were sent at once are answered in order" {
	listening
	{
		request "MessageSid=$SID&MessageStatus=sent&N=1"
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
		request "MessageSid=$SID&MessageStatus=delivered&N=2"
		printf 'HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
		printf 'GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
	} >pipelined
	socat -t 10 - "TCP:127.0.0.1:$PORT" <pipelined >answer
	[ "$(sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer | tr '\n' ' ')" = \
		'200 200 200 200 404 ' ]
	[ "$(grep -c '^Connection: keep-alive' answer)" -eq 4 ]
	[ "$(grep -c '^ok' answer)" -eq 1 ]
	until_true 10 taken 2
	[ "$(curl -s "$WEBHOOK_BASE_URL/healthz" "$WEBHOOK_BASE_URL/healthz" \
		-o /dev/null -o /dev/null -w '%{num_connects}')" = 10 ]
}

@test "an empty line behind a body is no request, nor a part of the next one" {
	listening
	{
		request "MessageSid=$SID&MessageStatus=sent&N=1"
		printf '\r\n'
		request "MessageSid=$SID&MessageStatus=delivered&N=2"
		printf '\r'
		until_true 10 taken 2
		printf '\n'
		healthy
		request "MessageSid=$SID&MessageStatus=delivered&N=3"
		printf '\r\n'
	} | socat -t 10 - "TCP:127.0.0.1:$PORT" >answer
	[ "$(grep -c '^HTTP/1.1 200' answer)" -eq 3 ]
	[ "$(grep -c '^HTTP/' answer)" -eq 3 ]
	until_true 10 taken 3
	# a process that ends does not wait for more of it
	exec 8<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n' >&8
	healthy
	kill -TERM "$HOOK"
	timeout 4 cat <&8 >answer
	exec 8>&-
	[ "$(grep -c '^HTTP/' answer)" -eq 1 ]
	until_true 10 ended "$HOOK"
	refute grep sms-hook: log
}

@test "callbacks that were sent at once are synced at once and answered in order" {
	# the process that listens keeps its number under strace -D
	sed -i 's/exec /exec strace -D -f -o trace -e trace=openat,fdatasync,write /' sms-hook
	listening
	for i in $(seq 40); do
		request "MessageSid=$SID&MessageStatus=sent&N=$i"
	done >good
	{
		# (32 are as many as are joined)
		cat good
		printf 'GET /none HTTP/1.1\r\nHost: x\r\n\r\n'
		request "MessageSid=$SID&MessageStatus=delivered&N=41" \
			'Expect: 100-continue' >expecting
		sed '/^\r$/q' expecting
		until_true 10 grep -q '^HTTP/1.1 100' answer
		sed '1,/^\r$/d' expecting
		printf 'BAD\r\n\r\n'
		cat good
	} | socat -t 10 - "TCP:127.0.0.1:$PORT" >answer
	[ "$(sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer | uniq -c | tr -s ' \n' ' ')" = \
		' 40 200 1 404 1 100 1 200 1 400 ' ]
	[ "$(grep -c '^Connection: close' answer)" -eq 1 ]
	until_true 10 taken 41
	kill -TERM "$HOOK"
	until_true 10 ended "$HOOK"
	syncs=$(awk -v hook="$HOOK" '$1 == hook && /fdatasync/' trace | wc -l)
	echo "$syncs syncs"
	[ "$syncs" -lt 10 ]
}

@test "what is answered one by one is answered the same by one for all" {
	listening
	n=0 bad=0
	while IFS=$(printf '\t') read -r status reason request what; do
		: >log
		got=$(printf %b "$request" | socat -t 10 - "TCP:127.0.0.1:$PORT" |
			sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p' | head -n 1)
		[ "$reason" = - ] || until_true 2 grep -q \
			"sms-hook: $status $reason from 127.0.0.1" log ||
			got="$got without $reason"
		[ "$got" = "$status" ] || {
			echo "$what: $got instead of $status"
			bad=$((bad + 1))
		}
		n=$((n + 1))
	done < <(grep -v '^#' "$ROOT/tests/fixtures/requests.tsv" | grep .)
	echo "$n requests"
	# all of the table
	[ "$n" -ge 150 ]
	[ "$bad" -eq 0 ]
}

@test "openbsd-inetd hands its socket to sms-hook" {
	waited
	serves
	half_close
	# descriptor 2 is the socket too: nothing may be written to it
	[ "$(curl -s -o answer -w '%{http_code}' "$WEBHOOK_BASE_URL/none")" = 404 ]
	[ "$(hooks | wc -l)" -eq 1 ]
	before=$(hooks)
	kill -TERM "$before"
	until_true 10 ended "$before"
	healthy
	[ "$(hooks)" != "$before" ]
}

@test "systemd hands its socket to sms-hook" {
	example systemd/sms-hookd.socket
	grep -qx 'Accept=no' sms-hookd.socket
	start systemd-socket-activate -l "$(sed -n 's/^ListenStream=//p' \
		sms-hookd.socket)" "$PWD/sms-hook"
	serves
	half_close
}

@test "5,000 callbacks from 64 clients at once are all taken" {
	waited
	loaded 5000 64
	[ "$bad" -eq 0 ]
	until_true 20 taken 5000
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
}

@test "200 slow clients keep nobody waiting" {
	listening
	beside_slow_ones
	refute grep -q '408 timeout' log
}

# crowded: a hook that has room for 32 connections
crowded() {
	(
		ulimit -n 48
		PORT=$(free_port)
		echo "PORT=$PORT" >port
		echo "WEBHOOK_BASE_URL=http://127.0.0.1:$PORT" >>hook.conf
		exec systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook"
	) >out 2>log </dev/null 3>&- &
	STARTED_PID=$!
	STARTED="$STARTED $STARTED_PID"
	until_true 10 grep -q '^Listening' log
	. ./port
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
}

@test "who is slow makes room when there are too many" {
	crowded
	for i in $(seq 60); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		printf 'POST / HTTP/1.1\r\nX: ' >&"$fd"
		fds="${fds-} $fd"
	done
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent" -m 8)" = 200 ]
	grep -q 'sms-hook: 408 timeout from 127.0.0.1' log
	for fd in $fds; do
		exec {fd}>&-
	done
}

@test "who asks without end keeps nobody out" {
	crowded
	# while there is room a connection is kept, then no more
	exec 8<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&8
	until read -r -t 5 line <&8 && [ "$line" = $'\r' ]; do
		refute grep -q '^Connection: close' <<<"$line"
	done
	for i in $(seq 31); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		fds="${fds-} $fd"
	done
	sleep 0.3
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&8
	timeout 5 cat <&8 | grep -q '^Connection: close'
	exec 8>&-
	for fd in $fds; do
		exec {fd}>&-
	done
}

@test "SIGTERM finishes what is under way" {
	listening
	healthy
	exec 8<>"/dev/tcp/127.0.0.1/$PORT"
	request "MessageSid=$SID&MessageStatus=sent&N=late" >whole
	head -c 100 whole >&8
	# its head has arrived when a later one is answered
	healthy
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&7
	kill -TERM "$HOOK"
	# who has nothing to ask is let go first
	cat <&7 >idle
	exec 7>&-
	grep -q '^HTTP/1.1 200' idle
	tail -c +101 whole >&8
	cat <&8 >answer
	exec 8>&-
	grep -q '^HTTP/1.1 200' answer
	grep -q '^Connection: close' answer
	until_true 10 ended "$HOOK"
	taken 1
	[ ! -e sms.db.spool ]
}

@test "kill -9 under load loses nothing that was answered with 200" {
	waited
	built load
	bodies 12000 >all
	"$BATS_FILE_TMPDIR/load" "$WEBHOOK_BASE_URL/api/webhooks/twilio" 16 \
		<all >result 3>&- &
	load=$!
	kills=0
	while kill -0 $load 2>/dev/null && [ "$kills" -lt 200 ]; do
		for pid in $(hooks); do
			kill -KILL "$pid" 2>/dev/null && kills=$((kills + 1))
		done
		sleep 0.03
	done
	wait $load
	set -- $(cat result)
	echo "$kills killed: $*"
	[ "$kills" -gt 5 ]
	[ "$1" -eq 12000 ]
	settled
	# answered or not, none is there twice
	[ "$(sql "SELECT count(*) = count(DISTINCT params),
		count(*) >= $((12000 - $6)) FROM webhook_logs
		WHERE status = 'success'")" = '1|1' ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
}

@test "a store that others hold keeps nobody waiting, and is taken up again" {
	listening
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=0")" = 200 ]
	until_true 10 taken 1
	store_held
	for i in 1 2 3; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=$i" -m 2)" = 200 ]
	done
	until_true 10 grep -q "callbacks wait in '$SMS_DB.spool': .*is busy" log
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=4" -m 2)" = 200 ]
	store_released
	until_true 10 taken 5
	[ "$(grep -c 'callbacks wait' log)" -eq 1 ]
}

# The process that takes in what the hook has written.
settler() {
	ps -A -o pid=,ppid= | awk -v p="$HOOK" '$2 == p { print $1 }'
}

has_settler() {
	[ -n "$(settler)" ]
}

@test "who takes in keeps nobody waiting, and when it dies another one goes on" {
	listening
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=0")" = 200 ]
	until_true 10 taken 1
	first=$(settler)
	# it has no descriptor of a client, nor the socket that listens: the one
	# socket leads to the other process
	[ "$(ls -l "/proc/$first/fd" | grep -c socket:)" -eq 1 ]
	kill -STOP "$first"
	for i in 1 2 3; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=$i" -m 2)" = 200 ]
	done
	taken 1
	kill -KILL "$first"
	until_true 10 taken 4
	grep -q "who takes '$SMS_DB.spool' in has died" log
	[ "$(settler | wc -w)" -eq 1 ]
	[ "$(settler)" != "$first" ]
	# who is killed himself leaves nobody behind
	second=$(settler)
	kill -KILL "$HOOK"
	until_true 10 ended "$second"
}

@test "under a load that does not end others get their turn, and nobody outlives his parent" {
	listening
	built load
	bodies 400 >all
	touch going
	while [ -e going ]; do
		"$BATS_FILE_TMPDIR/load" "$WEBHOOK_BASE_URL/api/webhooks/twilio" 4 \
			<all >>results || :
	done 3>&- &
	load=$!
	until_true 20 test -s results
	first=$(settler)
	# who waits for the spool gets it, with all that had come
	timeout 10 sms-apply </dev/null
	# what was refused meanwhile is in the log
	[ "$(curl -s -o answer -w '%{http_code}' -d "MessageSid=$SID" \
		-H 'X-Twilio-Signature: x' "$WEBHOOK_BASE_URL/api/webhooks/twilio")" = 401 ]
	refused_logged() {
		[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'bad_signature'")" = 1 ]
	}
	until_true 10 refused_logged
	kill -TERM "$HOOK"
	until_true 4 ended "$HOOK"
	until_true 4 ended "$first"
	rm going
	wait $load
	[ ! -e sms.db.spool ]
}

@test "a store that has become one of a newer version is left to those who know it" {
	listening
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=0")" = 200 ]
	until_true 10 taken 1
	version=$(sql 'PRAGMA user_version')
	sql 'PRAGMA user_version = 9999'
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=1")" = 200 ]
	until_true 10 grep -q "callbacks wait in '$SMS_DB.spool': '$SMS_DB' has become one of a newer smspipe: start this process again" log
	taken 1
	sql "PRAGMA user_version = $version"
	until_true 10 taken 2
}

@test "who cannot fork tries again" {
	sed -i 's/exec /exec strace -D -o trace -e inject=clone,clone3,fork,vfork:error=EAGAIN:when=1..2 /' sms-hook
	listening
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=1")" = 200 ]
	until_true 10 taken 1
	[ "$(grep -c "callbacks wait in '$SMS_DB.spool': nobody takes them in: " log)" -eq 1 ]
	[ "$(grep -c INJECTED trace)" -eq 2 ]
}

@test "a spool of many callbacks is taken in beside all others" {
	awk 'BEGIN { for (i = 0; i < 20000; i++) printf "SM%032x\tsent\t\\N\t" \
		"2026-01-01T00:00:00Z\tcallback\t\\N\t\\N\t\\N\t\\N\t\\N" \
		"\t\\N\t\\N\t\\N\t\\N\t\\N\tN=%d\t192.0.2.7\t" \
		"2026-01-01T00:00:00Z\t1\t.\n", i, i }' >sms.db.spool
	listening
	n=0
	while ! taken 20000 2>/dev/null && [ "$n" -lt 5000 ]; do
		healthy
		n=$((n + 1))
	done
	echo "$n answers meanwhile"
	taken 20000
	[ "$n" -gt 3 ]
}

@test "a store that is put aside is not written to any more" {
	listening
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=0")" = 200 ]
	until_true 10 taken 1
	sql 'PRAGMA wal_checkpoint(TRUNCATE)'
	mkdir aside
	mv sms.db* aside
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=1")" = 200 ]
	until_true 10 taken 1
	SMS_DB=$PWD/aside/sms.db taken 1
}

@test "without a spool all that came together goes into the store, or is refused" {
	mkdir none
	echo "SMS_SPOOL=$PWD/none/spool" >>hook.conf
	chmod 555 none
	rmdir none
	listening
	loaded 200 16
	[ "$bad" -eq 0 ]
	taken 200
	store_held
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent" -m 2)" = 503 ]
	grep -q 'sms-hook: 503 store_busy from 127.0.0.1' log
	store_released
}

@test "strangers leave at most 60 rows in the log" {
	listening
	for i in $(seq 70); do
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'Content-Length: 3\r\n\r\na=b'
	done >forged
	socat -t 10 - "TCP:127.0.0.1:$PORT" <forged >answer
	[ "$(grep -c '^HTTP/1.1 401' answer)" -eq 70 ]
	kill -TERM "$HOOK"
	until_true 10 ended "$HOOK"
	rows=$(sql "SELECT count(*) FROM webhook_logs
		WHERE status = 'no_signature' AND params IS NULL")
	# the minute may have turned meanwhile
	[ "$rows" -ge 60 ]
	[ "$rows" -le 70 ]
}

@test "a setup that is not complete is answered with 503 by who listens, too" {
	sed -i '/^TWILIO_AUTH_TOKEN/d' hook.conf
	unset TWILIO_AUTH_TOKEN
	listening
	[ "$(curl -s -o answer -w '%{http_code}' "$WEBHOOK_BASE_URL/healthz")" = 503 ]
	grep -q 'sms-hook: 503 died from' log
	status=0
	wait "$HOOK" || status=$?
	[ "$status" -eq 78 ]
}

@test "more than one socket is one too many" {
	echo "WEBHOOK_BASE_URL=http://127.0.0.1:9" >>hook.conf
	PORT=$(free_port)
	start systemd-socket-activate -l "127.0.0.1:$PORT" -l "$PWD/socket" \
		"$PWD/sms-hook"
	HOOK=$STARTED_PID
	until_true 10 grep -q '^Listening.*socket' systemd-socket-activate.err
	run curl -s "http://127.0.0.1:$PORT/healthz"
	status=0
	wait "$HOOK" || status=$?
	[ "$status" -eq 78 ]
	grep -q 'sms-hook: LISTEN_FDS is 2' systemd-socket-activate.err
}

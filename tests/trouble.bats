# sms-trouble(7): each trouble is made for real, the command of the page is
# run, and what it shows is what the page says.
load helper
load servers

PAGE=$ROOT/man/sms-trouble.7
LONG_AGO=2026-01-01T00:00:00Z

setup() {
	common_setup
	servers_setup
}

teardown() {
	common_teardown
}

# look title [n]: runs the nth display of that part, where the page has paths
# of a system those of the test; sets output and status, prints both.
look() {
	PART=$1
	awk -v title="$1" -v n="${2:-1}" '
		/^\.S[sh] / { inside = substr($0, 5) == title }
		inside && /^\.Ed/ { shown = 0 }
		shown { gsub(/\\e/, "\\"); print }
		inside && /^\.Bd -literal/ { shown = ++displays == n }
	' "$PAGE" | sed "s|/usr/local/bin|$ROOT/bin|; s|/etc/|$PWD/|" >display
	[ -s display ]
	status=0
	output=$(bash display 2>&1) || status=$?
	mapfile -t lines <<<"$output"
	printf '%s\nstatus %s\n' "$output" "$status"
}

# page title: what stands there, on one line
page() {
	mandoc -T ascii -O width=1000 "$PAGE" | sed 's/.\x08//g' |
		awk -v title="   $1" '/^ ? ? ?[^ ]/ { inside = $0 == title } inside' |
		tr -s ' \n' ' '
}

# shows text ...: the last look showed it, and the page tells of it
shows() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || { echo "not shown: $text"; return 1; }
		[[ "$(page "$PART")" == *"$text"* ]] ||
			{ echo "not in the page: $text"; return 1; }
	done
}

# hook_with line ...: serves with these settings, instead of what ran before
hook_with() {
	[ -z "${HOOK_PID-}" ] || stop "$HOOK_PID"
	printf '%s\n' "$@" >extra
	printf '#!/bin/sh\nset -a; . %s/extra; exec %s\n' \
		"$PWD" "$ROOT/bin/sms-hook" >hook
	chmod 755 hook
	rm -f socat.err
	hook_start "$PWD/hook"
}

# sent [option ...]: a message, and what callbacks it has
sent() {
	sms-send "$@" +14155550100 'A table for two' >record
	sid=$(cut -f 1 record)
	sim_clock 1m
	sim_settled 20
	settled
}

# Messages that are old enough to be stuck.
aged() {
	sql "UPDATE messages SET created_at = '$LONG_AGO',
		sent_at = iif(sent_at IS NULL, NULL, '$LONG_AGO')"
}

# told_error code: a callback that says so of a new message
told_error() {
	sms-send -C +14155550100 'A table for two' >record
	[ "$(post_callback "MessageSid=$(cut -f 1 record)&MessageStatus=undelivered&ErrorCode=$1")" = 200 ]
	settled
}

@test "each part that is referred to is there" {
	local title
	grep -q '^\.Sx ' "$PAGE"
	sed -n 's/^\.Sx \(.*\) \.$/\1/p; s/^\.Sx \([^.]*\)$/\1/p' "$PAGE" | sort -u >named
	while read -r title; do
		echo "$title"
		[ -n "$(page "$title")" ]
	done <named
}

@test "the settings of the tools become those of the shell" {
	echo 'WEBHOOK_BASE_URL=https://sms.example.org' >env
	unset SMS_DB
	export SMS_CONF=$PWD/env
	look DESCRIPTION
	[ "$status" -eq 0 ]
	echo 'echo "$WEBHOOK_BASE_URL $SMS_DB"' >>display
	run -0 bash display
	[ "$output" = "https://sms.example.org $HOME/.local/share/smspipe/sms.db" ]
	# without SMS_CONF: the user's own, then that of the system, or none, and
	# no shell ends for that
	unset SMS_CONF
	echo 'echo "$WEBHOOK_BASE_URL"; sh -c "echo \$SMS_DB"' >>display
	mkdir -p .config/smspipe other/smspipe smspipe
	echo WEBHOOK_BASE_URL=own >.config/smspipe/env
	echo WEBHOOK_BASE_URL=other >other/smspipe/env
	echo WEBHOOK_BASE_URL=system >smspipe/env
	run -0 sh -e display
	[ "${lines[1]}" = own ]
	[ "${lines[2]}" = "$HOME/.local/share/smspipe/sms.db" ]
	XDG_CONFIG_HOME=$PWD/other XDG_DATA_HOME=/data run -0 sh -e display
	[ "${lines[1]}" = other ]
	[ "${lines[2]}" = /data/smspipe/sms.db ]
	rm .config/smspipe/env
	run -0 sh -e display
	[ "${lines[1]}" = system ]
	rm smspipe/env
	run -0 --separate-stderr sh -e display
	[ -z "$stderr" ]
}

@test "the first look: lost callbacks, refused ones, ambiguous and failed messages" {
	sim_start -s 20 -f drop=100
	hook_start
	sent
	aged
	sql "UPDATE messages SET created_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-3 hours')"
	look 'The first look'
	shows queued
	[[ $output != *success* && $output == *$'\n1' ]]
	TWILIO_AUTH_TOKEN=wrong post_callback 'MessageSid=SM1&MessageStatus=sent'
	curl -s -d 'MessageSid=SM1' "$WEBHOOK_BASE_URL/api/webhooks/twilio"
	run -69 sms-send +15005550004 'A table'
	sql "INSERT INTO messages (ref, direction, to_number, status, created_at,
		updated_at) SELECT 'r1', direction, to_number, 'ambiguous',
		created_at, updated_at FROM messages LIMIT 1"
	until_true 5 grep -q no_signature socat.err
	look 'The first look'
	shows bad_signature no_signature ambiguous failed
}

@test "stays queued: the hook is reachable, or not, or lacks a setting" {
	hook_start
	look 'Messages stay queued' 1
	shows 200
	hook_with TWILIO_AUTH_TOKEN= TWILIO_ACCOUNT_SID=
	look 'Messages stay queued' 1
	shows 503
	TWILIO_AUTH_TOKEN='' look 'Messages stay queued' 2
	shows 'TWILIO_AUTH_TOKEN is not set'
	export SKIP_TWILIO_SIGNATURE_VALIDATION=true
	look 'Messages stay queued' 2
	shows SKIP_TWILIO_SIGNATURE_VALIDATION
	unset SKIP_TWILIO_SIGNATURE_VALIDATION
	stop "$HOOK_PID"
	look 'Messages stay queued' 1
	shows 000 '(7)'
	WEBHOOK_BASE_URL=http://no.such.name.invalid look 'Messages stay queued' 1
	shows 000 'curl: (6)'
}

@test "stays queued: a certificate that nobody trusts" {
	certified
	unset CURL_CA_BUNDLE
	example socat-tls.sh https
	start ./socat-tls.sh
	until_true 10 curl -ks -o /dev/null "$WEBHOOK_BASE_URL/healthz"
	export WEBHOOK_BASE_URL
	look 'Messages stay queued' 1
	shows 'curl: (60)'
}

@test "stays queued: a callback by hand arrives, and what was lost is made good" {
	sim_start -s 20
	hook_start
	look 'Messages stay queued' 3
	shows 200
	settled
	look 'Messages stay queued' 4
	shows success unknown
	hook_with TWILIO_AUTH_TOKEN=another
	look 'Messages stay queued' 3
	shows 401
	sent -C
	[ "$(sql 'SELECT status FROM messages')" = queued ]
	sim_clock 1h
	aged
	look 'Messages stay queued' 5
	[[ $output == *'1 applied' ]]
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "lost callbacks: the limit of inetd" {
	export WEBHOOK_BASE_URL
	example inetd.conf
	sed -i 's/nowait\.[0-9]*/nowait/' inetd.conf
	start inetd -i "$PWD/inetd.conf"
	until_true 10 healthy
	curl -s -o /dev/null -w '%{http_code}\n' "$WEBHOOK_BASE_URL/healthz?[1-300]" >codes || :
	grep -q 000 codes
	look 'Some callbacks are lost' 1
	shows 000
	[[ $output == *'curl: ('* ]]
	look 'Some callbacks are lost' 2
	shows nowait
	[[ $output != *nowait.* ]]
	stop "$STARTED_PID"
	sed -i 's/nowait/nowait.60000/' inetd.conf
	grep -q 'nowait\.60000' "$PAGE"
	start inetd -i "$PWD/inetd.conf"
	until_true 10 healthy
	curl -s -o /dev/null -w '%{http_code}\n' "$WEBHOOK_BASE_URL/healthz?[1-300]" >codes
	[ "$(sort codes | uniq -c | tr -s ' ')" = ' 300 200' ]
}

@test "refused: the token is wrong" {
	sim_start -s 20
	hook_with TWILIO_AUTH_TOKEN=another
	sent
	export TWILIO_AUTH_TOKEN=another
	look 'Callbacks are refused' 1
	[[ $output == *bad_signature* ]]
	shows 'the body was not kept'
	hook_with TWILIO_AUTH_TOKEN=another SMS_LOG_REFUSED=body
	TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef sent
	look 'Callbacks are refused' 1
	shows 'a wrong token'
	look 'Callbacks are refused' 2
	shows 'Twilio refuses the credentials'
	export TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef
	# a key, which the API would take instead, does not count
	TWILIO_API_KEY=SK00000000000000000000000000000001 TWILIO_API_SECRET=bad \
		look 'Callbacks are refused' 2
	shows delivery_unknown 20404
	hook_with "TWILIO_AUTH_TOKEN='another $TWILIO_AUTH_TOKEN'"
	sent
	[ "$(sql "SELECT status FROM messages WHERE twilio_message_sid = '$sid'")" = delivered ]
}

@test "refused: the URL is not the one that Twilio calls" {
	sim_start -s 20
	hook_with WEBHOOK_BASE_URL=https://old.example.org SMS_LOG_REFUSED=body
	public=$WEBHOOK_BASE_URL
	sent
	export WEBHOOK_BASE_URL=https://old.example.org
	look 'Callbacks are refused' 1
	shows 'to configure:'
	line=$(sed '1,/^to configure:/d' <<<"$output")
	[ "$line" = "WEBHOOK_BASE_URL=$public" ]
	hook_with SMS_LOG_REFUSED=body
	sent
	[ "$(sql "SELECT status FROM messages WHERE twilio_message_sid = '$sid'")" = delivered ]
}

@test "refused: a proxy changes path, query or header" {
	sim_start -s 20
	PORT=$(free_port)
	hook_with "WEBHOOK_BASE_URL=http://127.0.0.1:$PORT/sms" SMS_LOG_REFUSED=body
	cat >proxy.conf <<-END
	server {
		listen 127.0.0.1:$PORT;
		location /sms/ { proxy_pass http://127.0.0.1:$HOOK_PORT/; }
		location /query/ {
			set \$args \$args&via=proxy;
			proxy_pass http://127.0.0.1:$HOOK_PORT/;
		}
		location /header/ {
			proxy_set_header X-Twilio-Signature "";
			proxy_pass http://127.0.0.1:$HOOK_PORT/;
		}
	}
	END
	nginx_with proxy.conf
	WEBHOOK_BASE_URL=http://127.0.0.1:$PORT/sms
	until_true 10 healthy
	look 'Messages stay queued' 3
	shows 404
	grep -q 'sms-hook: 404 not_found' socat.err
	[[ "$(page 'Callbacks are refused')" == *'404 not_found'*SMS_HOOK_PATH* ]]
	echo SMS_HOOK_PATH=/api/webhooks/twilio >>extra
	look 'Messages stay queued' 3
	shows 200
	sed -i 's|/sms$|/query|' extra
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT/query
	look 'Messages stay queued' 3
	shows 401
	SMS_HOOK_PATH=/api/webhooks/twilio look 'Callbacks are refused' 1
	shows 'let it be passed on as it came'
	WEBHOOK_BASE_URL=http://127.0.0.1:$PORT/header sent
	look 'Callbacks are refused' 1
	shows no_signature
}

@test "callbacks come before their message" {
	hook_start
	[ "$(post_callback 'MessageSid=SM00000000000000000000000000000001&MessageStatus=sent')" = 200 ]
	settled
	look 'Callbacks come before their message'
	shows unknown
	[ "$(tail -n 1 <<<"$output" | cut -d '|' -f 2,3)" = 'SM00000000000000000000000000000001|sent' ]
	[ "${#lines[@]}" -eq 2 ]
}

@test "stays sent: callbacks are lost, there is no receipt, or no such message" {
	sim_start -s 20 -f drop=100
	hook_start
	sent
	sim_clock 1h
	aged
	look 'Messages stay sent'
	shows delivered
	sms-reconcile -q
	stop "$SIM_PID"
	rm sms.db*
	sim_start -s 20 -f stuck=100
	sent
	aged
	look 'Messages stay sent'
	shows sent
	[ "${#lines[@]}" -eq 2 ] && [[ ${lines[1]} == *sent* ]]
	# checked now, it is given up at once, as it was sent long ago
	sms-reconcile -q
	[ "$(sql 'SELECT status FROM messages')" = delivery_unknown ]
	[[ "$(page 'Messages stay sent')" == *delivery_unknown* ]]
	sql "UPDATE messages SET status = 'sent', checked_at = NULL,
		twilio_message_sid = 'SM00000000000000000000000000000001'"
	look 'Messages stay sent'
	shows 20404
}

@test "ambiguous: Twilio has it, never got it, or it is too early to tell" {
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	sim_start -s 20 -f reset=100
	run -76 sms-send +14155550100 'It arrived'
	stop "$SIM_PID"
	sim_start -s 20
	look 'Messages are ambiguous'
	[[ $output == SM*delivered* || $output == SM*queued* || $output == SM*sent* ]]
	sms-reconcile -q
	stop "$SIM_PID"
	sim_start -s 20 -f resetbefore=100
	run -76 sms-send +14155550101 'It did not'
	stop "$SIM_PID"
	sim_start -s 20
	look 'Messages are ambiguous'
	shows ambiguous
	# as old as that, and sent then
	ago=$(date -u -d '10 minutes ago' +%Y-%m-%dT%H:%M:%SZ)
	sql "UPDATE messages SET created_at = '$ago', updated_at = '$ago'
		WHERE status = 'ambiguous'"
	look 'Messages are ambiguous'
	shows failed 'never reached Twilio'
	sms-reconcile -q
	[ "$(sms-retry -w 0s | wc -l)" -eq 1 ]
}

@test "fails: 21610, 30007, 30034 and those that pass" {
	sim_start -s 20
	hook_start
	run -69 sms-send +15005550004 'A table'
	look 'Messages fail' 1
	shows 21610 permanent
	[ "$(sms-optout | cut -f 1)" = +15005550004 ]
	told_error 30007
	look 'Messages fail' 1
	shows 30007 permanent
	look 'Messages fail' 2
	[[ $output == *30007*'Change the wording'* ]]
	told_error 30034
	look 'Messages fail' 1
	shows 30034 account
	look 'Messages fail' 2
	[[ $output == *30034*'Register brand and campaign'* ]]
	told_error 30003
	look 'Messages fail' 1
	[[ $output == *30003* ]]
	shows retry
	[ "$(sms-retry -w 0s | wc -l)" -eq 1 ]
}

@test "sms-reconcile does not run: as cron would run it" {
	sim_start -s 20
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	sent -C
	aged
	# no settings but those of the shell that asks
	look 'sms-reconcile does not run' 2
	shows 'no database at'
	mkdir -p .config/smspipe
	echo "SMS_DB=$SMS_DB" >.config/smspipe/env
	chmod 600 .config/smspipe/env
	look 'sms-reconcile does not run' 2
	shows 'is not set'
	{ echo "TWILIO_API_URL=$TWILIO_API_URL"; cat hook.conf; } >.config/smspipe/env
	sed -i 's/^TWILIO_AUTH_TOKEN=/&another/' .config/smspipe/env
	look 'sms-reconcile does not run' 2
	shows 'Twilio refuses the credentials'
	sed -i 's/=another/=/' .config/smspipe/env
	look 'sms-reconcile does not run' 1
	[ -z "$output" ]
	look 'sms-reconcile does not run' 2
	shows 'checked'
	[ "$status" -eq 0 ]
	look 'sms-reconcile does not run' 1
	[[ $output == 20??-??-??T??:??:??Z ]]
	mkfifo go
	sms-lock reconcile sh -c 'echo >held; read x' <go 3>&- &
	holder=$!
	exec 8>go
	until_true 10 test -e held
	look 'sms-reconcile does not run' 2
	[ "$status" -eq 0 ] && [ -z "$output" ]
	look 'sms-reconcile does not run' 3
	shows 75
	exec 8>&-
	wait $holder || :
	look 'sms-reconcile does not run' 3
	[ "$output" = 0 ]
	ROOT=/nowhere look 'sms-reconcile does not run' 2
	shows 'No such file or directory'
}

@test "sms-reconcile does not run: the URL that a service calls" {
	sim_start -s 20
	export SMS_RECONCILE=$ROOT/bin/sms-reconcile CRON_SECRET=secret
	settled
	hook_start
	look 'sms-reconcile does not run' 4
	shows 200
	[[ $output == *'"exit_status":0'* ]]
	CRON_SECRET=another look 'sms-reconcile does not run' 4
	shows 401
	mkfifo go
	sms-lock reconcile sh -c 'echo >held; read x' <go 3>&- &
	holder=$!
	exec 8>go
	until_true 10 test -e held
	look 'sms-reconcile does not run' 4
	shows 409
	exec 8>&-
	wait $holder || :
	hook_with CRON_SECRET=
	look 'sms-reconcile does not run' 4
	shows 404
	sent -C
	aged
	hook_with TWILIO_AUTH_TOKEN=another
	look 'sms-reconcile does not run' 4
	shows 500
	grep -q 'sms-hook: .*Twilio refuses the credentials' socat.err
}

@test "the spool grows: somebody holds the store" {
	sim_start -s 20
	hook_start
	sent -C
	# what was refused lies beside the spool and is not in it
	[ "$(curl -s -o answer -w '%{http_code}' "$WEBHOOK_BASE_URL/nothing")" = 404 ]
	look 'The spool grows' 1
	[ "${lines[0]}" = 0 ]
	store_held
	# (as long as the page says)
	began=$(date +%s)
	run -75 sms-apply </dev/null
	took=$(($(date +%s) - began))
	[ $took -ge 9 ] && [ $took -le 15 ]
	[[ "$(page 'The spool grows')" == *'is busy with status 75, after 10 seconds'* ]]
	[ "$(post_callback "MessageSid=$sid&MessageStatus=delivered")" = 200 ]
	look 'The spool grows' 1
	[ "${lines[0]}" -gt 0 ]
	shows WRITE
	[[ $output == *sqlite3* ]]
	store_released
	look 'The spool grows' 2
	[ "$status" -eq 0 ]
	look 'The spool grows' 1
	[ "${lines[0]}" = 0 ]
	shows 0
	[[ $output != *WRITE* ]]
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "the spool grows: the disk is full" {
	settled
	mkdir disk
	cat >full <<-END
	mount -t tmpfs -o size=400k none disk && cp sms.db disk || exit
	head -c 10M /dev/zero >disk/rest 2>/dev/null
	SMS_DB=$PWD/disk/sms.db
	. $PWD/helper
	printf 'SM00000000000000000000000000000001\tsent\n' | sms-apply 2>&1
	echo "status \$?"
	END
	look 'The spool grows' 1
	cp display helper
	run unshare -rm bash full
	printf '%s\n' "$output"
	shows 100%
	[[ $output == *'disk I/O error'*'status 74' || $output == *'is full'*'status 74' ]]
	[[ "$(page 'The spool grows')" == *'disk I/O error'*'database or disk is full'*'with 74'* ]]
}

@test "the clock is wrong" {
	sim_start -t "$LONG_AGO"
	look 'The clock is wrong'
	[[ ${lines[0]} == [Dd]ate:*2026* ]]
	[[ ${lines[1]} == *UTC* ]]
	sms-send -C +14155550100 'A table for two' >record
	[ "$(sms-stuck -c)" -eq 0 ]
	[ "$(sms-stuck -c -t "$(date -u -d '+1 day' +%Y-%m-%dT%H:%M:%SZ)")" -eq 1 ]
	[[ "$(page "$PART")" == *'sms-stuck -c -t'* ]]
}

@test "the page shows no number, and no test of it had to" {
	run ! grep -E '\+1[0-9]{10}' "$PAGE"
}

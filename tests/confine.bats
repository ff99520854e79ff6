# What sms-hook may still do once it has begun, seen from outside; and that
# this is enough for all it has to do.  tests/unit/confine.c tries the rest.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
	servers_setup
	export WEBHOOK_BASE_URL=https://hooks.example.net
}

teardown() {
	common_teardown
}

# request body [signature]: a whole request, signed
request() {
	printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
	printf 'Content-Type: application/x-www-form-urlencoded\r\n'
	printf 'X-Twilio-Signature: %s\r\n' "${2-$(printf %s "$1" |
		sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")}"
	printf 'Content-Length: %s\r\n\r\n%s' "${#1}" "$1"
}

sent() {
	request "MessageSid=$SID&MessageStatus=sent&N=${1-1}"
}

# traced [strace option ...] -- [sms-hook option ...]: serves standard input
# under strace; writes answer, log and trace, and sets code.
traced() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	strace -f -qq -o trace "${options[@]}" sms-hook "$@" >answer 2>log
	code=$(sed -n 's/^\(HTTP\/1.1\|Status:\) \([0-9]*\) .*/\2/p' answer)
}

# What the kernel forbade.
denied() {
	grep -E '= -1 (EPERM|EACCES)' trace
}

taken() {
	[ "$(sql "SELECT count(*), count(DISTINCT params) FROM webhook_logs
		WHERE status = 'success'" 2>/dev/null)" = "$1|$1" ]
}

# after first then: in the trace the first comes before the other
before() {
	awk -v a="$1" -v b="$2" '!x && index($0, a) { x = NR }
		!y && index($0, b) { y = NR }
		END { exit !(x && y && x < y) }' trace || { cat trace; return 1; }
}

listening() {
	PORT=$(free_port)
	WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$@"
	until_true 10 grep -q '^Listening' systemd-socket-activate.err
}

@test "all is forbidden before the first byte of a client is read" {
	sent >r
	traced -- <r
	[ "$code" = 200 ]
	before landlock_restrict_self 'read(0, "POST'
	before PR_SET_SECCOMP 'read(0, "POST'
	before 'RLIMIT_CORE, {rlim_cur=0, rlim_max=0}' 'read(0, "POST'
	# the configuration was read by then
	refute grep -F "$SMS_CONF" <(sed "1,/PR_SET_SECCOMP/d" trace)
	# and nothing was opened but what belongs to the store and the spool
	sed '1,/PR_SET_SECCOMP/d' trace | sed -n 's/.*open[at]*([^"]*"\([^"]*\)".*/\1/p' |
		grep -vx -e "$SMS_DB.*" -e "$PWD" -e /dev/urandom -e /dev/null >others || :
	cat others; [ ! -s others ]
}

@test "nothing that is needed is forbidden" {
	sent 1 >r1; sent 2 >r2
	request a=b forged >forged
	traced -- <r1; [ "$code" = 200 ]; refute denied
	traced -- <forged; [ "$code" = 401 ]; refute denied
	traced -- <r2; [ "$code" = 200 ]; refute denied
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' | traced --; refute denied
	traced -- <forged; refute denied
	taken 2
	# the store is held: this one stays in the spool
	store_held
	sent 3 >r3
	traced -- <r3; [ "$code" = 200 ]; refute denied
	store_released
	# no spool
	sent 4 >r4
	SMS_SPOOL=$PWD/none/spool traced -- <r4; [ "$code" = 200 ]; refute denied
	settled
	taken 4
	# by CGI, with a secret
	body="MessageSid=$SID&MessageStatus=sent&N=5"
	GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
		REQUEST_URI=/api/webhooks/twilio CRON_SECRET=x \
		CONTENT_TYPE=application/x-www-form-urlencoded \
		CONTENT_LENGTH=${#body} HTTP_X_TWILIO_SIGNATURE="$(printf %s "$body" |
			sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")" \
		traced -- < <(printf %s "$body")
	[ "$code" = 200 ]
	refute denied
	taken 5
}

@test "nothing that is needed is forbidden to a process that listens" {
	printf '#!/bin/sh\necho checked 0\n' >other
	chmod 755 other
	printf '%s\n' CRON_SECRET=y "SMS_RECONCILE=$PWD/other" >>hook.conf
	listening strace -D -f -qq -o trace "$PWD/sms-hook" -w 1s
	for i in 1 2 3; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=$i")" = 200 ]
	done
	[ "$(curl -sS -o answer -w '%{http_code}' -d a=b "$WEBHOOK_BASE_URL/api/webhooks/twilio")" = 401 ]
	[ "$(curl -sS -H 'Authorization: Bearer y' "$WEBHOOK_BASE_URL/api/cron/reconcile-sms")" = '{"checked":0,"exit_status":0}' ]
	until_true 10 taken 3
	wait "$STARTED_PID"
	until_true 10 grep -q 'exit_group(0' trace
	# what the runner does is its own affair
	hook=$(awk '/PR_SET_SECCOMP/ { print $1; exit }' trace)
	grep "^$hook " trace >own
	[ "$(grep -c accept own)" -gt 0 ]
	refute grep -E '= -1 (EPERM|EACCES)' own
	refute grep -E 'exec|socket\(' <(sed '1,/PR_SET_SECCOMP/d' own)
}

@test "a kernel that has none of it is no hindrance" {
	sent 1 >r
	traced -e inject=landlock_create_ruleset:error=ENOSYS -- <r
	[ "$code" = 200 ]
	grep -q 'PR_SET_SECCOMP.*= 0' trace
	sent 2 >r
	traced -e inject=landlock_create_ruleset:error=EOPNOTSUPP -- <r
	[ "$code" = 200 ]
	sent 3 >r
	traced -e inject=landlock_create_ruleset:retval=1:when=1 \
		-e inject=landlock_create_ruleset:error=EINVAL:when=2 -- <r
	[ "$code" = 200 ]
	sent 4 >r
	traced -e inject=prctl:error=EINVAL -- <r
	[ "$code" = 200 ]
	refute grep -q landlock_restrict_self trace
	[ ! -s log ]
	taken 4
}

@test "each version of the kernel is asked for what it knows" {
	for version in 1 2 3 4 5 6 7; do
		sent "$version" >r
		traced -e inject=landlock_create_ruleset:retval=$version:when=1 -- <r
		[ "$code" = 200 ]
		grep -q 'landlock_restrict_self(.*= 0' trace
	done
	taken 7
}

@test "the limits are in force, and no privilege can come back" {
	listening "$PWD/sms-hook"
	[ "$(curl -sS "$WEBHOOK_BASE_URL/healthz")" = ok ]
	limits=$(cat /proc/"$STARTED_PID"/limits)
	[[ $limits =~ 'Max core file size'\ +0\ +0 ]]
	[[ $limits =~ 'Max open files'\ +[0-9]+\ +1024 ]]
	[[ $limits =~ 'Max address space'\ +1073741824\ +1073741824 ]]
	grep -qx $'NoNewPrivs:\t1' /proc/"$STARTED_PID"/status
	grep -qx $'Seccomp:\t2' /proc/"$STARTED_PID"/status
}

@test "a store elsewhere, a link and no directory are no hindrance" {
	mkdir real
	ln -s real link
	sms-apply </dev/null
	settled
	mv sms.db real/sms.db
	rm -f sms.db-*
	ln -s real/sms.db sms.db
	sent 1 >r
	traced -- <r; [ "$code" = 200 ]; refute denied
	SMS_DB=real/sms.db taken 1
	sent 2 >r
	SMS_DB=link/sms.db SMS_SPOOL=spool traced -- <r
	[ "$code" = 200 ]; refute denied
	SMS_DB=link/sms.db taken 2
	sent 3 >r
	SMS_DB=none/sms.db traced -- <r || :
	[ "$code" = 503 ]
	grep -q "cannot open database 'none/sms.db': No such file or directory" log
}

# They lie where nothing can be opened once a stranger may name an account.
@test "the token of a subaccount may lie in a file" {
	account=AC000000000000000000000000000000ab
	mkdir etc store
	echo "$TWILIO_AUTH_TOKEN" >etc/sub
	chmod 600 etc/sub
	request "MessageSid=$SID&MessageStatus=sent&AccountSid=$account" >r
	export TWILIO_AUTH_TOKEN=other SMS_DB=$PWD/store/sms.db
	export "TWILIO_AUTH_TOKEN_${account}_FILE=$PWD/etc/sub"
	status=0
	sms-hook <r >answer 2>log || status=$?
	cat log
	[ "$status" -eq 0 ]
	grep -q '^HTTP/1.1 200' answer
	rm etc/sub
	run -78 --separate-stderr sms-hook <r
	[[ ${lines[0]} = 'HTTP/1.1 503 '* ]]
	[[ $stderr = *"cannot open '$PWD/etc/sub'"* ]]
}

# The socket of syslog(3) is pretended, so nothing goes to a real log.
@test "with -s messages reach syslog, though no socket can be opened by then" {
	request a=b forged >r
	syslog='-s 300 -e inject=connect:retval=0 -e inject=sendto:retval=300'
	# shellcheck disable=SC2086
	REMOTE_ADDR=192.0.2.7 traced $syslog -- -s <r
	[ "$code" = 401 ]
	[ ! -s log ]
	[ "$(grep -c sendto trace)" -eq 1 ]
	grep -qE 'sendto\(3, "<12>[^"]* sms-hook\[[0-9]+\]: 401 bad_signature from 192.0.2.7"' trace
	before 'connect(3, {sa_family=AF_UNIX, sun_path="/dev/log"' PR_SET_SECCOMP
	refute denied
	# by CGI what is said after the answer
	sent 1 >r
	sms-apply </dev/null
	store_held
	length=$(sed '1,/^\r$/d' r | wc -c)
	sed '1,/^\r$/d' r >body
	# shellcheck disable=SC2086
	GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
		REQUEST_URI=/api/webhooks/twilio \
		CONTENT_TYPE=application/x-www-form-urlencoded \
		CONTENT_LENGTH=$length HTTP_X_TWILIO_SIGNATURE="$(
			sed -n 's/^X-Twilio-Signature: \(.*\)\r/\1/p' r)" \
		traced $syslog -- <body
	store_released
	[ "$code" = 200 ]
	grep -q "sendto(.*callbacks wait in '$SMS_DB.spool'" trace
	refute denied
}

@test "with -s the process beside one that listens reaches syslog, too" {
	sms-apply </dev/null
	store_held
	listening strace -D -f -qq -s 300 -o trace -e trace=connect,sendto,socket \
		-e inject=connect:retval=0 -e inject=sendto:retval=300 \
		"$PWD/sms-hook" -s
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent")" = 200 ]
	until_true 10 grep -q "sendto(.*callbacks wait in '$SMS_DB.spool'" trace
	store_released
	refute denied
	# (on whatever descriptor, strace says that it was sent)
	to=$(sed -n 's/.* connect(\([0-9]*\), {sa_family=AF_UNIX, sun_path="\/dev\/log".*/\1/p' trace)
	other=$(pgrep -P "$STARTED_PID" -x sms-hook)
	[ -e "/proc/$other/fd/$to" ]
	[ "/proc/$other/fd/$to" -ef "/proc/$STARTED_PID/fd/$to" ]
}

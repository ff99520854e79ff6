# For tests in which sms-hook is hurt while it takes a callback, in each of its
# shapes.

SID=SM0123456789abcdef0123456789abcdef

torture_setup() {
	umask 022
	export WEBHOOK_BASE_URL=https://hooks.example.net
	# a program that is traced is not looked through for leaks
	export ASAN_OPTIONS=detect_leaks=0
}

# request body: a whole request, signed, as bytes
request() {
	printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
	printf 'Content-Type: application/x-www-form-urlencoded\r\n'
	printf 'X-Twilio-Signature: %s\r\n' "$(printf %s "$1" |
		sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")"
	printf 'Content-Length: %s\r\n\r\n%s' "${#1}" "$1"
}

# answered file: it is an answer with 200.
answered() {
	head -n 1 "$1" | grep -Eq '^(HTTP/1.1|Status:) 200'
}

# waiting request: leaves it in the spool, by a store that cannot be opened.
waiting() {
	SMS_SPOOL=$SMS_DB.spool SMS_DB=$PWD/none/sms.db sms-hook <"$1" \
		>waiting.answer 2>waiting.log
	answered waiting.answer
	grep -q "callbacks wait in '$SMS_DB.spool'" waiting.log
	mv "$SMS_DB.spool.taking" "$SMS_DB.spool"
}

# times word: how often callbacks with that word were taken in
times() {
	sql "SELECT count(*) FROM webhook_logs
		WHERE status = 'success' AND params LIKE '%$1%'"
}

gone() {
	[ ! -e "$SMS_DB.spool" ] && [ ! -e "$SMS_DB.spool.taking" ]
}

# served [command ...]: sms-hook, started by that command, gets the request in
# the file second in the way of SHAPE; writes answer and log, sets status.
#	connection	as socat would start it
#	cgi		as a web server would
#	listening	with a socket that listens
#	settling	the same, and it is the process beside it that is hurt
served() {
	status=0
	case $SHAPE in
	connection) "$@" sms-hook <second >answer 2>log || status=$? ;;
	cgi)
		env GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 \
			REQUEST_METHOD=POST REQUEST_URI=/api/webhooks/twilio \
			CONTENT_TYPE=application/x-www-form-urlencoded \
			CONTENT_LENGTH="$(sed '1,/^\r$/d' second | wc -c)" \
			HTTP_X_TWILIO_SIGNATURE="$(sed -n \
				's/^X-Twilio-Signature: \(.*\)\r$/\1/p' second)" \
			"$@" sms-hook < <(sed '1,/^\r$/d' second) >answer 2>log ||
			status=$?
		;;
	*) ./door second "$@" sms-hook >answer 2>log || status=$? ;;
	esac
}

# traced [option ...]: the same under strace, with its output in trace.
traced() {
	case $SHAPE in
	listening) set -- -D "$@" ;;
	# who takes in is who touches these
	settling) set -- -D -f -P "$SMS_DB" -P "$SMS_DB-wal" -P "$SMS_DB-shm" \
		-P "$SMS_DB.spool.taking" -P "$SMS_DB.spool.lock" "$@" ;;
	esac
	served strace -o trace "$@"
}

built() {
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -I"$ROOT/lib" -o "$1" \
		"$ROOT/tests/torture/$1.c" "$ROOT"/lib/{buf,die,form,mask,num,sign}.c \
		-lcrypto
}

# dynamic: sms-hook is one that shares its libraries from now on.
dynamic() {
	mkdir dynamic
	cp -Rp "$ROOT/Makefile" "$ROOT/bin" "$ROOT/lib" "$ROOT/sql" dynamic
	rm dynamic/bin/sms-hook
	make -C dynamic STATIC= bin/sms-hook >make.log 2>&1
	PATH=$PWD/dynamic/bin:$PATH
}

# begun shape: what each point begins with: a message, one callback for it that
# another hook had set aside when it was killed, and one request.
begun() {
	SHAPE=$1
	rm -rf begun sms.db*
	[ -x door ] || built door
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	settled
	sql "INSERT INTO messages (ref, twilio_message_sid, direction, to_number,
		status, created_at, updated_at)
		VALUES ('r1', '$SID', 'outbound-api', '+14155550100',
		'queued', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')"
	waiting first
	mkdir begun
	mv sms.db begun
	mv sms.db.spool begun/sms.db.spool.taking
	again
}

again() {
	rm -f sms.db*
	cp -p begun/sms.db* .
}

# What can be hurt: the system calls of one run, "name n", the n-th of that
# name, and 1 behind those that unlock.  Before main, which begins with an
# fcntl, the C library may just crash if one fails.
calls() {
	traced
	answered answer
	sed -n 's/^\([0-9]* *\)\{0,1\}\([a-z_0-9]*\)(/\2 /p' trace |
		awk -v shape="$SHAPE" '{ n[$1]++ }
			$1 == "fcntl" || shape == "settling" { begun = 1 }
			begun { print $1, n[$1], /F_UNLCK/ }' >calls
	[ "$(wc -l <calls)" -gt 80 ]
}

# So many points of a file, spread over all of it; with ALL=1 each.
spread() {
	awk -v most="${ALL:+100000}" -v few="$2" '{ line[NR] = $0 } END {
		if (!most) most = few
		step = NR > most ? NR / most : 1
		for (i = 1; int(i) <= NR; i += step) print line[int(i)] }' "$1"
}

# After an injury: nothing that was answered is lost or there twice, and what
# was not can be sent again.
promise_kept() {
	local state
	settled 2>>settled.log && gone || return
	state=$(sql "SELECT (SELECT count(*) FROM webhook_logs
			WHERE params LIKE '%N=first'),
		(SELECT count(*) FROM webhook_logs WHERE params LIKE '%N=second'),
		(SELECT status FROM messages), integrity_check
		FROM pragma_integrity_check")
	if answered answer; then
		[ "$state" = '1|1|delivered|ok' ]
		return
	fi
	case $state in
	'1|0|sent|ok'|'1|1|delivered|ok') ;;
	*) echo "$state"; return 1 ;;
	esac
	served && answered answer && settled && gone &&
		[ "$(times N=first)" = 1 ] && [ "$(times N=second)" -ge 1 ] &&
		[ "$(sql "SELECT status FROM messages")" = delivered ]
}

# order [option ...]: what became of the callback in the file second, step by
# step, with more options for strace.
order() {
	traced "$@"
	answered answer
	awk -v spool="\"$SMS_DB.spool\"" -v dir="\"$PWD\"" '
		{ fd = $1; sub(/^[a-z0-9]*\(/, "", fd); sub(/[,)].*/, "", fd) }
		/^openat/ && index($0, spool ",") { at["spool"] = $NF }
		/^openat/ && index($0, dir ",") { at["dir"] = $NF }
		/^close/ { for (i in at) if (at[i] == fd) delete at[i] }
		/^writev/ && fd == at["spool"] { print "line" }
		/^fdatasync/ && fd == at["spool"] { print "synced" }
		/^fsync/ && fd == at["dir"] { print "name" }
		/^write.*(HTTP\/1.1|Status:) 200/ { print "answer"; exit }
	' trace | tr '\n' ' '
}

# all few many: how much is done; many with ALL=1
all() {
	[ -n "${ALL-}" ] && echo "$2" || echo "$1"
}

# It has ended by itself, or because it was told to before it could hear that.
alive() {
	[ "$status" -lt 124 ] || [ "$status" -eq 143 ]
}

# note word ...: a figure; with ALL=1 it is seen even if nothing fails.
note() {
	echo "$*"
	[ -z "${ALL-}" ] || echo "# $*" >&3
}

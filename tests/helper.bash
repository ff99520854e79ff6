# What every .bats file shares: a database, an account and servers of its own
# for each test.  setup() calls common_setup, teardown() common_teardown.

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

common_setup() {
	local name
	# nothing that the caller's environment knows may reach a tool
	for name in $(compgen -e | grep -E '^(TWILIO|NEXT_PUBLIC|WEBHOOK)_|^(SMS|XDG|LC)_|_proxy$|_PROXY$'); do
		unset "$name"
	done
	unset VERCEL_URL SKIP_TWILIO_SIGNATURE_VALIDATION CRON_SECRET TZ
	unset LANGUAGE CDPATH
	cd "$BATS_TEST_TMPDIR" || return
	export LC_ALL=C.UTF-8 HOME=$PWD PATH=$ROOT/bin:$PATH
	export SMS_DB=$PWD/sms.db SMS_CONF=/dev/null
	export TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001
	export TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef
	export TWILIO_PHONE_NUMBER=+15005550006
	# until there is a simulator: a port where nobody listens
	export TWILIO_API_URL=http://127.0.0.1:9
	STARTED=
}

# Ends all servers; a process that one of them left behind is a failure.
common_teardown() {
	local pid status=0
	for pid in $STARTED; do
		stop "$pid" || status=1
	done
	return $status
}

# start command...: in the background, in a process group of its own, with
# its output in NAME.out and NAME.err; sets STARTED_PID.
start() {
	local name=${1##*/}
	# what one before it said must not be taken for its own
	rm -f "$name.out" "$name.err"
	set -m
	"$@" >"$name.out" 2>"$name.err" </dev/null 3>&- &
	STARTED_PID=$!
	set +m
	STARTED="$STARTED $STARTED_PID"
}

# Ends one server and what it has begun; fails if some of that stays.
stop() {
	local pid=$1
	STARTED=" $STARTED "
	STARTED=${STARTED/ $pid / }
	kill -TERM "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	kill -TERM -- "-$pid" 2>/dev/null || return 0
	until_true 5 group_gone "$pid" && return 0
	echo "these outlived their server:" >&2
	ps -A -o pid,pgid,args | awk -v g="$pid" '$2 == g' >&2 || :
	kill -KILL -- "-$pid" 2>/dev/null
	return 1
}

# (who has ended is gone, even if init has yet to hear of it)
group_gone() {
	! kill -0 -- "-$1" 2>/dev/null ||
		! ps -A -o pgid=,stat= | grep -Eq "^ *$1 +[^Z]"
}

# refute command...: it fails, as it should; a "!" in the middle of a test would
# be heard by nobody.
refute() {
	! "$@"
}

# until_true seconds command...: tries again and again, no longer than that.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

sim_start() {
	start sms-sim -d sim.db "$@"
	export SIM_PID=$STARTED_PID
	until_true 10 grep -q '^http' sms-sim.out || { cat sms-sim.err; return 1; }
	TWILIO_API_URL=$(head -n 1 sms-sim.out)
}

# hook_start [command]: the public URL goes through a configuration file, as
# the port is known only when socat runs.
hook_start() {
	cat "$SMS_CONF" >hook.conf
	chmod 600 hook.conf
	unset WEBHOOK_BASE_URL
	SMS_CONF=$PWD/hook.conf start socat -d -d \
		TCP-LISTEN:0,bind=127.0.0.1,reuseaddr,fork,backlog=512 \
		"EXEC:${*:-sms-hook},nofork"
	export HOOK_PID=$STARTED_PID
	until_true 10 grep -q 'listening on' socat.err || { cat socat.err; return 1; }
	HOOK_PORT=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
	export WEBHOOK_BASE_URL=http://127.0.0.1:$HOOK_PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
}

sim_clock() {
	curl -fsS -o /dev/null -d "advance=$1" "$TWILIO_API_URL/sim/clock"
}

sim_pending() {
	curl -fsS "$TWILIO_API_URL/sim/pending"
}

sim_idle() {
	[ "$(sim_pending)" = 0 ]
}

sim_settled() {
	until_true "${1:-60}" sim_idle
}

# What callbacks left in the spool is in the store after this.
settled() {
	sms-apply </dev/null
}

# Another program holds the store, until store_released.
store_held() {
	mkfifo lock
	sqlite3 -cmd '.timeout 10000' "$SMS_DB" <lock >held 3>&- &
	holder=$!
	exec 8>lock
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&8
	until_true 10 test -s held
}

store_released() {
	exec 8>&-
	wait $holder
}

# as_nobody command...: as another user, as nothing keeps root from writing.
as_nobody() {
	[ "$(id -u)" -ne 0 ] || set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	"$@"
}

# fixed_store: from now on SMS_DB is a copy of the store, and the tools are
# copies, in the directory FIXED, where as_nobody may only read.
# fixed_store_gone removes it.
fixed_store() {
	FIXED=$(mktemp -d)
	cp "$SMS_DB" "$FIXED/sms.db"
	find "$ROOT/bin" -name 'sms-*' ! -name '*.*' -exec cp {} "$FIXED" \;
	chmod 444 "$FIXED/sms.db"
	chmod 555 "$FIXED"
	SMS_DB=$FIXED/sms.db
	PATH=$FIXED:$PATH
}

fixed_store_gone() {
	[ -n "${FIXED-}" ] || return 0
	chmod 755 "$FIXED"
	rm -r "$FIXED"
}

sql() {
	sqlite3 -cmd '.timeout 10000' "$SMS_DB" "$@"
}

simsql() {
	sqlite3 -cmd '.timeout 10000' sim.db "$@"
}

# post_callback body [curl options]: signed as Twilio signs it; prints the
# status of the answer.  CALLBACK_QUERY is a query of the URL ("?ref=x"), and
# CALLBACK_PATH its path if it is not the usual one.
post_callback() {
	local body=$1 url=$WEBHOOK_BASE_URL
	url=$url${CALLBACK_PATH-/api/webhooks/twilio}${CALLBACK_QUERY-}
	shift
	curl -sS -o answer -w '%{http_code}\n' --data-raw "$body" \
		-H "X-Twilio-Signature: $(printf %s "$body" | sms-sign "$url")" \
		"$@" "$url"
}

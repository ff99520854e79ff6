# sms-hook has no memory, a disk that syncs nothing, is killed with many at once,
# or attacked; what it has answered with 200 is there, once, and nothing else.
# With ALL=1 a lot more is done (tests/torture/README).
load helper
load torture

setup() {
	common_setup
	torture_setup
}

teardown() {
	! [ -v holder ] || store_released
	common_teardown
}

# starved shape few: memory runs out at one allocation.
starved() {
	local most n=0 acknowledged=0 at
	begun "$1"
	rm -f counted
	served env LD_PRELOAD="$PWD/fail.so" FAIL_LOG="$PWD/counted" FAIL_AT=0
	answered answer
	most=$(sort -n counted | tail -n 1)
	[ "$most" -gt 100 ]
	# the first ones are those before the answer; a dozen of them cost it
	{
		spread <(seq 60) 15
		spread <(seq 61 "$most") "$2"
	} >points
	while read -r at; do
		again
		rm -f counted
		served env LD_PRELOAD="$PWD/fail.so" FAIL_LOG="$PWD/counted" \
			FAIL_AT="$at"
		alive || { echo "$status at $at"; return 1; }
		[ -s counted ] || { echo "none failed at $at"; return 1; }
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken at allocation $at"; return 1; }
		n=$((n + 1))
	done <points
	note "$1: $n of $most points, $acknowledged acknowledged"
	[ "$acknowledged" -gt 0 ]
	[ "$acknowledged" -lt "$n" ]
}

@test "memory runs out at any allocation" {
	dynamic
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -shared -fPIC -o fail.so \
		"$ROOT/tests/torture/fail.c"
	starved connection 10
	starved cgi 5
	starved listening 10
}

@test "without syncs the test of their order fails" {
	dynamic
	for shape in connection listening cgi; do
		begun $shape
		rm sms.db.spool.taking
		[ "$(order)" = 'name line synced answer ' ]
		again
		rm sms.db.spool.taking
		[ "$(order -E LD_PRELOAD=libeatmydata.so)" = 'line answer ' ]
	done
}

# loaded shape: a server that starts a hook of the name NAME, which nobody else
# has, so that each of them can be found; it is asked by posted.
loaded() {
	NAME=hook.$$
	[ -x "${HOOK=$PWD/$NAME}" ] || cp "$(command -v sms-hook)" "$HOOK"
	# the port is not known before, and a file of settings is its owner's
	cat >run <<-END
		#!/bin/sh
		export WEBHOOK_BASE_URL="\$(cat "$PWD/url")"
		exec ${AS-} "$HOOK"
	END
	chmod 755 run
	case $1 in
	connection)
		start socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork,backlog=512 \
			"EXEC:$PWD/run,nofork"
		said=socat.err ;;
	tcpserver)
		start tcpserver -1 -v -H -R -l localhost -c 300 -b 512 127.0.0.1 0 ./run
		said=tcpserver.out ;;
	listening)
		built keeper
		start ./keeper ./run
		said=keeper.out ;;
	esac
	# tcpserver says nothing but the port
	until_true 10 grep -Eqs 'listening on|^[0-9]+$' $said
	sed -En 's/^(.*listening on.*:)?([0-9]+)$/http:\/\/127.0.0.1:\2/p' $said |
		head -n 1 >url
	url=$(cat url)/api/webhooks/twilio
	[ -x hostile ] || built hostile
	: >result
	round=0
}

# posted count attacks [connections]: so many callbacks, four of each message in their order,
# and attacks among them; result gets a line for each.
posted() {
	round=$((round + 1))
	awk -v n="$1" -v round=$round 'BEGIN {
		split("queued sending sent delivered", word)
		for (s = 1; s <= 4; s++)
			for (i = 1; i <= n / 4; i++)
				printf "MessageSid=SM%016x%016x&MessageStatus=%s&N=%d\n",
					round, i, word[s], n * round + s * n / 4 + i
	}' | ./hostile "$url" "${3-16}" "$2" >>result
}

acknowledged() {
	awk '$1 == "good" && $2 == 200 { print $4 }' result | sort
}

# all_there: what was answered with 200 is in the store, once, and so is all
# else that has come there.
all_there() {
	settled
	sql "SELECT params FROM webhook_logs WHERE status = 'success'" |
		sort >there
	[ -z "$(uniq -d there)" ]
	[ -z "$(acknowledged | comm -23 - there)" ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	note "$(acknowledged | wc -l) of $(wc -l <result) were answered with 200," \
		"$(wc -l <there) are there"
}

# shot kills count: so many hooks are killed, all those that take in too, while
# callbacks are posted, so many at once.
shot() {
	local shooter
	[ -x shooter ] || built shooter
	./shooter "$NAME" "$1" 3>&- &
	shooter=$!
	while kill -0 $shooter 2>/dev/null; do
		posted "$2" 0
	done
	wait $shooter
	note "$1 killed"
}

# All have ended before the next one begins; some may wait for the store.
unloaded() {
	until_true 20 idle
	stop "$STARTED_PID"
}

idle() {
	[ "$(pgrep -c -x "$NAME")" -le 2 ]
}

@test "hooks killed under load: what was answered with 200 is there" {
	for shape in connection listening; do
		loaded $shape
		shot "$(all 20 500)" "$(all 400 1000)"
		unloaded
		all_there
		rm sms.db*
	done
}

@test "hooks killed while others hold the store: what was answered is there" {
	for shape in connection listening; do
		settled
		loaded $shape
		store_held
		shot "$(all 10 100)" "$(all 200 1000)"
		store_released
		unset holder
		rm lock
		unloaded
		all_there
		rm sms.db*
	done
}

@test "hooks killed where the store is only to be read: what was answered is there" {
	# another user, where this one may write everything
	[ "$(id -u)" -ne 0 ] ||
		AS='setpriv --reuid=65534 --regid=65534 --clear-groups'
	dir=$(mktemp -d)
	mkdir "$dir/open"
	chmod 777 "$dir/open"
	HOOK=$dir/hook.$$
	export SMS_DB=$dir/sms.db SMS_SPOOL=$dir/open/spool
	for shape in connection listening; do
		settled
		chmod 555 "$dir"
		chmod 444 "$dir/sms.db"
		loaded $shape
		shot "$(all 10 100)" "$(all 200 1000)"
		unloaded
		[ -s "$SMS_SPOOL" ] || [ -s "$SMS_SPOOL.taking" ]
		chmod 755 "$dir"
		chmod 644 "$dir/sms.db"
		all_there
		rm "$dir"/sms.db*
	done
	rm -r "$dir"
}

# On a disk of its own: there is room, there is none, there is some again.
filled() {
	mount -t tmpfs -o size=4m none disk
	settled
	loaded "$1"
	posted 100 0
	dd if=/dev/zero of=disk/filling bs=4k 2>/dev/null || :
	shot "$(all 10 100)" "$(all 200 1000)"
	grep -q '^good 503 ' result
	rm disk/filling
	posted 100 0
	unloaded
	all_there
	[ "$(acknowledged | wc -l)" -ge 200 ]
}

@test "hooks killed where the disk is full: what was answered is there" {
	if ! unshare -rm mount -t tmpfs none . 2>/dev/null; then
		echo '# no file system of its own may be mounted here' >&3
		return
	fi
	mkdir disk
	export SMS_DB=$PWD/disk/sms.db
	{
		echo 'set -eE; trap "stop \$STARTED_PID" ERR'
		declare -p ROOT SID STARTED
		declare -f
		# shellcheck disable=SC2016
		echo 'filled "$1"'
	} >inside
	for shape in connection listening; do
		unshare -rm bash inside $shape
	done
}

# --- strangers ---

@test "attacks among callbacks: none gets in, and no callback is refused" {
	for shape in connection listening tcpserver; do
		settled
		loaded $shape
		posted "$(all 400 10000)" "$(all 280 10000)" 2
		unloaded
		# those who were there before they were sent are replayed ones
		[ "$(acknowledged | wc -l)" -eq "$(all 400 10000)" ]
		awk '$1 == "evil" && $2 ~ /^2/ { print $4 }' result | sort -u >in
		[ "$(cat in)" = replayed ]
		[ "$(awk '$1 == "evil"' result | wc -l)" -eq "$(all 280 10000)" ]
		settled
		[ "$(sql "SELECT count(*) FROM webhook_logs
			WHERE status = 'success' AND params LIKE '%evil%'")" = 0 ]
		[ "$(sql "SELECT count(DISTINCT params) FROM webhook_logs
			WHERE status = 'success'")" = "$(all 400 10000)" ]
		note "$shape: $(awk '$1 == "good" { print $3 }' result | sort -n |
			awk '{ ms[NR] = $1 } END { print NR " good, p50 " ms[int(NR / 2)] \
				", p99 " ms[int(NR * 99 / 100)] ", max " ms[NR] " ms" }')"
		[ -z "${ALL-}" ] || awk '$1 == "evil" { n[$4 " " $2]++ }
			END { for (i in n) print i, n[i] }' result | sort
		rm sms.db*
	done
}

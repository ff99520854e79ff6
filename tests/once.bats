load helper

# Every message once: whatever ends a run, or breaks under it, what is sent
# again is only what never reached Twilio.  The simulator is the witness.

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
}
teardown() { common_teardown; }

# later seconds: the time in so many seconds.
later() { TZ=UTC0 printf '%(%Y-%m-%dT%H:%M:%SZ)T' $((EPOCHSECONDS + $1)); }

# numbers count [first]: a list of as many messages.
numbers() { seq -f "+1%010.0f	Doors open at 7." "${2:-4155550000}" \
	$((${2:-4155550000} + $1 - 1)); }

# once count: the simulator has as many messages, none of them twice, and the
# store knows each by its SID and waits for nothing.
once() {
	[ "$(simsql 'SELECT count(*), count(DISTINCT to_number || body)
		FROM message')" = "$1|$1" ]
	simsql 'SELECT sid FROM message ORDER BY sid' >theirs
	sql 'SELECT twilio_message_sid FROM messages
		WHERE twilio_message_sid IS NOT NULL
		ORDER BY twilio_message_sid' | diff theirs -
	open_rows 0
}

open_rows() {
	[ "$(sql "SELECT count(*) FROM messages
		WHERE status IN ('pending', 'ambiguous')")" = "$1" ]
}

# What was posted has a row: by SID or, where the answer was lost, one more
# that is not settled.
all_journaled() {
	simsql 'SELECT to_number FROM message ORDER BY 1' >posted
	sql "SELECT to_number FROM messages WHERE twilio_message_sid IS NOT NULL
		OR status IN ('pending', 'ambiguous') ORDER BY 1" >journaled
	[ -z "$(comm -23 posted journaled)" ]
}

# The store's own pipeline, without its pauses between requests.
ask() { sms-stuck -n 0 -t "$1" | sms-fetch -d 0 -j 4 -t "$1" |
	sms-apply -t "$1" >/dev/null; }

# In the background, with a process group of its own and SIGINT unharmed.
background() {
	set -m
	"$@" 3>&- &
	BACKGROUND=$!
	set +m
	STARTED="$STARTED $BACKGROUND"
}

ended() {
	local status=0
	wait "$1" || status=$?
	STARTED=${STARTED/ $1/}
	return $status
}

# --- killed anywhere ---

CALLS=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,recvfrom,recvmsg,read,fcntl,ftruncate,unlink

# points jobs most: the system calls at which a run can be ended, "jobs name n",
# from when it opens the store; no more than most (0: all), evenly spread.
points() {
	numbers 40 2000000000 >list
	strace -f -o trace -e "trace=openat,$CALLS" \
		sms-send -q -k trace -j "$1" <list >/dev/null
	rm -f sms.db*
	awk -v jobs="$1" -v most="$2" '
		{ name = $2; sub(/\(.*/, "", name); n[name]++ }
		/sms\.db"/ { begun = 1 }
		begun && name != "openat" && /\(/ && !/resumed>/ {
			point[++points] = jobs " " name " " n[name]
		}
		END {
			if (most == 0 || most > points)
				most = points
			for (i = 0; i < most; i++)
				print point[int(i * points / most) + 1]
		}' trace
}

# killed_at dir jobs name n: a run that is killed as it makes that call, then
# what a person or cron would do.  Each has a store and numbers of its own.
killed_at() {
	local dir=p$1 status=0
	local -x SMS_DB=$PWD/p$1/sms.db
	mkdir "$dir"
	numbers 40 $((3000000000 + $1 * 100)) >"$dir/list"
	# a shell tells of what was killed
	(strace -f -o /dev/null -e "trace=$3" \
		-e "inject=$3:signal=KILL:when=$4" \
		sms-send -q -k kill -j "$2" <"$dir/list" >"$dir/1"
		exit $?) 2>/dev/null || status=$?
	echo "$status" >>statuses.$WORKER
	status=0
	sms-send -q -k kill -j "$2" <"$dir/list" >"$dir/2" 2>"$dir/err" || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 76 ]
	sms-reconcile -q -m 0 -t "$(later 1800)"
	sms-send -q -k kill -j "$2" <"$dir/list" >"$dir/3" 2>"$dir/err"
	[ "$(grep -cE '^SM[0-9a-f]*	(queued|sent|delivered)	' "$dir/3")" = 40 ]
	[ "$(sql "SELECT count(*) FROM messages
			WHERE status IN ('pending', 'ambiguous');
		PRAGMA integrity_check")" = "0
ok" ]
	sql "SELECT twilio_message_sid FROM messages
		WHERE twilio_message_sid IS NOT NULL" >>sids.$WORKER
	rm -r "$dir"
}

# worker i of: its share of the points.
worker() {
	local i=0 jobs name n
	WORKER=$1
	while read -r jobs name n <&4; do
		i=$((i + 1))
		[ $((i % $2)) -eq $(($1 % $2)) ] || continue
		# where the status is asked for, -e would not hold
		set +e
		(set -e; killed_at "$i" "$jobs" "$name" "$n")
		[ $? -eq 0 ] || {
			echo "killed at $name $n with -j $jobs (p$i):"
			tail "p$i/err"
			return 1
		} >&2
	done 4<points
}

# ALL=1 ends it at every one of them, some 2,800, which takes minutes.
@test "killed at any of 360 system calls and run again: each message once" {
	export ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS
	sim_start -f drop=100
	points 1 ${ALL:+0} 200 >points
	points 4 ${ALL:+0} 160 >>points
	workers=
	for i in 1 2 3 4; do
		background worker "$i" 4
		workers="$workers $BACKGROUND"
	done
	for i in $workers; do ended "$i"; done

	n=$(wc -l <points)
	[ "$n" -ge 350 ]
	[ "$(cat statuses.* | grep -c '^137$')" -ge 300 ]
	# all that was posted is known by its SID, and no number has two
	simsql "SELECT sid FROM message WHERE to_number > '+13' ORDER BY sid" >theirs
	sort sids.* | diff theirs -
	[ "$(simsql "SELECT count(*), count(DISTINCT to_number || body)
		FROM message WHERE to_number > '+13'")" = "$((40 * n))|$((40 * n))" ]
}

# --- a bad network ---

# again list: asks about what is unclear and gives the list once more, until
# nothing of it is left.
again() {
	local i=0
	until sms-send -q -k storm -j 8 <"$1" >sent 2>err; do
		i=$((i + 1))
		[ "$i" -le 12 ]
		ask "$(later 600)"
	done
}

@test "a storm over 2,000 messages: each once, and as Twilio has it" {
	hook_start
	sim_start -S storm -s 20 -f 429=10,500=2,500after=3,reset=5,cut=5,slow=3,drop=20,error=10
	export SMS_TIMEOUT=1
	numbers 2000 >list
	run -76 --separate-stderr sms-send -q -k storm -j 8 <list
	[ "${#lines[@]}" -eq 2000 ]
	# each kind of harm was done, and some of it is unclear
	for i in 429 500 500after reset cut slow; do
		[ "$(simsql "SELECT count(*) FROM request WHERE fault = '$i'
			AND method = 'POST'")" -gt 20 ]
	done
	[ "$(cut -f 2 <<<"$output" | grep -c ambiguous)" -gt 200 ]
	sim_settled
	settled
	open=$(sql "SELECT count(*) FROM messages WHERE status = 'ambiguous'")
	[ "$open" -gt 20 ]
	again list
	sim_clock 3h
	sim_settled
	settled
	ask "$(later 10800)"

	once 2000
	simsql 'SELECT sid, status, error_code FROM truth ORDER BY sid' >truth
	sql 'SELECT twilio_message_sid, status, error_code FROM messages
		WHERE twilio_message_sid IS NOT NULL
		ORDER BY twilio_message_sid' | diff truth -
	# the rows without a SID are those of tries that never arrived
	[ "$(sql "SELECT count(*) FROM messages WHERE twilio_message_sid IS NULL
		AND (status <> 'failed' OR error_message <> 'never reached Twilio')")" = 0 ]
	[ "$(sql "SELECT count(*) FROM early_status")" = 0 ]
}

# --- several at once ---

@test "two at once on the same list: each message once" {
	sim_start -f drop=100 -l 5
	numbers 60 >list
	background sms-send -k two <list >1
	sms-send -k two <list >2
	ended "$BACKGROUND"
	[ "$(cat 1 2 | wc -l)" -eq 120 ]
	once 60
}

@test "three at once on the same list with four jobs each: each message once" {
	sim_start -f drop=100 -l 20
	numbers 200 >list
	background sms-send -k three -j 4 <list >1
	first=$BACKGROUND
	background sms-send -k three -j 4 <list >2
	second=$BACKGROUND
	sms-send -k three -j 4 <list >3
	ended "$first"
	ended "$second"
	once 200
	[ "$(simsql 'SELECT count(*) FROM request')" = 200 ]
}

# four command...: four of it at once; none may end otherwise than with 0 or
# 75.
four() {
	local i status workers=
	for i in 1 2 3 4; do
		background "$@" "$i"
		workers="$workers $BACKGROUND"
	done
	for i in $workers; do
		status=0
		ended "$i" || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 75 ]
	done
}

braked() { sms-send -t "$TODAY" -k "brake$1" -j 4 <"list$1" >"$1" 2>"err$1"; }

@test "four at once do not overrun SMS_MAX_PER_DAY" {
	sim_start -f drop=100 -l 5
	export SMS_MAX_PER_DAY=50 TODAY=2026-11-23T12:00:00Z
	for i in 1 2 3 4; do numbers 40 "${i}155550000" >"list$i"; done
	four braked
	once 50
	[ "$(sql 'SELECT count(*) FROM messages')" = 50 ]
	grep -qx 'sms-send: line [0-9]*: not sent: SMS_MAX_PER_DAY is reached' err?
	[ "$(cat 1 2 3 4 | wc -l)" -eq 50 ]
	# a day later there is room again
	TODAY=2026-11-24T00:00:00Z four braked
	once 100
}

@test "four at once do not overrun SMS_MAX_PER_RECIPIENT_PER_DAY" {
	sim_start -f drop=100 -l 5
	export SMS_MAX_PER_RECIPIENT_PER_DAY=3 TODAY=2026-11-23T12:00:00Z
	for i in 1 2 3 4; do
		for k in 1 2; do
			seq -f "+1415555%04g	message $i.$k" 20
		done >"list$i"
	done
	four braked
	once 60
	[ "$(simsql 'SELECT DISTINCT count(*) FROM message GROUP BY to_number')" = 3 ]
	grep -q 'not sent: SMS_MAX_PER_RECIPIENT_PER_DAY is reached' err?
}

# --- the same again ---

@test "a ref that comes twice in one list is sent once" {
	sim_start -f drop=100 -l 20
	for i in 1 2 3; do
		printf '+1415555010%d\tHello\tsame\n' "$i"
		printf '+1415555020%d\tHello\tother%d\n' "$i" "$i"
	done >list
	for jobs in 1 8; do
		sms-send -j "$jobs" <list >sent
		[ "$(cut -f 12 sent | grep -cx same)" = 3 ]
		[ "$(grep '	same	' sent | cut -f 1 | sort -u | wc -l)" -eq 1 ]
		once 4
	done
	[ "$(simsql 'SELECT count(*) FROM request')" = 4 ]
}

@test "lines that are the same twice in one list are two messages" {
	sim_start -f drop=100
	for i in 1 2 3; do echo '+14155550100	Hello'; done >list
	for i in 1 2; do
		sms-send -k twins -j 4 <list >sent
		[ "$(cut -f 1 sent | sort -u | wc -l)" -eq 3 ]
	done
	[ "$(simsql 'SELECT count(*) FROM message')" = 3 ]
	# a longer list begins as the shorter one
	echo '+14155550100	Hello' >>list
	sms-send -k twins -j 4 <list >sent
	[ "$(simsql 'SELECT count(*) FROM message')" = 4 ]
}

@test "a ref of an earlier run is not sent again, its record is written" {
	sim_start -f drop=100
	sms-send -r one +14155550100 Hello >sent
	run -0 --separate-stderr sms-send -r one +14155550100 Hello
	[ "$(cut -f 1,2,12 <<<"$output")" = "$(cut -f 1,2,12 sent)" ]
	[ "$stderr" = '' ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 1 ]
}

@test "who has opted out of a sender is not written to by that sender" {
	sim_start -f drop=100
	printf '+15005550004\tHello\n' >list
	run -1 --separate-stderr sms-send -k first <list
	[ "$(cut -f 2,3 <<<"$output")" = 'failed	21610' ]
	run -1 --separate-stderr sms-send -k second <list
	[ "$(cut -f 2,3 <<<"$output")" = 'failed	21610' ]
	[[ "$stderr" = 'sms-send: line 1: not sent: 21610 '* ]]
	[ "$(simsql 'SELECT count(*) FROM request')" = 1 ]
	# it is the pair that counts
	run -1 --separate-stderr sms-send -f +15005550010 -k third <list
	[ "$(simsql 'SELECT count(*) FROM request')" = 2 ]
	printf '+14155550100\tHello\n' | sms-send -k fourth >sent
	[ "$(simsql 'SELECT count(*) FROM message')" = 1 ]
}

# --- a bad disk ---

# broken status call=error n: a run whose n-th such call and all behind it
# fail; nothing goes out that is not written down.  Then it is run again.
broken() {
	local status=0
	rm -f sms.db*
	sms-apply </dev/null
	simsql 'DELETE FROM message'
	strace -f -o /dev/null -e "trace=${2%=*}" \
		-e "inject=${2%=*}:error=${2#*=}:when=$3+" \
		sms-send -q -k broken -j 4 <list >sent 2>err || status=$?
	[ "$status" -eq "$1" ]
	grep -q "^sms-send: .*database '.*sms.db'" err
	all_journaled
	sms-send -q -k broken -j 4 <list >sent 2>err || [ $? -eq 76 ]
	all_journaled
	ask "$(later 600)"
	sms-send -q -k broken -j 4 <list >sent
	once 40
}

@test "a disk that fills up or fails on the way: nothing is posted unwritten" {
	export ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS
	sim_start -f drop=100
	numbers 40 >list
	for i in ENOSPC EIO EROFS; do
		for k in 1 60 151 240; do broken 74 "pwrite64=$i" "$k"; done
	done
	for k in 1 10 21; do broken 74 fdatasync=EIO "$k"; done
}

# A disk of its own needs the right to mount; where that is missing the test
# above has to do.
@test "a disk that is full: status 74, and all is sent once there is room" {
	unshare -rm mount -t tmpfs none /mnt 2>mount.err || return 0
	sim_start -f drop=100
	numbers 40 >list
	mkdir full
	export SIM_DB=$PWD/sim.db LATER=$(later 1800)
	cat >full.sh <<-'END'
		mount -t tmpfs -o size=2m none full || exit
		export SMS_DB=$PWD/full/sms.db
		head -n 1 list | sms-send -q -k full || exit
		dd if=/dev/zero of=full/filler bs=1k count=1200 || exit
		sms-send -q -k full -j 4 <list >1 2>err
		echo $? >status
		cp full/sms.db* .
		rm full/filler
		sms-send -q -k full -j 4 <list >2 || [ $? -eq 76 ] || exit
		sms-reconcile -q -m 0 -t "$LATER" || exit
		sms-send -q -k full -j 4 <list >3 || exit
		cat full/sms.db >after.db
	END
	unshare -rm sh full.sh >out 2>&1
	[ "$(cat status)" = 74 ]
	grep -qx "sms-send: database '.*sms.db': database or disk is full" err
	mv after.db sms.db
	rm -f sms.db-*
	once 40
}

@test "a database that must not be written: status 74, nothing is posted" {
	sim_start -f drop=100
	mkdir store
	export SMS_DB=$PWD/store/sms.db
	sms-send -r before +14155550100 Hello >sent
	numbers 5 >list
	read_only=
	if [ "$(id -u)" -eq 0 ]; then
		# modes do not bind root
		printf '%s\n' 'mount --bind store store &&' \
			'mount -o remount,bind,ro store && exec "$@"' >read-only
		unshare -rm sh read-only true || return 0
		read_only='unshare -rm sh read-only'
	else
		chmod 400 store/*
		chmod 500 store
	fi
	run -74 --separate-stderr $read_only sms-send -k x <list
	[ "$output" = '' ]
	[[ "$stderr" == "sms-send: "*"'$SMS_DB"*"'"* ]]
	[ "$(simsql 'SELECT count(*) FROM request')" = 1 ]
	[ -n "$read_only" ] || { chmod 700 store && chmod 600 store/*; }
	sms-send -k x <list >sent
	once 6
}

lock_database() {
	{ echo 'BEGIN IMMEDIATE; SELECT 1;'; until [ -e unlock ]; do sleep 0.1
	done; } | sqlite3 "$SMS_DB" >locked
}

@test "a database that others lock during a run: status 75, nothing is lost" {
	sim_start -f drop=100 -l 300
	numbers 40 >list
	background sms-send -k locked -j 4 <list >sent 2>err
	sender=$BACKGROUND
	until_true 20 sh -c '[ "$(wc -l <sent)" -ge 8 ]'
	background lock_database
	until_true 20 grep -q 1 locked
	until_true 60 grep -q busy err
	touch unlock
	status=0
	ended "$sender" || status=$?
	ended "$BACKGROUND"
	[ "$status" -eq 75 ]
	grep -qx "sms-send: database '.*sms.db' is busy" err
	all_journaled
	# what was posted is on record although the store did not take it
	simsql 'SELECT sid FROM message ORDER BY sid' >theirs
	cut -f 1 sent | sort | diff theirs -
	sms-apply <sent >applied
	open_rows 0
	sms-send -k locked -j 4 <list >sent
	once 40
}

# --- interrupted ---

@test "SIGTERM and SIGINT: what is under way is recorded, nothing more begins" {
	sim_start -f drop=100 -l 300
	for i in TERM INT; do
		before=$(simsql 'SELECT count(*) FROM message')
		numbers 40 $((4155550000 + before)) >list
		background sms-send -k "$i" -j 4 <list >sent 2>err
		until_true 20 sh -c '[ "$(wc -l <sent)" -ge 4 ]'
		kill -"$i" "$BACKGROUND"
		status=0
		ended "$BACKGROUND" || status=$?
		[ "$status" -eq 75 ]
		grep -q '^sms-send: stopped' err
		n=$(($(simsql 'SELECT count(*) FROM message') - before))
		[ "$n" -lt 40 ]
		[ "$(grep -c '	queued	' sent)" -eq "$n" ]
		open_rows 0
		sms-send -k "$i" -j 8 <list >sent
		once "$((before + 40))"
	done
}

@test "SIGTERM while calls wait for another try after 429 ends the run soon" {
	sim_start -f drop=100,429=100
	numbers 4 >list
	background sms-send -k wait -j 4 <list >sent 2>err
	until_true 20 sh -c '[ "$(sqlite3 sim.db "SELECT count(*) FROM request")" -ge 4 ]'
	kill -TERM "$BACKGROUND"
	status=0
	ended "$BACKGROUND" || status=$?
	[ "$status" -eq 75 ]
	open_rows 0
	[ "$(simsql 'SELECT count(*) FROM message')" = 0 ]
	kill "$SIM_PID"
	wait "$SIM_PID" || :
	sim_start -f drop=100
	sms-send -k wait -j 4 <list >sent
	[ "$(cut -f 2,12 sent | grep -c '^queued	wait-.*~2$')" = 4 ]
	once 4
}

@test "who stops reading the records loses no message" {
	sim_start -f drop=100 -l 5
	numbers 40 >list
	sms-send -k head -j 4 <list 2>err | head -n 1 >sent || :
	n=$(simsql 'SELECT count(*) FROM message')
	[ "$n" -gt 0 ]
	[ "$n" -lt 40 ]
	once "$n"
	sms-send -k head -j 4 <list >sent
	[ "$(wc -l <sent)" -eq 40 ]
	once 40
}

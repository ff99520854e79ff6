# The promise of sms-hook: what is answered with 200 is in the store once and
# takes effect, whatever happens to the hook, to others and to its files.
load helper

SID=SM0123456789abcdef0123456789abcdef
MOST=150  # points of one test; of more, every second, third ...

setup() {
	common_setup
	umask 022
	export WEBHOOK_BASE_URL=https://hooks.example.net
	# a program that is traced is not looked through for leaks
	export ASAN_OPTIONS=detect_leaks=0
}

teardown() {
	common_teardown
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
	head -n 1 "$1" | grep -q '^HTTP/1.1 200'
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

# What each point begins with: a message, one callback for it that another
# hook had set aside when it was killed, and one request.
begun() {
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
	strace -o trace sms-hook <second >answer 2>log
	answered answer
	sed -n 's/^\([a-z_0-9]*\)(/\1 /p' trace |
		awk '$1 != "execve" { print $1, ++n[$1], /F_UNLCK/ }' >calls
	[ "$(wc -l <calls)" -gt 100 ]
}

again() {
	rm -f sms.db*
	cp -p begun/sms.db* .
}

# Points of a file that are enough, and spread over all of it.
spread() {
	awk -v most=$MOST '{ line[NR] = $0 } END {
		step = NR > most ? NR / most : 1
		for (i = 1; int(i) <= NR; i += step) print line[int(i)] }' "$1"
}

# After an injection: nothing that was answered is lost or there twice, and
# what was not can be sent again.
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
	*) return 1 ;;
	esac
	sms-hook <second >answer 2>log && answered answer && settled && gone &&
		[ "$(times N=first)" = 1 ] && [ "$(times N=second)" -ge 1 ] &&
		[ "$(sql "SELECT status FROM messages")" = delivered ]
}

@test "a hook killed at any system call breaks no promise" {
	begun
	n=0 killed=0 acknowledged=0
	while read -r name k _; do
		again
		status=0
		strace -qq -o /dev/null -e "trace=$name" \
			-e "inject=$name:signal=KILL:when=$k" \
			sms-hook <second >answer 2>log || status=$?
		[ "$status" -ne 137 ] || killed=$((killed + 1))
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken by a kill at $name $k"; return 1; }
		n=$((n + 1))
	done < <(spread calls)
	echo "$n points, $killed killed, $acknowledged of them acknowledged"
	[ "$killed" -gt $((n * 9 / 10)) ]
	[ "$acknowledged" -gt 10 ]
	[ "$acknowledged" -lt "$n" ]
}

@test "a hook whose system calls fail breaks no promise" {
	begun
	# (who cannot even unlock waits for himself, and no more is to be seen)
	awk '!$3 && $1 ~ /^(openat|write|writev|fdatasync|fsync|rename|unlink|fcntl|pwrite64|ftruncate)$/ {
			n = split("ENOSPC EIO EINTR EMFILE", error)
			# the many calls of SQLite fail in one way each
			many = $1 == "fcntl" || $1 == "pwrite64" || $2 > 8
			for (i = 1; i <= n; i++)
				if (!many || i == NR % n + 1) print $1, $2, error[i]
		}' calls >points
	n=0 acknowledged=0
	while read -r name k error; do
		again
		status=0
		strace -qq -o /dev/null -e "trace=$name" \
			-e "inject=$name:error=$error:when=$k" \
			sms-hook <second >answer 2>log || status=$?
		[ "$status" -lt 128 ] ||
			{ echo "killed by $error of $name $k: $status"; return 1; }
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken by $error of $name $k"; return 1; }
		n=$((n + 1))
	done < <(spread points)
	echo "$n points, $acknowledged acknowledged"
	[ "$n" -gt 60 ]
	[ "$acknowledged" -gt 30 ]
}

@test "a line that is not certain to be on the disk goes into the store, once" {
	begun
	for fault in fdatasync:error=EIO:when=1 writev:error=ENOSPC:when=1 \
		fsync:error=EIO:when=1 writev:error=EIO:when=1; do
		again
		strace -qq -o /dev/null -e "inject=$fault" \
			sms-hook <second >answer 2>log
		answered answer
		grep -q "cannot write spool '$SMS_DB.spool': " log
		settled
		gone
		[ "$(times N=second)" = 1 ]
		[ "$(times N=first)" = 1 ]
	done
}

@test "the line is on the disk before the answer is written" {
	begun
	order() {
		strace -o trace sms-hook <second >answer 2>log
		answered answer
		awk -v spool="\"$SMS_DB.spool\"" -v dir="\"$PWD\"" '
			{ fd = $1; sub(/^[a-z0-9]*\(/, "", fd); sub(/[,)].*/, "", fd) }
			/^openat/ && index($0, spool ",") { at["spool"] = $NF }
			/^openat/ && index($0, dir ",") { at["dir"] = $NF }
			/^close/ { for (i in at) if (at[i] == fd) delete at[i] }
			/^writev/ && fd == at["spool"] { print "line" }
			/^fdatasync/ && fd == at["spool"] { print "synced" }
			/^fsync/ && fd == at["dir"] { print "name" }
			/^writev?\(1,.*HTTP\/1.1 200/ { print "answer"; exit }
		' trace | tr '\n' ' '
	}
	# the name is there before anybody adds a line and relies on it
	again
	rm sms.db.spool.taking
	[ "$(order)" = 'name line synced answer ' ]
	waiting first
	[ "$(order)" = 'line synced answer ' ]
	settled
	[ "$(times N=first)" = 1 ]
}

@test "takers and adders at once take each callback once" {
	settled
	for i in $(seq 200); do
		request "MessageSid=$(printf SM%032d $((i % 10)))&MessageStatus=sent&N=$i." >"request.$i"
	done
	seq 200 | xargs -P 20 -I '{}' sh -c 'sms-hook <"request.$1" >"answer.$1" 2>>log
		[ $(($1 % 20)) -ne 0 ] || sms-apply </dev/null 2>>log' sh '{}'
	for i in $(seq 200); do
		answered "answer.$i"
	done
	[ ! -s log ]
	# all was taken in before the last of them ended
	gone
	[ "$(sql 'SELECT count(*), count(DISTINCT params) FROM webhook_logs')" = '200|200' ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
}

@test "a line that was cut anywhere is named and does no harm" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	waiting first
	grep "^$SID" sms.db.spool >line
	len=$(wc -c <line)
	# alone, and at the end
	for part in 1 $((len / 2)) $((len - 1)); do
		head -c "$part" line >sms.db.spool
		run -0 --separate-stderr settled
		[ "$stderr" = 'sms-apply: spool line 1 is not whole: passed over' ]
		gone
		[ "$(times N=)" = 0 ]
	done
	# others add to it: the two last bytes are its mark and its newline
	for part in $(seq $((len - 2))); do
		printf '\n'
		head -c "$part" line
	done >sms.db.spool
	sms-hook <second >answer 2>log
	answered answer
	[ "$(grep -c 'sms-hook: spool line [0-9]* is not whole: passed over$' log)" -eq $((len - 2)) ]
	gone
	[ "$(times N=first)" = 0 ]
	[ "$(times N=second)" = 1 ]
	# what nobody wrote does not stand in the way either
	waiting first
	{
		echo "$SID"
		sed 's/20[0-9-]*T[0-9:]*Z/yesterday/g' line
		tr '\t' ' ' <line
		printf 'a\0b\n\377\n'
		cat line
	} >>sms.db.spool
	run -0 --separate-stderr settled
	[ "$(grep -c 'is not whole' <<<"$stderr")" -eq 5 ]
	[ "$(times N=first)" = 2 ]
	gone
}

@test "a line of before, when there were fewer fields, is understood" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	waiting first
	awk -F '\t' -v OFS='\t' '/^SM/ { $20 = "."; NF = 20 } { print }' \
		sms.db.spool >old
	grep -q 'N=first.*	\.$' old
	mv old sms.db.spool
	run -0 --separate-stderr settled
	[ -z "$stderr" ]
	gone
	[ "$(sql "SELECT outcome, source, target IS NULL, answer
		FROM webhook_logs WHERE params LIKE '%N=first'")" = 'unknown|hook|1|200' ]
	# and one that was cut there is not whole
	waiting first
	awk -F '\t' -v OFS='\t' '/^SM/ { NF = 19 } { print }' sms.db.spool >old
	mv old sms.db.spool
	run -0 --separate-stderr settled
	[[ $stderr == *'is not whole: passed over' ]]
	[ "$(times N=first)" = 1 ]
}

@test "what a killed taker had taken in is not taken in again" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	settled
	status=0
	strace -qq -o /dev/null -e inject=unlink:signal=KILL:when=1 \
		sms-hook <first >answer 2>log || status=$?
	[ "$status" -eq 137 ]
	answered answer
	[ -s sms.db.spool.taking ]
	[ "$(times N=first)" = 1 ]
	cp -p sms.db.spool.taking kept
	run -0 --separate-stderr settled
	[ -z "$stderr" ]
	gone
	[ "$(times N=first)" = 1 ]
	# by another hook, which has a callback of its own
	cp -p kept sms.db.spool.taking
	sms-hook <second >answer 2>log
	answered answer
	[ ! -s log ]
	gone
	[ "$(times N=first)" = 1 ]
	[ "$(times N=second)" = 1 ]
}

@test "a spool is not taken for another one in the same place" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	settled
	waiting second
	mv sms.db.spool kept
	waiting first
	# the same file, changed at the same time
	ln sms.db.spool same
	cp -p same stamp
	settled
	gone
	cat kept >same
	touch -r stamp same
	mv same sms.db.spool
	settled
	gone
	[ "$(times N=first)" = 1 ]
	[ "$(times N=second)" = 1 ]
}

@test "a hook leaves the taking to one who is at it, and sms-apply waits for that one" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	settled
	mkfifo lock
	sqlite3 "$SMS_DB" <lock >held 3>&- &
	holder=$!
	exec 8>lock
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&8
	until_true 10 test -s held
	sms-hook <first >answer 2>log 8>&- 3>&- &
	taker=$!
	until_true 5 test -e sms.db.spool.taking
	# this one would say so if it could not take its own in
	timeout 5 sms-hook <second >answer.2 2>log.2 8>&-
	answered answer.2
	[ ! -s log.2 ]
	[ -s sms.db.spool ]
	sms-apply </dev/null 2>log.3 8>&- 3>&- &
	waiter=$!
	exec 8>&-
	wait $holder
	wait $taker
	wait $waiter
	answered answer
	[ ! -s log ]
	[ ! -s log.3 ]
	gone
	[ "$(times N=first)" = 1 ]
	[ "$(times N=second)" = 1 ]
}

# The promise of sms-hook: what is answered with 200 is in the store once and
# takes effect, whatever happens to the hook, to others and to its files.
load helper
load torture

setup() {
	common_setup
	torture_setup
}

teardown() {
	common_teardown
}

@test "a line that is not certain to be on the disk goes into the store, once" {
	begun connection
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
	for shape in connection listening cgi; do
		[ -d begun ] || begun $shape
		SHAPE=$shape
		# the name is there before anybody adds a line and relies on it
		again
		rm sms.db.spool.taking
		[ "$(order)" = 'name line synced answer ' ]
		settled
		waiting first
		said=$(order)
		# (unless it has been taken in before)
		[ $shape != listening ] || said=${said#name }
		[ "$said" = 'line synced answer ' ]
		settled
		[ "$(times N=first)" = 1 ]
	done
}

@test "lines have room in the file, which is a text, and are added where the last one ends" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	waiting first
	size=$(wc -c <sms.db.spool)
	[ $((size % 4096)) -eq 0 ]
	strace -qq -s 4096 -o trace sms-hook <second >answer 2>log
	answered answer
	# the second one did not make the file longer
	[ "$(grep -c '^writev.*N=second' trace)" = 1 ]
	[ -z "$(grep '^writev' trace | grep -vE '= [0-9]{3}$')" ]
	gone
	[ "$(times N=first)" = 1 ]
	[ "$(times N=second)" = 1 ]
	# until the room is used up; then there is more
	for i in $(seq 90); do
		request "MessageSid=$SID&MessageStatus=sent&N=$i." >third
		waiting third
	done
	[ "$(wc -c <sms.db.spool)" -gt "$size" ]
	[ "$(grep -c "^$SID" sms.db.spool)" -eq 90 ]
	# a blank line ahead of each, and others only at the end
	[ "$(sed -n '/^$/{N;/^\n$/q};p' sms.db.spool | grep -c .)" -eq 91 ]
	[ "$(tr -d '\0' <sms.db.spool | cmp - sms.db.spool)" = '' ]
	run -0 --separate-stderr settled
	[ -z "$stderr" ]
	gone
	[ "$(sql "SELECT count(DISTINCT params) FROM webhook_logs WHERE params LIKE '%.'")" = 90 ]
}

@test "what is left of a line that was lost in part is not written over, nor what follows" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	waiting first
	# its page came to the disk, the one before it did not
	printf 'N=third\t.\n' | dd of=sms.db.spool bs=1 seek=8000 conv=notrunc 2>dd.log
	sms-hook <second >answer 2>log
	answered answer
	grep -q 'spool line [0-9]* is not whole: passed over' log
	[ "$(wc -l <log)" -eq 1 ]
	gone
	[ "$(times N=first)" = 1 ]
	[ "$(times N=second)" = 1 ]
}

@test "who was stopped while it holds the spool keeps no callback waiting" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	cc -o hold "$ROOT/tests/torture/hold.c"
	settled
	# each of the two bytes that are locked
	for byte in 0 1; do
		: >sms.db.spool
		rm -f held answer
		mkfifo go$byte
		./hold sms.db.spool $byte <go$byte >held 3>&- &
		holder=$!
		exec 8>go$byte
		until_true 10 test -s held
		sms-hook <first >answer 2>log 3>&- 8>&- &
		hook=$!
		until_true 10 answered answer
		grep -q "cannot write spool '$SMS_DB.spool': Resource temporarily" log
		[ "$(times N=first)" = $((byte + 1)) ]
		exec 8>&-
		wait $holder
		wait $hook
		gone
	done
}

@test "who was stopped while it adds a line keeps nobody waiting for good" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	waiting first
	cc -o hold "$ROOT/tests/torture/hold.c"
	mkfifo go
	./hold sms.db.spool 0 <go >held 3>&- &
	holder=$!
	exec 8>go
	until_true 10 test -s held
	run --separate-stderr sms-apply </dev/null 8>&-
	[ "$status" -eq 75 ]
	[ "$stderr" = "sms-apply: cannot take spool '$SMS_DB.spool': Resource temporarily unavailable" ]
	# the process for a connection, whose callback goes into another file
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	sms-hook <second >answer 2>log 8>&-
	answered answer
	grep -q "callbacks wait in '$SMS_DB.spool': cannot take" log
	exec 8>&-
	wait $holder
	settled
	gone
	[ "$(times N=first) $(times N=second)" = '1 1' ]
}

@test "lines and files of somebody else do not get in" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	waiting first
	mv sms.db.spool planted
	# under another name
	ln -s planted sms.db.spool.taking
	sms-hook <second >answer 2>log
	answered answer
	grep -q "callbacks wait in '$SMS_DB.spool': cannot take spool '$SMS_DB.spool': " log
	[ "$(sql 'SELECT count(*) FROM webhook_logs' 2>&1)" != 1 ]
	rm sms.db.spool.taking
	# a name that leads to the store
	settled
	ln -s sms.db sms.db.spool.refused
	request a=b | sed 's/^X-Twilio-Signature: ./&x/' >forged
	sms-hook <forged >answer 2>log
	grep -q '^HTTP/1.1 401' answer
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	rm sms.db.spool.refused
	# of another user, and we are not root
	if [ "$(id -u)" -eq 0 ]; then
		dir=$(mktemp -d)
		chmod 755 "$dir"
		mkdir -m 1777 "$dir/open"
		cp "$(command -v sms-hook)" planted "$dir"
		cp "$dir/planted" "$dir/open/spool"
		cp "$dir/planted" "$dir/open/other.taking"
		chmod 666 "$dir/open/"*
		for spool in spool other; do
			SMS_DB=$dir/none/sms.db SMS_SPOOL=$dir/open/$spool setpriv \
				--reuid=65534 --regid=65534 --clear-groups \
				"$dir/sms-hook" <second >answer 2>log || :
			grep "cannot write spool '$dir/open/spool': Operation not permitted" log ||
				grep "cannot take spool '$dir/open/other': Operation not permitted" log
		done
		cmp planted "$dir/open/spool"
		cmp planted "$dir/open/other.taking"
		rm -r "$dir"
	fi
	settled
	[ "$(times N=first)" = 0 ]
	[ "$(times N=second)" -ge 1 ]
}

@test "who took a spool in goes on with a store that he still holds" {
	request "MessageSid=$SID&MessageStatus=sent&N=first" >first
	settled
	sql "INSERT INTO messages (ref, twilio_message_sid, direction, to_number,
		status, created_at, updated_at) VALUES ('r1', '$SID', 'outbound-api',
		'+14155550100', 'queued', '2026-01-01T00:00:00Z', '2026')"
	waiting first
	mkfifo records
	sms-apply <records >out 3>&- &
	applying=$!
	exec 8>records
	first_taken() { [ "$(times N=first)" = 1 ]; }
	until_true 10 first_taken
	# another one comes and goes, and is not the last
	settled
	[ -e sms.db-wal ]
	printf '%s\tdelivered\n' "$SID" >&8
	exec 8>&-
	wait $applying
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
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

@test "who adds and who takes, killed and stopped at any moment, lose no line and double none" {
	seconds=5
	[ -z "${ALL-}" ] || seconds=600
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I"$ROOT/lib" -o crowd \
		"$ROOT/tests/torture/crowd.c" "$ROOT"/lib/{buf,die,mask,num,spool,when}.c
	run -0 --separate-stderr ./crowd $seconds $RANDOM
	[ -z "$stderr" ]
	# of those that were durable; others may be there, whole or torn
	find taken -type f -exec cat {} + | LC_ALL=C awk 'NF == 4 && length($3) == $2 && $4 == "." {
		print $1 }' | LC_ALL=C sort >taken.names
	LC_ALL=C sort added >added.names
	[ -z "${ALL-}" ] || echo "# $output, $(wc -l <added) lines" >&3
	[ "$(wc -l <added)" -gt 100 ]
	[ -z "$(uniq -d taken.names)" ]
	[ -z "$(LC_ALL=C comm -23 added.names taken.names)" ]
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

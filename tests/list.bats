load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

ago() { date -u -d "2025-08-21 12:00 UTC - $1 minutes" +%Y-%m-%dT%H:%M:%SZ; }

# row number status minutes-ago [column value]...
row() {
	local n=$1 status=$2 at
	at=$(ago "$3")
	shift 3
	sql "INSERT INTO messages (id, twilio_message_sid, ref, direction, to_number,
		from_number, body, status, created_at, updated_at) VALUES ($n,
		printf('SM%032d', $n), 'r$n', 'outbound-api', '+447700900123',
		'+15005550006', 'secret text $n', '$status', '$at', '$at')"
	while [ $# -gt 0 ]; do
		sql "UPDATE messages SET $1 = '$2' WHERE id = $n"
		shift 2
	done
}

sid() { printf 'SM%032d' "$1"; }
refs() { sms-list -t $NOW "$@" | cut -f 12 | xargs; }

# on_terminal command: what a person sees
on_terminal() {
	script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

has_terminal() {
	script -qec true screen </dev/null >/dev/null && return
	echo '# no terminal to be had: the table was not tried' >&3
	return 1
}

a_few() {
	row 1 delivered 3000 delivered_at "$(ago 2990)"
	row 2 failed 2000 error_code 30003 failed_at "$(ago 1990)"
	row 3 sent 1000 sent_at "$(ago 999)"
	row 4 undelivered 500 error_code 30007
	row 5 received 400 direction inbound
	row 6 queued 10 direction outbound-reply
}

@test "a status record for each message, oldest first, as it stands" {
	a_few
	[ "$(refs)" = 'r1 r2 r3 r4 r5 r6' ]
	[ "$(sms-list -Hi r2)" = "#sid
$(sid 2)" ]
	[ "$(sms-list -i r2)" = "$(sid 2)" ]
	run -0 sms-list -H r2
	[ "${lines[0]}" = '#sid	status	error_code	at	source	to	from	direction	segments	price	currency	ref	created_at	error_message	body_sha256' ]
	[ "${lines[1]}" = "$(sid 2)	failed	30003	$(ago 1990)	\\N	+447700900123	+15005550006	outbound-api	\\N	\\N	\\N	r2	$(ago 2000)	\\N	\\N" ]
	[ "$(sms-list -d outbound | sms-apply | cut -f 2 | sort -u)" = same ]
	[ "$(sql 'SELECT count(*) FROM access_log')" = 0 ]
}

@test "each option leaves out what it does not ask for" {
	a_few
	[ "$(refs -s failed)" = r2 ]
	[ "$(refs -s Failed,undelivered,read)" = 'r2 r4' ]
	[ "$(refs -e 30007)" = r4 ]
	[ "$(refs -d inbound)" = r5 ]
	[ "$(refs -d outbound)" = 'r1 r2 r3 r4 r6' ]
	[ "$(refs -d outbound-reply)" = r6 ]
	[ "$(refs -S 500m)" = 'r4 r5 r6' ]
	[ "$(refs -U 500m)" = 'r1 r2 r3' ]
	[ "$(refs -S "$(ago 2000)" -U "$(ago 1000)")" = r2 ]
	row 7 sent 5 to_number whatsapp:+14155550100
	row 8 received 4 from_number +447700900999 direction inbound
	[ "$(refs -p whatsapp:+14155550100)" = r7 ]
	[ "$(refs -p +447700900999)" = r8 ]
	[ "$(refs -p +1)" = '' ]
	[ "$(sms-list -i -s failed)" = "$(sid 2)" ]
	sql "UPDATE messages SET twilio_message_sid = NULL WHERE id = 2"
	[ "$(sms-list -i -s failed)" = '' ]
}

@test "messages are named by SID or ref, and one that is not there is named" {
	a_few
	run -1 --separate-stderr sms-list -i "$(sid 4)" r1 "$(sid 9)" +14155550100
	[ "$output" = "$(sid 4)
$(sid 1)" ]
	[ "$stderr" = "sms-list: no message '$(sid 9)'
sms-list: no message '+1415…100'" ]
	printf '%s\tdelivered\n%s\tsent\n' "$(sid 9)" "$(sid 9)" | sms-apply >/dev/null
	run -1 --separate-stderr sms-list "$(sid 9)"
	[ "$stderr" = "sms-list: no message '$(sid 9)', but 2 records wait for it" ]
}

@test "-c counts by status in the order of the ladder" {
	a_few
	row 7 failed 3
	[ "$(sms-list -Hc | tr '\t\n' '= ')" = '#status=messages received=1 queued=1 sent=1 delivered=1 failed=2 undelivered=1 ' ]
	[ "$(sms-list -c -d inbound)" = 'received	1' ]
	[ "$(sms-list -c -s failed,sent | tr '\t\n' '= ')" = 'sent=1 failed=2 ' ]
	[ "$(sms-list -t $NOW -c -S 1000m | tr '\t\n' '= ')" = 'received=1 queued=1 sent=1 failed=1 undelivered=1 ' ]
	[ "$(sms-list -c -e 30003)" = 'failed	1' ]
	[ "$(sms-list -c -e 30008)" = '' ]
}

@test "the counts of the store are those of its messages" {
	a_few
	for status in sent delivered read; do
		printf "SM%032d\t$status\n" 6 3 1 | sms-apply >/dev/null
	done
	sql "DELETE FROM messages WHERE id IN (2, 3);
		UPDATE messages SET direction = 'outbound-call' WHERE id = 1"
	n=100
	for status in $(sql 'SELECT status FROM ladder') receiving other other; do
		row $((++n)) $status 1
	done
	[ "$(sql 'SELECT * FROM message_counts ORDER BY 1')" = \
		"$(sql 'SELECT status, count(*) FROM messages GROUP BY 1')" ]
}

@test "-x lists messages whose final statuses contradict each other" {
	a_few
	[ "$(refs -x)" = '' ]
	printf '%s\tdelivered\n' "$(sid 2)" | sms-apply >/dev/null
	printf '%s\tread\n' "$(sid 4)" | sms-apply >/dev/null
	[ "$(refs -x)" = r2 ]
	[ "$(sms-list -cx)" = 'failed	1' ]
	sms-list -v r2 | grep -E 'delivered +conflict +failed'
}

@test "at a terminal it is a table with ages, and no number is whole" {
	a_few
	has_terminal || return 0
	on_terminal "sms-list -t $NOW" >table
	[ "$(sed -n 1p table)" = 'AGE  STATUS       FOR  NUMBER     ERROR  MESSAGE' ]
	[ "$(sed -n 3p table)" = "33h  failed       33h  +4477…123  30003  $(sid 2)" ]
	[ "$(sed -n 6p table)" = "6h   received     6h   +1500…006  -      $(sid 5)" ]
	[ "$(wc -l <table)" -eq 7 ]
	run ! grep -E '[0-9]{7}' <(sed 's/SM[0-9]*//' table)
	[ "$(on_terminal 'sms-list -c' | tail -n 1)" = 'undelivered  1' ]
	# what came from outside does not reach the terminal as it is
	sql "UPDATE messages SET to_number = char(27) || '[31m+447700900123' || char(155), twilio_message_sid = NULL WHERE id = 1"
	on_terminal "sms-list r1" >table
	grep -F '?[31m+4477…123?  -      r1' table
}

@test "-M masks records too, -P nothing, and who asked for that is written down" {
	a_few
	[ "$(sms-list r1 | cut -f 6,7)" = '+447700900123	+15005550006' ]
	[ "$(sms-list -M r1 | cut -f 6,7)" = '+4477…123	+1500…006' ]
	run -64 sms-list -MP
	[ "$(sql 'SELECT count(*) FROM access_log')" = 0 ]
	sms-list -v -P r1 | grep 'secret text 1'
	sms-list -v -P r1 | grep -F '+447700900123'
	sms-list -v r1 | grep -F '+4477…123'
	run ! grep -E '[0-9]{7}|secret' <(sms-list -v r1 | sed 1d)
	[ "$(sql 'SELECT who, command FROM access_log GROUP BY 1, 2')" = "$(id -un)|sms-list -v -P r1" ]
	has_terminal || return 0
	on_terminal 'sms-list -P r1' | grep -F +447700900123
	[ "$(sql 'SELECT count(*) FROM access_log')" = 3 ]
}

@test "where -P cannot be noted nothing is shown" {
	a_few
	sql "CREATE TRIGGER full BEFORE INSERT ON access_log
		BEGIN SELECT RAISE(ABORT, 'no room'); END"
	run ! --separate-stderr sms-list -v -P r1
	[ -z "$output" ]
	[[ $stderr == 'sms-list: not shown, as -P cannot be noted: '*'no room'* ]]
	sms-list -v r1 | grep -F '+4477…123'
}

@test "-v tells what was sent, each change with its lag, callbacks and the error" {
	hook_start
	sim_start
	sms-send -r one +14155550100 'a secret' >/dev/null
	until_true 20 sh -c '[ "$(sqlite3 sms.db "SELECT status FROM messages")" = delivered ]'
	sid=$(sql 'SELECT twilio_message_sid FROM messages')
	printf '%s\tundelivered\t30007\t2025-01-01T00:00:00Z\tfetch\n' "$sid" >late
	sms-apply -t 2025-01-01T01:30:00Z <late
	run -0 sms-list -v one
	[ "${lines[0]}" = "$sid" ]
	[[ $output == *'  text       8 characters'* ]]
	echo "$output" | grep -E 'Z +0s +send +(queued|accepted) +applied +pending'
	echo "$output" | grep -E 'Z +[0-9]s +hook +delivered +applied +sent'
	echo "$output" | grep -E '2025-01-01T00:00:00Z +90m +fetch +undelivered +conflict +delivered +30007'
	[ "$(echo "$output" | grep -cE 'Z +success +(applied|same|stale) +200 +[0-9.]+ ms ')" -ge 2 ]
	sql "UPDATE messages SET error_code = '30007'"
	run -0 sms-list -v one
	[[ $output == *'filtered'*'(permanent)'*'next step  Change the wording'* ]]
	run ! grep -E '(^|[^0-9a-zA-Z])[0-9]{7}' <(echo "$output")
}

@test "wrong words are refused with the way out" {
	for bad in '-s deliverd' '-s ,' '-s sent,' '-S yesterday' '-U 5' '-e x' '-d out' '-ci' '-cv' '-i -v' '-s sent r1' '-c r1' '-x r1'; do
		echo "$bad"
		run -64 --separate-stderr sms-list $bad
		[ -n "$stderr" ]
	done
	# with a name all options of the second form, and none of the others
	for good in -H -M -P -i -v '-t 2025-08-21T12:00:00Z'; do
		grep -qF -e "${good%% *}" <(sms-list -h | tail -n 1)
		run -1 --separate-stderr sms-list $good none
		[ "$stderr" = "sms-list: no message 'none'" ]
	done
	for bad in -x -c '-S 1d' '-U 1d' '-d inbound' '-e 30003' '-p 1' '-s sent'; do
		refute grep -qF -e "[${bad%% *}" <(sms-list -h | tail -n 1)
		run -64 --separate-stderr sms-list $bad none
		[ "$stderr" = "$(sms-list -h)" ]
	done
	run -64 --separate-stderr sms-list -s deliverd
	[ "$stderr" = "sms-list: -s 'deliverd' is no status: sms(7) lists them" ]
	run -64 --separate-stderr sms-list -S yesterday
	[ "$stderr" = "sms-list: -S takes a time such as 2025-08-21T08:34:39Z or an age such as 90m, 2h or 1d, not 'yesterday'" ]
}

@test "without a store, or with one that is none, it says so and makes none" {
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-list
	[ "$stderr" = "sms-list: no database at '$PWD/none.db': SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it" ]
	[ ! -e none.db ]
	sqlite3 other.db 'CREATE TABLE t (x)'
	SMS_DB=other.db run -78 --separate-stderr sms-list
	[ "$stderr" = "sms-list: 'other.db' is no database of smspipe" ]
	[ "$(sqlite3 other.db 'SELECT count(*) FROM sqlite_master')" = 1 ]
	sql 'PRAGMA user_version = 3' </dev/null
	run -78 --separate-stderr sms-list
	[ "$stderr" = "sms-list: '$SMS_DB' was made by an older smspipe: sms-apply </dev/null brings it up to date" ]
	sql 'PRAGMA user_version = 99'
	run -78 --separate-stderr sms-list
	[[ $stderr == *'made by a newer smspipe'* ]]
}

@test "it waits for no writer and no writer for it, and reads what it may not write" {
	a_few
	store_held
	[ "$(refs -s failed)" = r2 ]
	store_released
	# a reader that dawdles
	mkfifo pipe
	for i in $(seq 10 600); do row_sql "$i"; done | sql
	sms-list >pipe 3>&- &
	reader=$!
	exec 7<pipe
	read -r first <&7
	row 1000 queued 1
	exec 7<&-
	wait $reader || :
	# a copy that nobody but its owner can write to, nor beside it
	sql "VACUUM INTO 'copy.db'"
	fixed=$(mktemp -d)
	cp copy.db "$ROOT/bin/sms-list" "$fixed"
	chmod 444 "$fixed/copy.db"
	chmod 555 "$fixed"
	SMS_DB=$fixed/copy.db as_nobody "$fixed/sms-list" -s failed >got || :
	ls "$fixed" >left
	chmod 755 "$fixed"
	rm -r "$fixed"
	[ "$(cut -f 12 got)" = r2 ]
	[ "$(xargs <left)" = 'copy.db sms-list' ]
}

row_sql() {
	echo "INSERT INTO messages (ref, direction, status, created_at, updated_at)
		VALUES ('r$1', 'outbound-api', 'queued', '2025-01-01T00:00:00Z', '2025');"
}

@test "a reader that goes away is not spoken of, and a full disk is 74" {
	for i in $(seq 10 3000); do row_sql "$i"; done | sql
	run -0 --separate-stderr bash -c 'sms-list | head -n 1'
	[ -z "$stderr" ]
	for call in sms-list 'sms-list -c' 'sms-list -v r10' 'sms-list -i'; do
		[ "$call" != 'sms-list -i' ] || row 9999 sent 1
		run -74 --separate-stderr bash -c "$call >/dev/full"
		[ "$stderr" = 'sms-list: cannot write standard output: No space left on device' ]
	done
}

@test "no row is looked at to count by status" {
	sql 'EXPLAIN QUERY PLAN SELECT * FROM message_counts' >plan
	[ "$(grep -c 'SCAN messages USING' plan)" -eq 4 ]
	grep 'COVERING INDEX messages_others_idx' plan
	grep 'COVERING INDEX messages_stuck_idx' plan
	grep 'INDEX messages_unsettled_idx' plan
}

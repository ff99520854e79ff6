load helper

setup() {
	common_setup
	sms-apply </dev/null
}
teardown() { common_teardown; }

sid() { printf 'SM%032d' "$1"; }

row() {
	sql "INSERT INTO messages (id, twilio_message_sid, ref, direction, to_number,
		status, created_at, updated_at) VALUES ($1, '$(sid "$1")', 'r$1',
		'outbound-api', '+447700900123', '$2', '2025-01-01T00:00:00Z', '2025')"
}

becomes() { printf '%s\t%s\n' "$(sid "$1")" "$2" | sms-apply >/dev/null; }

# waiting command...: in the background; has lines: it has written so many
waiting() {
	"$@" >out 2>said 3>&- &
	pid=$!
}
has() { [ "$(wc -l <out)" -ge "$1" ]; }

@test "what is final already is told at once, and how it went" {
	local i=0 status
	for status in delivered read failed undelivered canceled partially_delivered; do
		row $((++i)) $status
	done
	run -0 --separate-stderr sms-wait -H r1 "$(sid 2)"
	[ "$(cut -f 1,2 <<<"$output")" = "#sid	status
$(sid 1)	delivered
$(sid 2)	read" ]
	for i in 3 4 5 6; do
		run -1 --separate-stderr sms-wait "$(sid $i)" r1
		[ "$(wc -l <<<"$output")" -eq 2 ]
		[ -z "$stderr" ]
	done
	# of a send that failed nothing was delivered
	run -65 --separate-stderr sms-wait </dev/null
	[ "$stderr" = 'sms-wait: standard input names no message: was none sent?' ]
}

@test "it waits for callbacks, and writes each as it becomes final" {
	row 1 queued
	row 2 sent
	waiting sms-wait -w 1m r1 "$(sid 2)"
	becomes 1 sent
	becomes 2 delivered
	until_true 10 has 1
	kill -0 $pid
	becomes 1 delivered
	status=0
	wait $pid || status=$?
	[ "$status" -eq 0 ]
	[ "$(cut -f 1,2,12 out)" = "$(sid 2)	delivered	r2
$(sid 1)	delivered	r1" ]
	[ ! -s said ]
}

@test "time runs out with 75, and what was final was told" {
	row 1 delivered
	row 2 sent
	run -75 --separate-stderr sms-wait -w 1s r1 r2
	[ "$(cut -f 12 <<<"$output")" = r1 ]
	[ "$stderr" = 'sms-wait: 1 of 2 messages are not final yet' ]
	becomes 2 delivery_unknown
	run -75 sms-wait -w 1s r2
}

@test "sms-send | sms-wait" {
	hook_start
	sim_start
	run -0 --separate-stderr bash -o pipefail -c 'printf "+1415555010%d\thello\n" 1 2 3 | sms-send -q | sms-wait -w 20s'
	[ "$(cut -f 2 <<<"$output" | xargs)" = 'delivered delivered delivered' ]
	# what never got a SID has its ref
	row 9 failed
	sql 'UPDATE messages SET twilio_message_sid = NULL WHERE id = 9'
	run -1 sms-wait < <(printf '\\N\tfailed\t21211\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr9\n')
	[ "$(cut -f 2,12 <<<"$output")" = 'failed	r9' ]
}

@test "records, SIDs and refs are read, and bad lines are named" {
	row 1 delivered
	row 2 delivered
	run -65 --separate-stderr sms-wait < <(printf '%s\nr2\tsent\n\\N\tsent\nr1' "$(sid 1)")
	[ "$(cut -f 12 <<<"$output" | xargs)" = 'r1 r2' ]
	[ "${stderr_lines[0]}" = 'sms-wait: line 3 has neither a SID nor a ref' ]
	[[ ${stderr_lines[1]} == 'sms-wait: line 4 cut short'* ]]
	run -1 --separate-stderr sms-wait r1 +447700900999
	[ "$(cut -f 12 <<<"$output")" = r1 ]
	[ "$stderr" = "sms-wait: no message '+4477…999'" ]
}

@test "it keeps nobody waiting, and ends when its reader has gone" {
	row 1 sent
	mkfifo pipe
	waiting sh -c 'sms-wait r1 >pipe'
	exec 7<pipe
	sleep 0.3
	[ "$(sql 'BEGIN IMMEDIATE; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')" = '0|0|0' ]
	exec 7<&-
	gone() { ! kill -0 $pid 2>/dev/null; }
	until_true 10 gone
	status=0
	wait $pid || status=$?
	[ "$status" -eq 141 ]
	[ ! -s said ]
}

@test "at a terminal numbers are masked" {
	row 1 delivered
	script -qec true /dev/null </dev/null >/dev/null || {
		echo '# no terminal to be had: masking was not tried' >&3
		return 0
	}
	script -qec 'sms-wait r1' /dev/null </dev/null | grep -F '+4477…123'
	sms-wait r1 | grep -F '+447700900123'
}

@test "wrong calls, no store, a full disk" {
	row 1 delivered
	for bad in -x '-w 5' '-w x r1'; do
		run -64 sms-wait $bad
	done
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-wait r1
	[[ $stderr == "sms-wait: no database at '$PWD/none.db': "* ]]
	run -74 --separate-stderr bash -c 'sms-wait r1 >/dev/full'
	[ "$stderr" = 'sms-wait: cannot write standard output: No space left on device' ]
}

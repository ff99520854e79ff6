load helper

setup() { common_setup; }
teardown() { common_teardown; }

later() { date -u -d "now + $1" +%Y-%m-%dT%H:%M:%SZ; }

# What the store says and what Twilio says, side by side: nothing differs.
same_as_truth() {
	settled
	simsql "SELECT sid, status, error_code FROM truth ORDER BY sid" >truth
	sql "SELECT twilio_message_sid, status, error_code FROM messages
		ORDER BY twilio_message_sid" | diff truth -
}

never_backwards() {
	[ "$(sql "SELECT count(*) FROM message_delivery_status AS h
		JOIN ladder AS o ON o.status = h.old_status
		WHERE h.outcome = 'applied' AND h.rank <= o.rank")" = 0 ]
}

@test "the main job: sent, called back, reconciled" {
	hook_start
	sim_start
	run -0 --separate-stderr sms-send +14155550100 'Your table is ready.'
	[ "$(cut -f 2 <<<"$output")" = queued ]
	# sms-hook takes in what it keeps by itself
	until_true 20 sh -c '[ "$(sqlite3 sms.db "SELECT status FROM messages")" = delivered ]'
	[ "$(sql "SELECT group_concat(status, ' ') FROM (SELECT status
		FROM message_delivery_status ORDER BY rank)")" = 'queued sent delivered' ]
	[ "$(sql "SELECT DISTINCT status FROM webhook_logs")" = success ]
	[ "$(sms-stuck -c -t "$(later 1day)")" = 0 ]
}

@test "a callback that overtakes the answer to its own request" {
	hook_start
	sim_start -f early=100
	sms-send +14155550100 early >sent
	# at its end nothing moves any more
	until_true 20 sh -c '[ "$(sqlite3 sim.db "SELECT status FROM truth")" = delivered ]'
	sim_settled
	same_as_truth
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
}

# The storm: whatever the network does to callbacks, one reconcile later the
# store tells what Twilio tells.
@test "300 messages, callbacks dropped, doubled, reordered, early: all come right" {
	hook_start
	sim_start -S storm -f drop=20,double=20,reorder=20,early=10,error=20
	seq -f '+1415555%04g	storm' 300 | sms-send >sent
	[ "$(wc -l <sent)" -eq 300 ]
	sim_clock 3h
	sim_settled 120
	[ "$(simsql 'SELECT count(*) FROM callback WHERE dropped')" -gt 30 ]
	settled
	before=$(sql "SELECT count(*) FROM messages WHERE status NOT IN
		('delivered', 'undelivered', 'failed')")
	[ "$before" -gt 0 ]
	run -0 --separate-stderr sms-reconcile -m 0 -t "$(later 3hours)"
	[ "$stderr" = '' ]
	[[ "$output" == "checked $before applied $before same 0 stale 0 unknown 0 failed 0" ]]
	same_as_truth
	never_backwards
	[ "$(sql "SELECT count(*) FROM messages WHERE status IN
		('failed', 'undelivered')")" -gt 20 ]
	[ "$(sql "SELECT count(*) FROM messages WHERE status IN
		('failed', 'undelivered') AND error_code IS NULL")" = 0 ]
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status <> 'success'")" = 0 ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
}

# The callbacks that the log holds, as the status records that they were.
replayed() {
	sql -separator $'\t' "SELECT created_at, params FROM webhook_logs
		WHERE status = 'success' ORDER BY id" | perl -F'\t' -lane '
		my %v = map { s/\+/ /g; s/%(..)/chr hex $1/ge; $_ }
			map { split /=/, $_, 2 } split /&/, $F[1];
		print join "\t", map { length ? $_ : "\\N" } @v{qw(MessageSid
			MessageStatus)}, $v{ErrorCode} // "", $F[0], "hook",
			@v{qw(To From)}, ("") x 6, $v{ErrorMessage} // ""'
}

# What callbacks tell of each message that one has told of.
as_told() {
	sql "SELECT twilio_message_sid, status, error_code, error_message, to_number,
		from_number, sent_at, delivered_at, failed_at FROM messages AS m
		WHERE EXISTS (SELECT 1 FROM webhook_logs AS l
			WHERE l.twilio_message_sid = m.twilio_message_sid)
		OR NOT EXISTS (SELECT 1 FROM webhook_logs) ORDER BY 1"
}

@test "what was called back, replayed into an empty store, makes the same messages" {
	hook_start
	sim_start -S replay -f double=20,reorder=20,early=10,error=20
	seq -f '+1415555%04g	replay' 100 | sms-send >/dev/null
	sim_clock 3h
	sim_settled 120
	settled
	replayed >records
	[ "$(wc -l <records)" -gt 200 ]
	as_told >before
	[ "$(wc -l <before)" -eq 100 ]
	[ "$(cut -d '|' -f 2 before | sort -u | wc -l)" -gt 1 ]
	SMS_DB=$PWD/again.db
	sms-apply -c <records >/dev/null
	as_told | diff before -
	# in any order, and twice, but for which final status comes first
	[ "$(sql "SELECT count(*) FROM message_delivery_status WHERE outcome = 'conflict'")" = 0 ]
	SMS_DB=$PWD/shuffled.db
	sort -R records records | sms-apply -c >/dev/null
	as_told | diff before -
}

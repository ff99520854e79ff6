load helper
load stub

# The table is kept right by what Twilio says, page by page, with no callback.

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	now=
}
teardown() { common_teardown; }

# The simulator's time, as all tools are to have it.
clock() {
	now=$(curl -fsS "$TWILIO_API_URL/sim/clock" | cut -d '"' -f 4)
}

# messages n seconds [offset]: as many at Twilio, made so many seconds after
# each other until now, sent at once and delivered; no row.  Their SIDs end in
# the numbers from 1 (or from offset + 1), the oldest first.
messages() {
	simsql "PRAGMA synchronous = OFF;
		INSERT INTO message (sid, account_sid, to_number, from_number,
			from_given, body, num_media, num_segments, created_ms,
			touched_ms, sent_ms, list_ms)
		SELECT printf('SM%032d', value + ${3:-0}),
			'$TWILIO_ACCOUNT_SID', '+1415' || (1000000 + value),
			'+15005550006', 1, 'hello', 0, 1, t, t, t + 1000, t + 1000
		FROM (SELECT value, (SELECT ms FROM now) - 60000 -
				($1 - value) * ($2 * 1000) AS t
			FROM generate_series(1, $1));
		INSERT OR IGNORE INTO step
			SELECT sid, 1, created_ms, 'queued', NULL FROM message;
		INSERT OR IGNORE INTO step
			SELECT sid, 2, sent_ms, 'sent', NULL FROM message;
		INSERT OR IGNORE INTO step
			SELECT sid, 3, sent_ms + 1000, 'delivered', NULL FROM message"
}

# open_records condition: status records of such messages, open.
open_records() {
	simsql -separator '	' "SELECT sid, 'queued', '\\N', '\\N', 'send',
		to_number, '\\N', '\\N', '\\N', '\\N', '\\N', 'ref of ' || id,
		strftime('%Y-%m-%dT%H:%M:%SZ', created_ms / 1000, 'unixepoch')
		FROM message WHERE $1 ORDER BY random()"
}

# open_rows condition: rows for them.
open_rows() {
	[ -e "$SMS_DB" ] || sms-apply </dev/null
	sql "ATTACH 'sim.db' AS sim;
		INSERT INTO messages (twilio_message_sid, ref, direction,
			to_number, status, created_at, updated_at)
		SELECT sid, 'ref of ' || id, 'outbound-api', to_number, 'queued',
			strftime('%Y-%m-%dT%H:%M:%SZ', created_ms / 1000, 'unixepoch'),
			strftime('%Y-%m-%dT%H:%M:%SZ', created_ms / 1000, 'unixepoch')
		FROM sim.message WHERE $1"
}

requests() { simsql "SELECT count(*) FROM request WHERE method = 'GET'"; }

# told file: each of the records is that of its line, once, and is true.
told() {
	cut -f 1,12 "$1" | diff - <(cut -f 1,12 <"$2")
	[ "$(cut -f 2 "$2" | sort -u)" = delivered ]
}

@test "10,000 open messages take eleven requests at most, in the order read" {
	sim_start
	messages 10000 30
	open_records 1 >open
	run -0 --separate-stderr sms-fetch -l -v -d 0 <open
	printf '%s\n' "$output" >got
	told open got
	[ "$(cut -f 5 got | sort -u)" = list ]
	[ "$(requests)" -le 11 ]
	[ "$stderr" = "sms-fetch: $(requests) requests, $(requests) of them for pages" ]
}

@test "100 open messages of a year take no more requests than there are" {
	sim_start
	messages 6000 5200
	open_records 'id % 60 = 7' >open
	sms-fetch -l -d 0 <open >got
	told open got
	[ "$(requests)" -le 8 ]
	# four of a page are as many as a page of the others
	sms-fetch -l -d 0 <<<"$(awk 'NR % 25 == 0' open)" >got
	[ "$(requests)" -le 12 ]
	# where there is little else, a page shows them all
	simsql 'DELETE FROM request; DELETE FROM message WHERE id % 60 <> 7'
	sms-fetch -l -d 0 <open >got
	told open got
	[ "$(requests)" = 1 ]
}

@test "few messages, or such of which no time is known, are asked for each" {
	sim_start
	messages 3000 3600
	open_records 'id IN (1, 1000, 2000, 2999)' >open
	sms-fetch -l -v -d 0 <open >got
	told open got
	[ "$(requests)" = 4 ]
	cut -f 1 open | sms-fetch -l -d 0 | cut -f 1,2 | diff - <(cut -f 1,2 got)
	sms-fetch -l -d 0 $(cut -f 1 open) | cut -f 1,2 | diff - <(cut -f 1,2 got)
	[ "$(requests)" = 12 ]
	run -0 sms-fetch -l </dev/null
	[ "$output" = '' ]
}

@test "those that no page shows are asked for, and pages that show none are not read on" {
	sim_start
	messages 2000 60
	# a third was never sent, and the list has it elsewhere
	simsql "UPDATE message SET sent_ms = NULL, list_ms = 0 WHERE id % 3 = 0;
		DELETE FROM step WHERE n > 1 AND sid IN
			(SELECT sid FROM message WHERE sent_ms IS NULL);
		UPDATE step SET status = 'failed' WHERE n = 1 AND sid IN
			(SELECT sid FROM message WHERE sent_ms IS NULL)"
	open_records 'id <= 1500' >open
	run -0 --separate-stderr sms-fetch -l -v -d 0 -j 8 <open
	printf '%s\n' "$output" >got
	cut -f 1,12 open | diff - <(cut -f 1,12 got)
	[ "$(cut -f 2,5 got | sort | uniq -c | tr -s ' \t\n' ' ')" = \
		' 1000 delivered list 500 failed fetch ' ]
	[ "$(requests)" -le 503 ]
	# and where none of them is ever listed, there is an end to hoping
	simsql 'DELETE FROM request'
	open_records 'id % 3 = 0' >open
	sms-fetch -l -d 0 -j 8 <open | cut -f 1 | diff - <(cut -f 1 open)
	[ "$(requests)" -le $(($(wc -l <open) + 3)) ]
}

@test "the list of one recipient is read where it is worth it" {
	sim_start
	messages 10000 60
	simsql "UPDATE message SET to_number = '+1415555000' || id / 100 % 10
		WHERE id % 100 = 0;
		UPDATE message SET sent_ms = NULL WHERE id = 100"
	open_records 'id % 1000 = 0' >open
	sms-fetch -l -d 0 <open >got
	cut -f 1,12 open | diff - <(cut -f 1,12 got)
	[ "$(requests)" -le 8 ]
}

@test "weather on the pages is waited for, and a list that cannot be read done without" {
	sim_start -S 27 -t 2026-01-15T12:00:00Z -f 429=20,500=10,cut=10,reset=10
	messages 3000 30
	# what fails is drawn by the URL, of which the times are a part: the same
	# ones each time, or sooner or later one fails six times in a row
	simsql "UPDATE message SET created_ms = created_ms / 10000 * 10000,
		sent_ms = sent_ms / 10000 * 10000, list_ms = list_ms / 10000 * 10000"
	open_records 1 >open
	run -0 --separate-stderr sms-fetch -l -d 0 -j 4 \
		-t 2026-01-15T12:01:00Z <open
	printf '%s\n' "$output" >got
	told open got
	[ "$stderr" = '' ]
	[ "$(requests)" -lt 100 ]
	[ "$(simsql "SELECT count(DISTINCT fault) FROM request")" = 4 ]
	stop "$SIM_PID"
	# nobody there: each has its record, and the wait is not one of hours
	run -75 --separate-stderr sms-fetch -l -d 0 -j 4 <open
	cut -f 1 open | diff - <(printf '%s\n' "$output" | cut -f 1)
	[ "$(printf '%s\n' "$output" | cut -f 2 | sort -u)" = '\N' ]
	[[ $stderr == 'sms-fetch: cannot list messages: '* ]]
	[[ $stderr == *'sms-fetch: Twilio cannot be reached: nothing more is asked for' ]]
	[ "$(wc -l <<<"$stderr")" -le 5 ]
	TWILIO_AUTH_TOKEN=wrong sim_start
	run -77 --separate-stderr sms-fetch -l -d 0 <open
	[ "$stderr" = 'sms-fetch: Twilio refuses the credentials: 20003 Authenticate' ]
	[ "$output" = '' ]
}

@test "-a tells of every message since then, the oldest first" {
	sim_start
	messages 2500 60
	clock
	run -0 --separate-stderr sms-fetch -a 119970s -v -d 0 -t "$now"
	printf '%s\n' "$output" | cut -f 1 | diff - <(simsql "SELECT sid FROM message
		WHERE id > 501 ORDER BY id")
	[ "$stderr" = 'sms-fetch: 2 requests, 2 of them for pages' ]
	[ "$(sms-fetch -a 10w -d 0 -t "$now" | wc -l)" = 2500 ]
	[ "$(sms-fetch -a 0s -d 0 -t "$now" | wc -l)" = 0 ]
	# what fails on the way leaves nothing half told
	answer 1 200 '{"messages":[{"sid":"SM00000000000000000000000000000001","status":"queued","date_created":"'"$(date -uR)"'"}],"next_page_uri":"/2010-04-01/more"}'
	answer 2 400 '{"code":21481,"message":"Invalid PageToken"}'
	stub_start
	run -69 --separate-stderr sms-fetch -a 10w -d 0
	[ "$output" = '' ]
	[ "$stderr" = 'sms-fetch: cannot list messages: 21481 Invalid PageToken' ]
	grep -F 'GET /2010-04-01/more ' asked
}

@test "-a names wrong ages and takes no SIDs" {
	for wrong in '-a' '-a x' '-a 1d -l' "-a 1d SM00000000000000000000000000000001" '-a 5'; do
		run -64 sms-fetch $wrong
	done
	# there is no store to ask how far back
	run -78 --separate-stderr sms-fetch -a open
	[[ $stderr == 'sms-fetch: no database at '* ]]
	[ ! -e "$SMS_DB" ]
}

@test "-a does not tell of what may be a message whose answer is awaited" {
	sim_start -f reset=100
	run -76 sms-send -q +14155550100 hello
	stop "$SIM_PID"
	sim_start
	sms-send -q +14155550101 hello
	sim_clock 1h
	clock
	sms-fetch -a 1d -d 0 -t "$now" | cut -f 6 >got
	[ "$(cat got)" = +14155550101 ]
	# once it is settled
	sms-stuck -t "$now" | sms-fetch -d 0 -t "$now" | sms-apply -t "$now"
	[ "$(sms-fetch -a 1d -d 0 -t "$now" | wc -l)" = 2 ]
}

@test "-a open tells of the open messages of the store, back to the oldest" {
	sim_start
	messages 3000 60
	open_rows 'id IN (5, 6, 2000, 2400, 3000)'
	clock
	sms-fetch -a open -v -d 0 -t "$now" >got 2>verbose
	# a page for the youngest two, one for the oldest two
	[ "$(cat verbose)" = 'sms-fetch: 3 requests, 2 of them for pages' ]
	[ "$(cut -f 12 got | sort)" = "$(printf 'ref of %s\n' 2000 2400 3000 5 6)" ]
	sms-apply -t "$now" <got >/dev/null
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivered ]
	# what was asked about a moment ago is not asked about again
	sql "UPDATE messages SET status = 'sent'"
	simsql 'DELETE FROM request'
	run -0 sms-fetch -a open -d 0 -t "$now"
	[ "$output" = '' ]
	[ "$(requests)" = 0 ]
	sim_clock 4m
	clock
	sms-fetch -a open -d 0 -t "$now" | sms-apply -t "$now" >/dev/null
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivered ]
}

# Rows that are not what they should have been at least five minutes ago.
late() {
	sql "ATTACH 'sim.db' AS sim;
		SELECT count(*) FROM sim.truth t
		LEFT JOIN messages m ON m.twilio_message_sid = t.sid
		WHERE m.status IS NOT t.status
			AND t.at_ms <= (SELECT ms FROM sim.now) - 300000"
}

# 125 messages in 5 minutes, or, with ALL=1, 5,000 in 20.
@test "with no callback at all the recipe of every minute has each row right in five" {
	local batch=25 batches=5 minute asked changes
	[ -z "${ALL:-}" ] || batch=250 batches=20
	# two minutes from one state to the next; every tenth fails
	sim_start -s 110000 -f drop=100,error=10
	for minute in $(seq $((batches + 9))); do
		clock
		if [ "$minute" -le "$batches" ]; then
			seq -f "+1415%07.0f	hello" $((minute * 1000)) \
				$((minute * 1000 + batch - 1)) |
				sms-send -t "$now" -j 4 >/dev/null
		fi
		sim_clock 60
		clock
		asked=$(requests)
		sms-fetch -a open -t "$now" | sms-apply -t "$now" >/dev/null
		asked=$(($(requests) - asked))
		changes=$(simsql "SELECT count(*) FROM step, now
			WHERE at_ms > ms - 60000 AND at_ms <= ms")
		echo "minute $minute: $asked requests, $changes changes," \
			"$(late) late" >>minutes
		[ "$(late)" = 0 ]
		[ "$asked" -le 2 ] || [ "$changes" -ge 1000 ]
	done
	[ -z "${ALL:-}" ] || cat minutes >&3
	[ "$(sql 'SELECT count(*) FROM messages')" = $((batch * batches)) ]
	[ "$(sql "ATTACH 'sim.db' AS sim; SELECT count(*) FROM messages m, sim.truth t
		WHERE t.sid = m.twilio_message_sid AND t.status = m.status")" = $((batch * batches)) ]
	[ "$(sql "SELECT count(*) FROM message_delivery_status WHERE outcome = 'conflict'")" = 0 ]
}

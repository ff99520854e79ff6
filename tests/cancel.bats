load helper
load stub

setup() {
	common_setup
	SERVICE=MG0123456789abcdef0123456789abcdef
}
teardown() { common_teardown; }

SID=SM0123456789abcdef0123456789abcdef

# scheduled n: that many messages wait at the simulator; sids names them.
scheduled() {
	local i at
	at=$(date -u -d '2 hours' +%Y-%m-%dT%H:%M:%SZ)
	for i in $(seq "$1"); do
		curl -fsS -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \
			-d "To=%2B1415555010$i" -d Body=Soon -d "SendAt=$at" \
			-d ScheduleType=fixed -d "MessagingServiceSid=$SERVICE" \
			"$TWILIO_API_URL/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json" |
			grep -oE '"sid": ?"SM[0-9a-f]{32}"' | grep -oE 'SM[0-9a-f]{32}'
	done >sids
	[ "$(wc -l <sids)" -eq "$1" ]
}

posts() { simsql "SELECT count(*) FROM request WHERE method = 'POST' AND path LIKE '%/SM%'"; }

@test "a scheduled message is called off, and the store told by sms-apply" {
	sim_start
	scheduled 2
	sms-apply </dev/null
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
		status, created_at, updated_at) VALUES ('$(head -n 1 sids)', 'r 1',
		'outbound-api', '+14155550101', 'scheduled', '2025', '2025')"
	run -0 --separate-stderr sms-cancel -H $(cat sids)
	[ "$stderr" = '' ]
	[[ ${lines[0]} == '#sid	status	error_code	at	source	'* ]]
	[ "$(tail -n +2 <<<"$output" | cut -f 1)" = "$(cat sids)" ]
	[ "$(tail -n +2 <<<"$output" | cut -f 2,3,5 | sort -u)" = "canceled	\\N	fetch" ]
	[ "$(head -n 1 sids | sms-cancel | sms-apply | cut -f 2-4)" = 'applied	scheduled	canceled' ]
	sim_clock 3h
	[ "$(simsql 'SELECT DISTINCT status FROM truth')" = canceled ]
}

@test "records are taken as well, and what they know passes through" {
	sim_start
	scheduled 1
	printf '# c\n%s\tscheduled\t\\N\t\\N\tsend\t+1999\t\\N\t\\N\t\\N\t\\N\t\\N\torder 7\n' \
		"$(cat sids)" | sms-cancel >told
	[ "$(cut -f 2,5,6,12 told)" = "canceled	fetch	+14155550101	order 7" ]
	sms-cancel </dev/null >none
	[ ! -s none ]
}

@test "canceling twice is harmless" {
	sim_start
	scheduled 1
	sms-cancel <sids >/dev/null
	run -0 --separate-stderr sms-cancel $(cat sids)
	[ "$stderr" = '' ]
	[ "$(cut -f 2,3 <<<"$output")" = 'canceled	\N' ]
}

@test "what no longer waits has its present status, and 1" {
	sim_start
	scheduled 1
	sim_clock 1d
	run -1 --separate-stderr sms-cancel $(cat sids)
	[ "$(cut -f 1,2,5 <<<"$output")" = "$(cat sids)	delivered	fetch" ]
	[ "$stderr" = "sms-cancel: cannot cancel '$(cat sids)': it is delivered" ]
}

@test "what Twilio does not have is delivery_unknown, and 1" {
	sim_start
	run -1 --separate-stderr sms-cancel $SID
	[ "$(cut -f 1-3 <<<"$output")" = "$SID	delivery_unknown	20404" ]
	[ "$stderr" = "sms-cancel: cannot cancel '$SID': 20404 Twilio has no such message" ]
}

@test "an unclear end is followed by a question, and that by another try" {
	answer 2 200 "$(message $SID scheduled)"
	answer 3 500 '{"code":20500,"message":"Internal"}'
	answer 4 200 "$(message $SID canceled)"
	stub_start
	run -0 --separate-stderr sms-cancel $SID
	[ "$stderr" = '' ]
	[ "$(cut -f 2 <<<"$output")" = canceled ]
	[ "$(grep -oE '^(GET|POST) |^Status=.*' asked | xargs)" = \
		'POST Status=canceled GET POST Status=canceled GET' ]
}

@test "what is no message is an unclear answer" {
	answer 1 200 '{"sid":"SM01'
	answer 2 200 "$(message $SID canceled)"
	stub_start
	run -0 --separate-stderr sms-cancel $SID
	[ "$(cut -f 2 <<<"$output")" = canceled ]
}

@test "what still waits after four tries is 75" {
	for i in 1 3 5 7; do
		answer $i 503 ''
		answer $((i + 1)) 200 "$(message $SID scheduled)"
	done
	stub_start
	run -75 --separate-stderr sms-cancel $SID
	[ "$(cut -f 2 <<<"$output")" = scheduled ]
	[ "$stderr" = "sms-cancel: cannot cancel '$SID': it is scheduled" ]
	[ "$(asked)" -eq 8 ]
}

@test "every message is canceled through all weather, in order" {
	sim_start
	scheduled 9
	stop "$SIM_PID"
	sim_start -f 429=20,500=10,500after=10,cut=10,reset=10
	run -0 --separate-stderr sms-cancel <sids
	[ "$stderr" = '' ]
	[ "$(cut -f 1 <<<"$output")" = "$(cat sids)" ]
	[ "$(cut -f 2 <<<"$output" | sort -u)" = canceled ]
	[ "$(simsql 'SELECT DISTINCT status FROM truth')" = canceled ]
	[ "$(posts)" -gt 9 ]
}

@test "another refusal is 69, and the rest goes on" {
	answer 1 400 '{"code":20422,"message":"No +14155550100 today"}'
	answer 2 404 '<h1>Not Found</h1>'
	answer 3 200 "$(message $SID canceled)"
	stub_start
	run -69 --separate-stderr sms-cancel $SID $SID $SID
	[ "$(cut -f 2,3,14 <<<"$output")" = '\N	20422	No +14155550100 today
\N	\N	HTTP 404
canceled	\N	\N' ]
	[ "$stderr" = "sms-cancel: cannot cancel '$SID': 20422 No +1415…100 today
sms-cancel: cannot cancel '$SID': HTTP 404" ]
}

@test "nobody listening is 75, with a record" {
	run -75 --separate-stderr sms-cancel $SID
	[ "$(cut -f 1,2,5 <<<"$output")" = "$SID	\\N	fetch" ]
	[[ $stderr == "sms-cancel: cannot cancel '$SID': "*connect* ]]
}

@test "refused credentials are 77, and nothing more is asked" {
	sim_start
	scheduled 2
	TWILIO_AUTH_TOKEN=ffffffffffffffffffffffffffffffff \
		run -77 --separate-stderr sms-cancel <sids
	[ "$output" = '' ]
	[[ $stderr == 'sms-cancel: Twilio refuses the credentials: 20003 '* ]]
	[[ $stderr != *fffff* ]]
}

@test "a bad line is named and the others are canceled, 65; a bad operand is 64" {
	sim_start
	scheduled 1
	run -65 --separate-stderr sms-cancel < <(echo hello; cat sids; echo '\N	x')
	[ "$(cut -f 1,2 <<<"$output")" = "$(cat sids)	canceled" ]
	[ "$stderr" = 'sms-cancel: line 1 does not begin with a message SID
sms-cancel: line 3 does not begin with a message SID' ]
	run -64 --separate-stderr sms-cancel $(cat sids) SM1
	[ "$stderr" = "sms-cancel: 'SM1' is no message SID" ]
	run -64 --separate-stderr sms-cancel -x
	unset TWILIO_ACCOUNT_SID
	run -78 --separate-stderr sms-cancel </dev/null
}

@test "a full disk is 74" {
	sim_start
	scheduled 1
	SIDS=$(cat sids) run -74 --separate-stderr bash -c 'sms-cancel $SIDS >/dev/full'
	[[ $stderr == *'standard output'* ]]
}

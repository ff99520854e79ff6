load helper
load stub

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
}
teardown() { common_teardown; }

SID=SM0123456789abcdef0123456789abcdef
SERVICE=MG0123456789abcdef0123456789abcdef
TO=+14155550100
RETRY='#rc=3&rp=ct,rt,5xx'

# posts: how many messages does the simulator have?
posts() {
	simsql 'SELECT count(*) FROM message'
}

@test "one message: sent, written down, told" {
	sim_start
	run -0 --separate-stderr sms-send -H -r order-7 $TO 'Your table is booked'
	[ "$stderr" = '' ]
	[[ ${lines[0]} == '#sid	status	'* ]]
	IFS=$'\t' read -r -a f <<<"${lines[1]}"
	[ "${#f[@]}" -eq 15 ]
	[[ ${f[0]} =~ ^SM[0-9a-f]{32}$ ]]
	[ "${f[1]} ${f[2]} ${f[4]}" = 'queued \N send' ]
	[ "${f[5]} ${f[6]} ${f[7]}" = "$TO $TWILIO_PHONE_NUMBER outbound-api" ]
	[ "${f[8]} ${f[11]} ${f[13]} ${f[14]}" = '1 order-7 \N \N' ]
	[ "$(sql -separator ' ' 'SELECT twilio_message_sid, ref, status, to_number,
		from_number, direction, body FROM messages')" = \
		"${f[0]} order-7 queued $TO $TWILIO_PHONE_NUMBER outbound-api Your table is booked" ]
	[ "$(simsql 'SELECT sid, to_number, from_number, body, status_callback FROM message')" = \
		"${f[0]}|$TO|$TWILIO_PHONE_NUMBER|Your table is booked|http://127.0.0.1:9/api/webhooks/twilio?ref=order-7$RETRY" ]
}

@test "the text may come on standard input, without its last newline" {
	sim_start
	printf 'Zwei Zeilen,\n50 %% \\ & = + ü 🎉\n\n' | sms-send $TO >record
	[ "$(simsql "SELECT replace(body, char(10), '/') FROM message")" = \
		'Zwei Zeilen,/50 % \ & = + ü 🎉/' ]
	printf 'no newline' | sms-send $TO >record
	[ "$(simsql 'SELECT body FROM message WHERE body LIKE "no%"')" = 'no newline' ]
	printf 'a\0b' >nul
	run -65 --separate-stderr sms-send $TO <nul
	[ "$stderr" = 'sms-send: text has a NUL byte' ]
	head -c 70000 /dev/zero | tr '\0' x >long
	run -65 sms-send $TO <long
	printf '\xff\n' >latin
	run -65 sms-send $TO <latin
	run -65 sms-send $TO </dev/null
	[ "$(posts)" = 2 ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 2 ]
}

@test "records are sent in order, with refs of their own or made ones" {
	sim_start
	cat >records <<-EOF
		# to	body	ref	media_url
		+14155550101	first
		+14155550102	two\tlines\nof text	my ref?
		+14155550103	\\N	pic/1	https://example.org/a.png
		whatsapp:+14155550104	hello	ref&4=#
	EOF
	run -65 --separate-stderr sms-send <records
	[ "$stderr" = 'sms-send: line 3: ref is not 1 to 100 printable characters without blanks' ]
	[ "$(cut -f 2,6 <<<"$output")" = "$(printf 'queued\t%s\n' +14155550101 \
		+14155550103 whatsapp:+14155550104)" ]
	[[ $(cut -f 12 <<<"${lines[0]}") =~ ^[0-9a-f]{32}$ ]]
	[ "$(cut -f 12 <<<"${lines[2]}")" = 'ref&4=#' ]
	[ "$(simsql "SELECT status_callback FROM message WHERE to_number LIKE 'whats%'")" = \
		"http://127.0.0.1:9/api/webhooks/twilio?ref=ref%264%3D%23$RETRY" ]
	[ "$(sql "SELECT ref, media_url, coalesce(body, '-') FROM messages WHERE media_url <> ''")" = \
		'pic/1|https://example.org/a.png|-' ]
	[ "$(cut -f 12 <<<"$output" | sort -u | wc -l)" -eq 3 ]
}

# bodies: what was posted.
bodies() { grep -v '^Auth\|^POST' asked; }

@test "the request holds what Twilio asks for and nothing else" {
	for i in 1 2 3 4; do answer $i 201 "$(message $SID queued)"; done
	stub_start
	sms-send -r r1 $TO 'a b&c' >record
	sms-send -r r2 -f 'ACME Inc' $TO x >record
	TWILIO_MESSAGING_SERVICE_SID=$SERVICE sms-send -r r3 $TO x >record
	TWILIO_MESSAGING_SERVICE_SID=MGffffffffffffffffffffffffffffffff \
		sms-send -r r4 -m $SERVICE $TO x >record
	[ "$(cut -f 7 record)" = $SERVICE ]
	callback=StatusCallback=http%3A%2F%2F127.0.0.1%3A9%2Fapi%2Fwebhooks%2Ftwilio%3Fref%3D
	retry=%23rc%3D3%26rp%3Dct%2Crt%2C5xx
	[ "$(bodies)" = "$(cat <<-EOF
		To=%2B14155550100&From=%2B15005550006&Body=a%20b%26c&${callback}r1$retry
		To=%2B14155550100&From=ACME%20Inc&Body=x&${callback}r2$retry
		To=%2B14155550100&MessagingServiceSid=$SERVICE&Body=x&${callback}r3$retry
		To=%2B14155550100&MessagingServiceSid=$SERVICE&Body=x&${callback}r4$retry
	EOF
	)" ]
	[ "$(grep '^POST' asked | sort -u)" = \
		"POST /2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json HTTP/1.1" ]
}

@test "options and several media URLs become parameters" {
	for i in 1 2 3 4; do answer $i 201 "$(message $SID queued)"; done
	stub_start
	sms-send -C -p 600 $TO x >record
	sms-send -Ce $TO x >record
	sms-send -C -m $SERVICE -a 2030-01-02T03:04:05Z $TO x >record
	printf "$TO\t\\\\N\t\\\\N\t https://a.example/1?b=c  http://a.example/2 \n" |
		sms-send -C >record
	[ "$(bodies)" = "$(cat <<-EOF
		To=%2B14155550100&From=%2B15005550006&Body=x&ValidityPeriod=600
		To=%2B14155550100&From=%2B15005550006&Body=x&SmartEncoded=true
		To=%2B14155550100&MessagingServiceSid=$SERVICE&Body=x&ScheduleType=fixed&SendAt=2030-01-02T03%3A04%3A05Z
		To=%2B14155550100&From=%2B15005550006&MediaUrl=https%3A%2F%2Fa.example%2F1%3Fb%3Dc&MediaUrl=http%3A%2F%2Fa.example%2F2
	EOF
	)" ]
}

# told setting...: the StatusCallback under that environment, decoded.
told() {
	rm -f answer.*
	answer 1 201 "$(message $SID queued)"
	stub_start
	env "$@" sms-send -r "told$((TOLD += 1))" $TO x >record
	printf '%b\n' "$(bodies | sed 's/.*StatusCallback=//; s/%/\\x/g')"
}

@test "the callback URL says how Twilio is to repeat it" {
	base=http://127.0.0.1:9/api/webhooks/twilio
	[ "$(told A=)" = "$base?ref=told1$RETRY" ]
	TOLD=1
	[ "$(told SMS_CALLBACK_RETRY=rc=5)" = "$base?ref=told2#rc=5" ]
	TOLD=2
	[ "$(told SMS_CALLBACK_RETRY=)" = "$base?ref=told3" ]
	TOLD=3
	echo 'SMS_CALLBACK_RETRY=' >conf
	[ "$(told SMS_CONF=conf)" = "$base?ref=told4" ]
	TOLD=4
	# a URL with a fragment of its own keeps it
	[ "$(told TWILIO_STATUS_CALLBACK='https://example.org/cb?a=1#rc=1')" = \
		'https://example.org/cb?a=1&ref=told5#rc=1' ]
	TOLD=5
	[ "$(told TWILIO_STATUS_CALLBACK='https://example.org/cb')" = \
		"https://example.org/cb?ref=told6$RETRY" ]
}

@test "without a callback no URL of ours is needed" {
	sim_start
	unset WEBHOOK_BASE_URL
	run -0 --separate-stderr sms-send -C $TO x
	[ "$stderr" = '' ]
	[ "$(simsql 'SELECT count(*), status_callback FROM message')" = '1|' ]
	run -78 --separate-stderr sms-send $TO x
	[[ $stderr == *'-C: it need not'* ]]
}

@test "no callback is missed that was not asked for" {
	local now
	sim_start -f drop=100
	sms-send -C $TO x | cut -f 1 >sids
	sms-send $TO y | cut -f 1 >>sids
	now=$(date -u -d '3 hours' +%Y-%m-%dT%H:%M:%SZ)
	sed 's/$/\tdelivered\t\\N\t2025-08-21T08:00:00Z\tfetch/' sids | sms-apply >/dev/null
	[ "$(sql "SELECT count(*) FROM messages WHERE status = 'delivered'")" = 2 ]
	[ "$(sql 'SELECT sum(n) FROM lost_callbacks')" = 1 ]
	run -2 sms-check -t "$now" callbacks
	[[ $output == *'none ever, and 1 messages made since'* ]]
}

@test "the row is there before Twilio is asked" {
	# the simulator's answer comes late; meanwhile the store is looked at
	sim_start -l 3000
	sms-send -r early $TO hello >record 3>&- &
	pid=$!
	until_true 10 eval '[ "$(sql "SELECT status FROM messages WHERE ref = '\''early'\''" 2>/dev/null)" = pending ]'
	[ ! -s record ]
	wait $pid
	[ "$(sql 'SELECT status FROM messages')" = queued ]
}

@test "a refusal makes the message failed, with Twilio's code and words" {
	answer 1 400 '{"code":21211,"message":"Invalid To: +14155550100"}'
	answer 2 400 '{"code":21610,"message":"Opted out"}'
	answer 3 403 '{"code":21408,"message":"No permission"}'
	answer 4 404 '{"code":20404,"message":"No such account"}'
	answer 5 201 "$(message $SID queued)"
	stub_start
	run -69 --separate-stderr sms-send $TO x
	[ "$(cut -f 1-3,14 <<<"$output")" = \
		"$(printf '\\N\tfailed\t21211\tInvalid To: +1415…100')" ]
	[ "$stderr" = 'sms-send: Twilio refused: 21211 Invalid To: +1415…100' ]
	[ "$(sql 'SELECT status, error_code, error_message FROM messages')" = \
		'failed|21211|Invalid To: +1415…100' ]
	printf '+1415555010%d\tx\n' 1 2 3 4 >records
	run -1 --separate-stderr sms-send <records
	[ "$(cut -f 2,3 <<<"$output")" = \
		"$(printf '%s\t%s\n' failed 21610 failed 21408 failed 20404 queued '\N')" ]
	[ "${stderr_lines[1]}" = 'sms-send: line 2: Twilio refused: 21408 No permission' ]
	[ "$(asked)" -eq 5 ]
}

@test "refused credentials end it with 77, and nothing more is sent" {
	sim_start
	printf "$TO\tx\n%.0s" 1 2 3 >records
	TWILIO_AUTH_TOKEN=00000000000000000000000000000000 \
		run -77 --separate-stderr sms-send <records
	[ "$(cut -f 2,3 <<<"$output")" = "$(printf 'failed\t20003')" ]
	[[ ${stderr_lines[0]} == 'sms-send: line 1: Twilio refuses the credentials: 20003 '* ]]
	[ "${stderr_lines[1]}" = 'sms-send: stopped: nothing behind line 1 was sent' ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 1 ]
}

@test "429 is repeated as Retry-After says: it was never processed" {
	answer 1 429 '{"code":20429,"message":"Too many"}' 'Retry-After: 2'
	answer 2 429 '<html>' 'Retry-After: 1'
	answer 3 201 "$(message $SID queued)"
	stub_start
	before=$(date +%s%3N)
	run -0 --separate-stderr sms-send $TO x
	[ $(($(date +%s%3N) - before)) -ge 3000 ]
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '%s\tqueued' $SID)" ]
	[ "$stderr" = '' ]
	[ "$(asked)" -eq 3 ]
}

@test "429 without end makes it failed, 75, and leaves what follows unsent" {
	sim_start -f 429=100
	printf "$TO\tx\tfirst\n$TO\ty\tsecond\n" >records
	run -75 --separate-stderr sms-send <records
	[ "$(cut -f 1-3,12 <<<"$output")" = "$(printf '\\N\tfailed\t20429\tfirst')" ]
	[[ ${stderr_lines[0]} == 'sms-send: line 1: never reached Twilio: 20429 '* ]]
	[ "${stderr_lines[1]}" = 'sms-send: stopped: nothing behind line 1 was sent' ]
	[ "$(sql 'SELECT ref, status, error_code, twilio_message_sid FROM messages')" = \
		'first|failed|20429|' ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 6 ]
}

@test "nobody listening makes it failed without a code, and is 75" {
	run -75 --separate-stderr sms-send $TO x
	[ "$(cut -f 1-3 <<<"$output")" = "$(printf '\\N\tfailed\t\\N')" ]
	[[ $(cut -f 14 <<<"$output") == *connect* ]]
	[[ $stderr == 'sms-send: never reached Twilio: '*connect* ]]
	[ "$(sql 'SELECT status, twilio_message_sid, error_code FROM messages')" = 'failed||' ]
}

@test "a certificate that nobody vouches for: nothing is sent" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost 2>openssl.err
	start socat -d -d "OPENSSL-LISTEN:0,bind=127.0.0.1,reuseaddr,fork,verify=0,cert=cert.pem,key=key.pem" \
		OPEN:got,creat,append
	until_true 10 grep -q 'listening on' socat.err
	TWILIO_API_URL=https://localhost:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
	run -75 --separate-stderr sms-send $TO x
	[ "$(cut -f 2 <<<"$output")" = failed ]
	[[ $stderr == 'sms-send: never reached Twilio: '*certificate* ]]
	[ ! -s got ]
}

# unclear fault...: each message is taken or not, and nobody can tell; it is
# asked for once.
unclear() {
	sim_start -f "$1=100"
	run -76 --separate-stderr sms-send -r "$1" $TO "$1"
	[ "$(cut -f 1,2,12 <<<"$output")" = "$(printf '\\N\tambiguous\t%s' "$1")" ]
	[[ $stderr == 'sms-send: may have been sent, or not: '* ]]
	[ "$(sql "SELECT status FROM messages WHERE ref = '$1'")" = ambiguous ]
	[ "$(simsql "SELECT count(*) FROM request WHERE method = 'POST'")" = 1 ]
	stop "$SIM_PID"
	rm -f sim.db*
}

@test "reset, 5xx, cut and late answers are ambiguous, 76, and never repeated" {
	unclear reset
	unclear resetbefore
	unclear 500
	unclear 500after
	unclear cut
	export SMS_TIMEOUT=1
	unclear slow
}

@test "answers that prove nothing are ambiguous" {
	answer 1 400 '<h1>Bad Request</h1>'
	answer 2 302 '' 'Location: /elsewhere'
	answer 3 201 '{}'
	answer 4 408 '{"code":20408,"message":"x"}'
	answer 5 201 "$(message "${SID}0" queued)"
	stub_start
	printf "$TO\tx\n%.0s" 1 2 3 4 5 >records
	run -76 --separate-stderr sms-send <records
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '\\N\tambiguous\n%.0s' 1 2 3 4 5)" ]
	[ "$(asked)" -eq 5 ]
}

@test "a kept connection that ends without an answer is no reason to post again" {
	# libcurl would repeat such a request by itself
	answer 1 201 "$(message $SID queued)"
	: >answer.2
	answer 3 201 "$(message ${SID%f}e queued)"
	: >answer.4
	answer 5 201 "$(message ${SID%f}d queued)"
	stub_start
	for i in 1 2 3 4 5; do
		printf '+1415555010%d\tx\n' $i
	done >records
	run -76 --separate-stderr sms-send <records
	[ "$(cut -f 2 <<<"$output" | xargs)" = 'queued ambiguous queued ambiguous queued' ]
	[ "${stderr_lines[0]}" = \
		'sms-send: line 2: may have been sent, or not: connection lost after the request' ]
	[ "$(sed -n 's/^To=%2B\([0-9]*\).*/\1/p' asked | xargs)" = \
		'14155550101 14155550102 14155550103 14155550104 14155550105' ]
}

@test "in a storm no message is posted twice, and each has its row" {
	sim_start -f 429=20,500=5,500after=5,reset=10,resetbefore=5,cut=5
	for i in $(seq 60); do
		printf '+1415555%04d\tmessage %d\tref-%d\n' "$i" "$i" "$i"
	done >records
	run -76 --separate-stderr sms-send <records
	[ "${#lines[@]}" -eq 60 ]
	[ "$(cut -f 12 <<<"$output")" = "$(cut -f 3 records)" ]
	[ "$(simsql 'SELECT count(*) FROM (SELECT 1 FROM message GROUP BY to_number HAVING count(*) > 1)')" = 0 ]
	# what we know was sent was sent, with the SID we know
	sql -separator ' ' "SELECT twilio_message_sid, to_number FROM messages
		WHERE status = 'queued' ORDER BY 1" >ours
	simsql -separator ' ' 'SELECT sid, to_number FROM message ORDER BY 1' >theirs
	[ -s ours ]
	[ "$(comm -23 ours theirs)" = '' ]
	[ "$(sql "SELECT count(*) FROM messages WHERE status IN ('queued', 'ambiguous')")" = 60 ]
	# and the rest is known not to be known
	[ "$(($(wc -l <theirs) - $(wc -l <ours)))" -le \
		"$(sql "SELECT count(*) FROM messages WHERE status = 'ambiguous'")" ]
}

@test "a ref is sent once; the second time its present record is written" {
	sim_start
	sms-send -r once $TO x >record
	run -0 --separate-stderr sms-send -r once $TO x
	[ "$(cut -f 1,2,5,6,12 <<<"$output")" = "$(cut -f 1,2,5,6,12 record)" ]
	[ "$stderr" = '' ]
	echo "$(cut -f 1 record)	delivered	\\N	$(cut -f 4 record)	fetch" |
		sms-apply >outcome
	printf "$TO\tx\tonce\n$TO\ty\ttwice\n$TO\tz\ttwice\n" >records
	run -0 --separate-stderr sms-send <records
	[ "$(cut -f 2,12 <<<"$output")" = \
		"$(printf '%s\t%s\n' delivered once queued twice queued twice)" ]
	[ "$stderr" = '' ]
	[ "$(posts)" = 2 ]
}

@test "a ref that failed or is ambiguous is not sent again either" {
	answer 1 400 '{"code":21211,"message":"Invalid"}'
	: >answer.2
	stub_start
	run -69 sms-send -r no $TO x
	run -0 --separate-stderr sms-send -r no $TO x
	[ "$(cut -f 2,3,14 <<<"$output")" = "$(printf 'failed\t21211\tInvalid')" ]
	run -76 sms-send -r who $TO x
	run -76 --separate-stderr sms-send -r who $TO x
	[ "$(cut -f 1,2,12 <<<"$output")" = "$(printf '\\N\tambiguous\twho')" ]
	[ "$stderr" = \
		"sms-send: ref 'who' may have been sent, or not: sms-reconcile finds out" ]
	[ "$(asked)" -eq 2 ]
}

# --- -k: the same input again ---

@test "with -k an input can be given again: only what is missing is sent" {
	sim_start
	cat >list <<-EOF
		+14155550101	Doors open at 7
		+14155550102	Doors open at 7
		+14155550101	Doors open at 7
		+14155550103	\\N	\\N	https://example.org/a.png
		+14155550103	\\N	\\N	https://example.org/b.png
		+14155550104	with a ref	own-ref
	EOF
	head -n 2 list | sms-send -k spring >first
	[[ $(head -n 1 first | cut -f 12) =~ ^spring-[0-9a-f]{24}-1$ ]]
	run -0 --separate-stderr sms-send -k spring <list
	[ "$stderr" = '' ]
	[ "$(posts)" = 6 ]
	[ "$(head -n 2 <<<"$output" | cut -f 1,12)" = "$(cut -f 1,12 first)" ]
	[ "$(cut -f 12 <<<"$output" | tail -n 1)" = own-ref ]
	# the third line is the first once more
	ref=$(head -n 1 first | cut -f 12)
	[ "$(sed -n 3p <<<"$output" | cut -f 12)" = "${ref%-1}-2" ]
	echo "$output" | sort >all
	# the order does not matter
	sort -r list | sms-send -k spring | sort | cut -f 1,2,6,12 |
		diff <(cut -f 1,2,6,12 all) -
	[ "$(posts)" = 6 ]
	# another name, another series; and what was added is sent
	sms-send -k autumn $TO 'Doors open at 7' >record
	echo '+14155550105	new' | cat list - | sms-send -k spring >record
	[ "$(posts)" = 8 ]
}

@test "with -k what never reached Twilio is sent again, as ~2, ~3 and so on" {
	printf '+14155550101\tx\n+14155550102\ty\town\n' >list
	run -75 --separate-stderr sms-send -k s <list
	ref=$(cut -f 12 <<<"$output")
	[[ $ref == s-*-1 ]]
	sim_start
	TWILIO_AUTH_TOKEN=00000000000000000000000000000000 \
		run -77 --separate-stderr sms-send -k s <list
	[ "$(cut -f 2,3,12 <<<"$output")" = "$(printf 'failed\t20003\t%s~2' "$ref")" ]
	run -0 --separate-stderr sms-send -k s <list
	[ "$(cut -f 2,12 <<<"$output")" = \
		"$(printf 'queued\t%s\n' "$ref~3" own)" ]
	[ "$stderr" = '' ]
	run -0 --separate-stderr sms-send -k s <list
	[ "$(cut -f 2,12 <<<"$output")" = \
		"$(printf 'queued\t%s\n' "$ref~3" own)" ]
	[ "$(posts)" = 2 ]
	[ "$(sql "SELECT ref, status FROM messages WHERE ref <> 'own' ORDER BY id")" = \
		"$(printf '%s|%s\n' "$ref" failed "$ref~2" failed "$ref~3" queued)" ]
}

@test "with -k neither a refusal nor an unclear message is sent again" {
	answer 1 400 '{"code":21211,"message":"Invalid"}'
	: >answer.2
	answer 3 201 "$(message $SID queued)"
	stub_start
	printf '%s\tx\n' +14155550101 +14155550102 +14155550103 >list
	run -76 sms-send -k s <list
	run -76 --separate-stderr sms-send -k s <list
	[ "$(cut -f 2,3 <<<"$output")" = "$(printf '%s\t%s\n' failed 21211 \
		ambiguous '\N' queued '\N')" ]
	[[ $stderr == "sms-send: line 2: ref 's-"*"-1' may have been sent, or not: "* ]]
	[ "$(asked)" -eq 3 ]
}

@test "wrong recipients are named by line and the others sent" {
	sim_start
	printf '%s\thello\n' 14155550100 +1 +141555501001234567890 '+1415555 0100' \
		+0415555010 whatsapp: x $TO '' 'whatsapp:+1 2' >records
	run -65 --separate-stderr sms-send <records
	[ "$(cut -f 6 <<<"$output")" = $TO ]
	[ "$(sed -n 's/.*line \([0-9]*\): .*/\1/p' <<<"$stderr" | xargs)" = '1 2 3 4 5 6 7 9 10' ]
	[[ $stderr != *4155550100* ]]
	run -65 --separate-stderr sms-send 14155550100 hello
	[ "$stderr" = 'sms-send: recipient is not + and 7 to 15 digits, nor a channel address' ]
	run -65 --separate-stderr sms-send $TO ''
	[ "$stderr" = 'sms-send: neither a text nor media' ]
	[ "$(posts)" = 1 ]
}

@test "lines that are no records are named and the others sent" {
	sim_start
	{
		printf '%s\tone\n' $TO
		printf '%s\t\xff\n' $TO
		printf '%s\ta\0b\n' $TO
		printf '%s\t\\x\n' $TO
		head -c 10000000 /dev/zero | tr '\0' x
		printf '\n%s\ttwo\n' $TO
		printf '%s\tcut off' $TO
	} >records
	run -65 --separate-stderr sms-send <records
	[ "$(sed 's/sms-send: line \([^ ]*\) .*/\1/' <<<"$stderr" | xargs)" = '2 3 4 5 7' ]
	[ "$(simsql 'SELECT body FROM message ORDER BY body')" = "$(printf 'one\ntwo')" ]
}

@test "missing and wrong settings are named, with 78, before anything is sent" {
	sim_start
	for name in TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN WEBHOOK_BASE_URL; do
		run -78 env -u $name sms-send $TO x
		[[ $output == "sms-send: $name is not set"* ]]
	done
	run -78 env -u TWILIO_PHONE_NUMBER sms-send $TO x
	[[ $output == *'TWILIO_MESSAGING_SERVICE_SID'*'TWILIO_PHONE_NUMBER'* ]]
	TWILIO_MESSAGING_SERVICE_SID=MG1 run -78 sms-send $TO x
	[[ $output == *'TWILIO_MESSAGING_SERVICE_SID is not MG'* ]]
	TWILIO_API_URL=http://api.twilio.com run -78 sms-send $TO x
	[[ $output == *'TWILIO_API_URL is not https'* ]]
	[ ! -e "$SMS_DB" ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 0 ]
}

@test "no row, no message: a store that cannot be written stops it" {
	sim_start
	SMS_DB=$PWD/no/such/dir/sms.db run -78 sms-send $TO x
	[[ $output == *"no/such/dir/sms.db"* ]]
	mkdir a.db
	SMS_DB=$PWD/a.db run -74 sms-send $TO x
	echo 'not a database, but a file that is long enough to look like one' >text.db
	SMS_DB=$PWD/text.db run -74 sms-send $TO x
	[ "$(simsql 'SELECT count(*) FROM request')" = 0 ]
}

@test "a full disk behind standard output is 74; the row knows what was sent" {
	sim_start
	printf "$TO\tone\n$TO\ttwo\n" >records
	run -74 --separate-stderr sh -c 'sms-send <records >/dev/full'
	[ "$stderr" = 'sms-send: stopped: nothing behind line 1 was sent
sms-send: cannot write standard output: No space left on device' ]
	[ "$(sql 'SELECT status, twilio_message_sid IS NOT NULL FROM messages')" = 'queued|1' ]
	[ "$(posts)" = 1 ]
}

@test "each record is out before the next message is read" {
	sim_start
	mkfifo lines records
	sms-send <lines >records 3>&- &
	pid=$!
	exec 7>lines 8<records
	for i in 1 2 3; do
		printf '%s\tnumber %d\n' $TO $i >&7
		IFS=$'\t' read -r -t 20 sid status _ <&8
		[ "$status" = queued ]
		[ "$(simsql "SELECT sid FROM message WHERE body = 'number $i'")" = "$sid" ]
	done
	exec 7>&- 8<&-
	wait $pid
}

# --- before sending ---

@test "-n shows segments, encoding and what forces UCS-2, and needs no account" {
	unset TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN TWILIO_PHONE_NUMBER WEBHOOK_BASE_URL
	cat >records <<-EOF
		# to	body
		+14155550101	plain {braces}
		+14155550102	\u201cQuotes\u201d \u201cagain\u201d, \u00a0, \u4e2d
		+14155550103	\\N	\\N	https://example.org/a.png
		whatsapp:+14155550104	\ue000
		+14155550105	$(printf '%0161d' 0)
	EOF
	printf "$(<records)\n" >records
	run -0 --separate-stderr sms-send -nH <records
	[ "$stderr" = '' ]
	diff <(echo "$output") - <<-EOF
		#to	segments	encoding	units	forcing
		+14155550101	1	GSM-7	16	\N
		+14155550102	1	UCS-2	22	U+201C LEFT DOUBLE QUOTATION MARK, U+201D RIGHT DOUBLE QUOTATION MARK, U+00A0 NO-BREAK SPACE, U+4E2D
		+14155550103	\N	\N	\N	\N
		whatsapp:+14155550104	1	UCS-2	1	U+E000
		+14155550105	2	GSM-7	161	\N
	EOF
	run -0 --separate-stderr sms-send -n $TO Hello
	[ "$output" = "$TO	1	GSM-7	5	\N" ]
	run -65 --separate-stderr sms-send -n -s 1 <records
	[ "${#lines[@]}" -eq 4 ]
	[ "$stderr" = 'sms-send: line 6: text takes more segments than -s allows' ]
	[ ! -e "$SMS_DB" ]
}

@test "-s refuses what takes more segments; the count is in record and row" {
	sim_start
	printf '%s\t%s\n' $TO "$(printf '%0160d' 0)" $TO "$(printf '%0161d' 0)" \
		$TO "$(printf '%070d' 0 | sed 's/0/ø/; s/0/中/')" \
		$TO "$(printf '%071d' 0 | sed 's/0/中/')" >records
	run -65 --separate-stderr sms-send -s 1 <records
	[ "$(cut -f 9 <<<"$output")" = "$(printf '1\n1')" ]
	[ "$stderr" = "$(printf 'sms-send: line %d: text takes more segments than -s allows\n' 2 4)" ]
	run -0 --separate-stderr sms-send -s 2 <records
	[ "$(sql 'SELECT segments FROM messages ORDER BY id' | xargs)" = '1 1 1 2 1 2' ]
}

@test "a text has at most 1600 characters, whatever their bytes" {
	sim_start
	long=$(printf '%01600d' 0 | sed 's/0/ü/g')
	sms-send $TO "$long" >record
	run -0 sms-send -n $TO "$long"
	[ "$output" = "$TO	11	GSM-7	1600	\N" ]
	run -65 --separate-stderr sms-send $TO "${long}ü"
	[ "$stderr" = 'sms-send: text is longer than 1600 characters' ]
	[ "$(posts)" = 1 ]
}

@test "media are 1 to 10 http URLs" {
	sim_start
	ten=$(printf 'https://example.org/%d ' 1 2 3 4 5 6 7 8 9 10)
	printf '%s\thello\t\\N\t%s\n' $TO "$ten" $TO "$ten http://a.example/11" \
		$TO ftp://example.org/a $TO 'https://example.org/a b' >records
	run -65 --separate-stderr sms-send <records
	[ "${#lines[@]}" -eq 1 ]
	[ "$stderr" = "$(cat <<-EOF
		sms-send: line 2: more than 10 media URLs
		sms-send: line 3: media is not an http or https URL
		sms-send: line 4: media is not an http or https URL
	EOF
	)" ]
}

@test "senders are checked" {
	sim_start
	for from in +15005550010 12345 ACME 'Ac me+-_&1' whatsapp:+15005550006; do
		run -0 sms-send -f "$from" $TO x
	done
	for from in 15005550006 +1 12 123456789 '' 'ACME Incorporated' 'ÄCME' \
	    whatsapp: 'a\b'; do
		run -64 --separate-stderr sms-send -f "$from" $TO x
		shown=${from/15005550006/1500…006}
		shown=${shown/123456789/12…789}
		[ "$stderr" = "sms-send: -f: '$shown' is no number (+ and 7 to 15 digits), short code, sender id or channel address" ]
	done
	run -64 --separate-stderr sms-send -m MG1 $TO x
	[ "$stderr" = "sms-send: -m: 'MG1' is not MG and 32 hexadecimal digits" ]
	[ "$(posts)" = 5 ]
}

@test "who has opted out is not written to, and Twilio not asked" {
	sim_start
	sms-optout -a $TO
	run -69 --separate-stderr sms-send -r gone $TO x
	[ "$(cut -f 1-3,6,12 <<<"$output")" = \
		"$(printf '\\N\tfailed\t21610\t%s\tgone' $TO)" ]
	[ "$stderr" = 'sms-send: not sent: 21610 the recipient has opted out' ]
	[ "$(sql 'SELECT ref, status, error_code FROM messages')" = 'gone|failed|21610' ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 0 ]
	# another sender may
	run -0 sms-send -m $SERVICE $TO x
	sms-optout -a $TO $SERVICE
	run -69 sms-send -m $SERVICE $TO x
	[ "$(posts)" = 1 ]
}

# --- brakes ---

@test "SMS_MAX_PER_DAY stops the run: no row, 75; the next day it goes on" {
	sim_start
	export SMS_MAX_PER_DAY=3
	printf '+1415555010%d\tx\n' 1 2 3 4 5 >list
	run -75 --separate-stderr sms-send -k s -t 2026-11-23T23:59:59Z <list
	[ "$(cut -f 6 <<<"$output" | xargs)" = '+14155550101 +14155550102 +14155550103' ]
	[ "$stderr" = "$(cat <<-EOF
		sms-send: line 4: not sent: SMS_MAX_PER_DAY is reached
		sms-send: stopped: nothing behind line 4 was sent
	EOF
	)" ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 3 ]
	run -75 --separate-stderr sms-send -t 2026-11-23T23:59:59Z $TO x
	[ "$output" = '' ]
	[ "$stderr" = 'sms-send: not sent: SMS_MAX_PER_DAY is reached' ]
	run -0 sms-send -k s -t 2026-11-24T00:00:00Z <list
	[ "${#lines[@]}" -eq 5 ]
	[ "$(posts)" = 5 ]
}

@test "those before SMS_MAX_PER_DAY go out, and each one it holds back is named" {
	sim_start
	export SMS_MAX_PER_DAY=2
	printf '+1415555010%d\tx\n' 1 2 3 4 5 6 >list
	run -75 --separate-stderr sms-send -j 4 <list
	[ "${#lines[@]}" -eq 2 ]
	last=$(sed -n 's/.*nothing behind line \([0-9]\) .*/\1/p' <<<"$stderr")
	[ "$(grep -c 'not sent: SMS_MAX_PER_DAY' <<<"$stderr")" -eq $((${last:-6} - 2)) ]
	[ "$(posts)" = 2 ]
}

@test "SMS_MAX_PER_RECIPIENT_PER_DAY passes over one recipient: no row, 75" {
	sim_start
	export SMS_MAX_PER_RECIPIENT_PER_DAY=1
	printf '%s\tx\n' +14155550101 +14155550101 +14155550102 >list
	run -75 --separate-stderr sms-send <list
	[ "$(cut -f 6 <<<"$output" | xargs)" = '+14155550101 +14155550102' ]
	[ "$stderr" = \
		'sms-send: line 2: not sent: SMS_MAX_PER_RECIPIENT_PER_DAY is reached' ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 2 ]
	for wrong in 0 -1 x 1.5; do
		SMS_MAX_PER_RECIPIENT_PER_DAY=$wrong run -78 sms-send <list
		[[ $output == *"SMS_MAX_PER_RECIPIENT_PER_DAY is not a number above 0: '$wrong'" ]]
		SMS_MAX_PER_DAY=$wrong run -78 sms-send <list
	done
	[ "$(posts)" = 2 ]
}

# --- several at a time ---

under_way() {
	[ "$(sql "SELECT count(*) FROM messages WHERE status = 'pending'" \
		2>sql.err)" = "$1" ]
}

@test "-j: as many are under way at once" {
	sim_start -l 2000
	for i in 1 2 3 4 5 6; do printf '%s\tx\n' "+1415555010$i"; done >list
	sms-send -j 4 <list >records 3>&- &
	pid=$!
	until_true 10 under_way 4
	[ ! -s records ]
	wait $pid
	[ "$(cut -f 6 records)" = "$(cut -f 1 list)" ]
}

@test "-j: records come in the order read, whatever the answers do" {
	sim_start -f 429=40
	for i in $(seq 60); do
		printf '+1415555%04d\tx\tref-%d\n' "$i" "$i"
	done >list
	sms-send <<<"+14155559999	x	ref-30" >record
	sms-send -j 16 <list >records
	[ "$(cut -f 12 records)" = "$(cut -f 3 list)" ]
	[ "$(cut -f 2 records | sort -u)" = queued ]
	[ "$(posts)" = 60 ]
}

@test "-R: so many a second and no more" {
	sim_start
	for i in 1 2 3 4 5; do printf '%s\tx\n' "+1415555010$i"; done >list
	before=$(date +%s%3N)
	sms-send -j 5 -R 4 <list >records
	[ $(($(date +%s%3N) - before)) -ge 1000 ]
	[ "$(wc -l <records)" -eq 5 ]
}

@test "progress is for a terminal, and only if it takes long" {
	sim_start -l 800
	# a chroot may have no pseudo-terminals to give
	script -qec true screen </dev/null || {
		echo '# no terminal to be had: progress was not tried' >&3
		return 0
	}
	for i in 1 2 3 4 5; do printf '%s\tx\n' "+1415555010$i"; done >list
	script -qec 'sms-send <list >records' screen </dev/null
	grep -q 'sms-send: [1-5] sent' screen
	grep -q $'\033\\[K' screen
	[ "$(wc -l <records)" -eq 5 ]
	script -qec 'sms-send -q <list >records' quiet </dev/null
	run ! grep -q sent quiet
	[ "$(wc -l <records)" -eq 5 ]
	run -0 --separate-stderr sms-send <list
	[ "$stderr" = '' ]
}

# --- the end ---

@test "SIGTERM and SIGINT end it while it waits for input, with 75" {
	sim_start
	mkfifo lines
	for signal in TERM INT; do
		sms-send -k s <lines >records 2>err 3>&- &
		pid=$!
		exec 7>lines
		printf '%s\tx\n' $TO >&7
		until_true 10 [ -s records ]
		kill -$signal $pid
		status=0
		wait $pid || status=$?
		exec 7>&-
		[ "$status" -eq 75 ]
		[ "$(<err)" = 'sms-send: stopped: nothing behind line 1 was sent' ]
	done
	[ "$(posts)" = 1 ]
}

@test "what is under way at a SIGTERM is recorded; of one message that is all" {
	sim_start -l 2000
	sms-send $TO x >record 3>&- &
	pid=$!
	until_true 10 under_way 1
	kill -TERM $pid
	wait $pid
	[ "$(cut -f 2 record)" = queued ]
}

# --- the rest of the resource ---

@test "a scheduled message waits at Twilio, by a service only" {
	sim_start -t 2026-11-23T00:00:00Z
	at=2026-11-24T06:00:00Z
	run -0 --separate-stderr sms-send -m $SERVICE -a $at $TO x
	[ "$(cut -f 2 <<<"$output")" = scheduled ]
	[ "$(sql 'SELECT status, send_at FROM messages')" = "scheduled|$at" ]
	[ "$(simsql 'SELECT status FROM truth')" = scheduled ]
	run -64 --separate-stderr sms-send -a $at $TO x
	[ "$stderr" = 'sms-send: -a needs a messaging service (-m)' ]
	TWILIO_MESSAGING_SERVICE_SID=$SERVICE run -0 sms-send -a $at $TO x
	run -64 sms-send -m $SERVICE -a tomorrow $TO x
	[ "$(posts)" = 2 ]
}

@test "-t is the time that is written down" {
	sim_start
	sms-send -t 2026-01-02T03:04:05Z $TO x >record
	[ "$(sql 'SELECT created_at FROM messages')" = 2026-01-02T03:04:05Z ]
	stop "$SIM_PID"
	run -75 --separate-stderr sms-send -t 2026-01-02T03:04:06Z $TO x
	[ "$(cut -f 4 <<<"$output")" = 2026-01-02T03:04:06Z ]
}

@test "a proxy that lets nothing through is no reason to doubt" {
	# edge and region name the host; the proxy is asked for it, and no more
	answer 0 403 ''
	stub_start
	unset TWILIO_API_URL
	https_proxy=$(sed -n 's/.*listening on .*\(127.*\)$/http:\/\/\1/p' socat.err | head -n 1)
	export https_proxy TWILIO_EDGE=dublin TWILIO_REGION=ie1
	run -75 --separate-stderr sms-send $TO x
	[ "$(cut -f 1-3 <<<"$output")" = "$(printf '\\N\tfailed\t\\N')" ]
	[ "$(grep ^CONNECT asked | sort -u)" = \
		'CONNECT api.dublin.ie1.twilio.com:443 HTTP/1.1' ]
	run ! grep -q '^Auth\|Body' asked
}

@test "options are checked" {
	run -0 sms-send -h
	[ "$output" = "$(cat <<-EOF
		usage: sms-send [-CeHnq] [-a time] [-f from | -m service] [-j jobs] [-k name]
		                [-p seconds] [-R rate] [-r ref] [-s max] [-t now] [to [body]]
	EOF
	)" ]
	run -0 sms-send -V
	[[ $output == 'sms-send '[0-9]* ]]
	for wrong in -x '-f +15005550006 -m MG0123456789abcdef0123456789abcdef' \
	    '-r ref' "$TO a b" "-m MG1 $TO x" "-k a -r b $TO x" "-k a/b $TO x" \
	    "-k $(printf '%041d' 0) $TO x" "-j 0 $TO x" "-j 101 $TO x" \
	    "-p 0 $TO x" "-p 36001 $TO x" "-R 0 $TO x" "-R 1001 $TO x" \
	    "-s 0 $TO x" "-t yesterday $TO x" "-a 2026-11-23 $TO x"; do
		echo "$wrong"
		run -64 sms-send $wrong </dev/null
	done
	run -64 --separate-stderr sms-send -k 'spring!' $TO x
	[ "$stderr" = "sms-send: -k takes 1 to 40 letters, digits, '-', '_' and '.', not 'spring!'" ]
	[ ! -e "$SMS_DB" ]
}

load helper
load stub

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
}
teardown() { common_teardown; }

SID=SM0123456789abcdef0123456789abcdef
TO=+14155550100

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
	[ "${#f[@]}" -eq 14 ]
	[[ ${f[0]} =~ ^SM[0-9a-f]{32}$ ]]
	[ "${f[1]} ${f[2]} ${f[4]}" = 'queued \N send' ]
	[ "${f[5]} ${f[6]} ${f[7]}" = "$TO $TWILIO_PHONE_NUMBER outbound-api" ]
	[ "${f[11]} ${f[13]}" = 'order-7 \N' ]
	[ "$(sql -separator ' ' 'SELECT twilio_message_sid, ref, status, to_number,
		from_number, direction, body FROM messages')" = \
		"${f[0]} order-7 queued $TO $TWILIO_PHONE_NUMBER outbound-api Your table is booked" ]
	[ "$(simsql 'SELECT sid, to_number, from_number, body, status_callback FROM message')" = \
		"${f[0]}|$TO|$TWILIO_PHONE_NUMBER|Your table is booked|http://127.0.0.1:9/api/webhooks/twilio?ref=order-7" ]
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
		'http://127.0.0.1:9/api/webhooks/twilio?ref=ref%264%3D%23' ]
	[ "$(sql "SELECT ref, media_url, coalesce(body, '-') FROM messages WHERE media_url <> ''")" = \
		'pic/1|https://example.org/a.png|-' ]
	[ "$(cut -f 12 <<<"$output" | sort -u | wc -l)" -eq 3 ]
}

@test "the request holds what Twilio asks for and nothing else" {
	answer 1 201 "$(message $SID queued)"
	for i in 2 3 4; do cp answer.1 answer.$i; done
	stub_start
	service=MG0123456789abcdef0123456789abcdef
	sms-send -r r1 $TO 'a b&c' >record
	sms-send -r r2 -f 'ACME Inc' $TO x >record
	TWILIO_MESSAGING_SERVICE_SID=$service \
		TWILIO_STATUS_CALLBACK='https://example.org/cb?a=1#rc=3' \
		sms-send -r r3 $TO x >record
	TWILIO_MESSAGING_SERVICE_SID=MGffffffffffffffffffffffffffffffff \
		sms-send -r r4 -m $service $TO x >record
	[ "$(cut -f 7 record)" = $service ]
	callback=StatusCallback=http%3A%2F%2F127.0.0.1%3A9%2Fapi%2Fwebhooks%2Ftwilio%3Fref%3D
	[ "$(grep -v '^Auth\|^POST' asked)" = "$(cat <<-EOF
		To=%2B14155550100&From=%2B15005550006&Body=a%20b%26c&${callback}r1
		To=%2B14155550100&From=ACME%20Inc&Body=x&${callback}r2
		To=%2B14155550100&MessagingServiceSid=$service&Body=x&StatusCallback=https%3A%2F%2Fexample.org%2Fcb%3Fa%3D1%26ref%3Dr3%23rc%3D3
		To=%2B14155550100&MessagingServiceSid=$service&Body=x&${callback}r4
	EOF
	)" ]
	[ "$(grep '^POST' asked | sort -u)" = \
		"POST /2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json HTTP/1.1" ]
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
		"$(printf '\\N\tfailed\t21211\tInvalid To: +14155550100')" ]
	[ "$stderr" = 'sms-send: Twilio refused: 21211 Invalid To: +*******0100' ]
	[ "$(sql 'SELECT status, error_code, error_message FROM messages')" = \
		'failed|21211|Invalid To: +14155550100' ]
	printf "$TO\tx\n%.0s" 1 2 3 4 >records
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

@test "429 without end leaves it pending, 75, and what follows unsent" {
	sim_start -f 429=100
	printf "$TO\tx\tfirst\n$TO\ty\tsecond\n" >records
	run -75 --separate-stderr sms-send <records
	[ "$(cut -f 1-3,12 <<<"$output")" = "$(printf '\\N\tpending\t20429\tfirst')" ]
	[[ ${stderr_lines[0]} == 'sms-send: line 1: not sent: 20429 '* ]]
	[ "${stderr_lines[1]}" = 'sms-send: stopped: nothing behind line 1 was sent' ]
	[ "$(sql 'SELECT ref, status FROM messages')" = 'first|pending' ]
	[ "$(simsql 'SELECT count(*) FROM request')" = 6 ]
}

@test "nobody listening leaves it pending and is 75" {
	run -75 --separate-stderr sms-send $TO x
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '\\N\tpending')" ]
	[[ $stderr == 'sms-send: not sent: '*connect* ]]
	[ "$(sql 'SELECT status FROM messages')" = pending ]
}

@test "a certificate that nobody vouches for: nothing is sent" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost 2>openssl.err
	start socat -d -d "OPENSSL-LISTEN:0,bind=127.0.0.1,reuseaddr,fork,verify=0,cert=cert.pem,key=key.pem" \
		OPEN:got,creat,append
	until_true 10 grep -q 'listening on' socat.err
	TWILIO_API_URL=https://localhost:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
	run -75 --separate-stderr sms-send $TO x
	[ "$(cut -f 2 <<<"$output")" = pending ]
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

@test "a ref is sent once" {
	sim_start
	sms-send -r once $TO x >record
	run -1 --separate-stderr sms-send -r once $TO x
	[ "$output" = '' ]
	[ "$stderr" = "sms-send: ref 'once' was used already" ]
	printf "$TO\tx\tonce\n$TO\ty\ttwice\n$TO\tz\ttwice\n" >records
	run -1 --separate-stderr sms-send <records
	[ "$(cut -f 12 <<<"$output")" = twice ]
	[ "${stderr_lines[1]}" = "sms-send: line 3: ref 'twice' was used already" ]
	[ "$(posts)" = 2 ]
}

@test "wrong recipients are named by line and the others sent" {
	sim_start
	printf '%s\thello\n' 14155550100 +1 +141555501001234567890 '+1415555 0100' \
		+0415555010 whatsapp: x $TO '' 'whatsapp:+1 2' >records
	run -65 --separate-stderr sms-send <records
	[ "$(cut -f 6 <<<"$output")" = $TO ]
	[ "$(sed -n 's/.*line \([0-9]*\): .*/\1/p' <<<"$stderr" | xargs)" = '1 2 3 4 5 6 7 9 10' ]
	! grep -q 4155550100 <<<"$stderr"
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
	[ "$stderr" = 'sms-send: cannot write standard output: No space left on device' ]
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

@test "options are checked" {
	run -0 sms-send -h
	[ "$output" = 'usage: sms-send [-H] [-f from | -m service] [-r ref] [to [body]]' ]
	run -0 sms-send -V
	[[ $output == 'sms-send '[0-9]* ]]
	for wrong in -x '-f +15005550006 -m MG0123456789abcdef0123456789abcdef' \
	    '-r ref' "$TO a b" "-m MG1 $TO x"; do
		run -64 sms-send $wrong </dev/null
	done
	[ ! -e "$SMS_DB" ]
}

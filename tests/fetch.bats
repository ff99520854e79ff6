load helper
load stub

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
}
teardown() { common_teardown; }

SID=SM0123456789abcdef0123456789abcdef

# made n: a simulator with n messages; their SIDs stand in the file sids.
made() {
	local i
	sim_start
	for i in $(seq "$1"); do
		printf '+1415555%04d\tmessage %d\n' "$i" "$i"
	done | sms-send | cut -f 1 >sids
	[ "$(wc -l <sids)" -eq "$1" ]
}

# The same simulator with other options.
sim_again() {
	stop "$SIM_PID"
	sim_start "$@"
}

@test "a message is told as Twilio has it" {
	made 1
	sim_clock 1h
	run -0 --separate-stderr sms-fetch -H "$(cat sids)"
	[ "$stderr" = '' ]
	[ "${lines[0]}" = "$(printf '#sid\tstatus\terror_code\tat\tsource\tto\tfrom\tdirection\tsegments\tprice\tcurrency\tref\tcreated_at\terror_message\tbody_sha256')" ]
	IFS=$'\t' read -r -a f <<<"${lines[1]}"
	[ "${#f[@]}" -eq 15 ]
	[ "${f[0]} ${f[1]} ${f[2]}" = "$(cat sids) delivered \\N" ]
	[[ ${f[3]} =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$ ]]
	[ "${f[4]} ${f[5]} ${f[6]}" = 'fetch +14155550001 +15005550006' ]
	[ "${f[7]} ${f[8]} ${f[11]}" = 'outbound-api 1 \N' ]
	[[ ${f[12]} =~ Z$ && ! ${f[12]} > ${f[3]} ]]
}

@test "SIDs are operands or stand first in the lines of standard input" {
	made 3
	sim_clock 1h
	sms-fetch -d 0 $(cat sids) >by_operand
	sms-fetch -d 0 <sids >by_line
	cut -f 1 by_operand | diff - sids
	diff by_operand by_line
	sed 's/$/\tsent\t\\N/; 2i # a comment' sids | sms-fetch -d 0 -j 3 | diff - by_line
	sms-fetch </dev/null >none
	[ ! -s none ]
}

@test "what Twilio does not tell passes through, our ref before all" {
	made 1
	printf '%s\tsent\t30001\t\\N\tsend\t+1999\t+1998\t\\N\t\\N\t-1.5\tEUR\torder 7\t\\N\told words\n' \
		"$(cat sids)" | sms-fetch >told
	[ "$(cut -f 3,6,7,12,14 told)" = \
		"$(printf '\\N\t+14155550001\t+15005550006\torder 7\t\\N')" ]
	printf '%s\tsent\t\\N\t\\N\tsend\t+1999\t+1998\toutbound\t2\t-1.5\tEUR\torder 7\t2025-01-01T00:00:00Z\twords\n' \
		$SID | sms-fetch -t 2025-01-02T00:00:00Z | cut -f 2,3,6- >told
	[ "$(cat told)" = "$(printf 'delivery_unknown\t20404\t+1999\t+1998\toutbound\t2\t-1.5\tEUR\torder 7\t2025-01-01T00:00:00Z\tTwilio has no such message\t\\N')" ]
}

@test "a 404 that is not Twilio's says nothing about the message" {
	answer 1 404 '<h1>Not Found</h1>'
	stub_start
	run -69 --separate-stderr sms-fetch $SID
	[ "$(cut -f 1,2,3,14 <<<"$output")" = "$(printf '%s\t\\N\t\\N\tHTTP 404' $SID)" ]
	[ "$stderr" = "sms-fetch: cannot fetch '$SID': HTTP 404 (1 try)" ]
}

@test "records come in the order read, each SID once, through all weather" {
	made 40
	sim_again -f 429=20,500=10,cut=10,reset=10 -l 5
	run -0 --separate-stderr sms-fetch -d 0 -j 8 <sids
	[ "$stderr" = '' ]
	cut -f 1 <<<"$output" | diff - sids
	[ -z "$(cut -f 2 <<<"$output" | grep -v 'queued\|sent\|delivered')" ]
	[ "$(simsql "SELECT count(*) > 40 FROM request WHERE method = 'GET'")" = 1 ]
}

@test "Retry-After is obeyed" {
	answer 1 429 '{"code":20429,"message":"Too many"}' 'Retry-After: 2'
	answer 2 503 '{"code":20503,"message":"Later"}' 'Retry-After: 1'
	answer 3 200 "$(message $SID delivered)"
	stub_start
	before=$(date +%s%3N)
	run -0 --separate-stderr sms-fetch $SID
	[ "$(cut -f 2 <<<"$output")" = delivered ]
	[ $(($(date +%s%3N) - before)) -ge 3000 ]
	[ "$(asked)" -eq 3 ]
}

@test "a SID that cannot be had becomes a record without a status, and 75" {
	made 2
	sim_again -f 500=100
	run -75 --separate-stderr sms-fetch -d 0 -j 2 <sids
	[ "${#lines[@]}" -eq 2 ]
	[ "$(cut -f 1 <<<"$output")" = "$(cat sids)" ]
	[ "$(cut -f 2,3,5 <<<"${lines[0]}")" = "$(printf '\\N\t20500\tfetch')" ]
	[ "$(cut -f 14 <<<"${lines[0]}")" != '\N' ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ $stderr == *"cannot fetch '$(head -n 1 sids)': 20500 "*'(6 tries)'* ]]
	[ "$(simsql "SELECT count(*) FROM request WHERE method = 'GET'")" = 12 ]
}

@test "nobody listening is 75, with a record" {
	run -75 --separate-stderr sms-fetch $SID
	[ "$(cut -f 1,2,3,5 <<<"$output")" = "$(printf '%s\t\\N\t\\N\tfetch' $SID)" ]
	[[ $stderr == "sms-fetch: cannot fetch '$SID': "*connect*'(6 tries)' ]]
}

@test "what is no message is asked for again, and then given up" {
	answer 1 200 '{"sid":"SM01'
	answer 2 200 "$(message SM0123456789abcdef0123456789abcdee sent)"
	answer 3 200 '<html>'
	answer 4 200 "$(message $SID sent)"
	stub_start
	run -0 --separate-stderr sms-fetch -d 0 $SID
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '%s\tsent' $SID)" ]
	[ "$(asked)" -eq 4 ]
}

@test "redirects are not followed and other refusals not repeated" {
	answer 1 302 '' 'Location: /elsewhere'
	answer 2 400 '{"code":20001,"message":"Bad number +14155550100"}'
	stub_start
	run -69 --separate-stderr sms-fetch -d 0 $SID $SID
	[ "$(cut -f 3,14 <<<"${lines[0]}")" = "$(printf '\\N\tHTTP 302')" ]
	[ "$(cut -f 3,14 <<<"${lines[1]}")" = "$(printf '20001\tBad number +14155550100')" ]
	[ "${stderr_lines[1]}" = "sms-fetch: cannot fetch '$SID': 20001 Bad number +1415…100 (1 try)" ]
	[ "$(asked)" -eq 2 ]
}

@test "an answer over 8 MiB is not taken" {
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n'
		head -c 9000000 /dev/zero
	} >answer.1
	{
		printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n895440\r\n'
		head -c 9000000 /dev/zero
		printf '\r\n0\r\n\r\n'
	} >answer.2
	stub_start
	run -75 --separate-stderr sms-fetch -d 0 $SID $SID
	[ "$(cut -f 14 <<<"$output" | uniq)" = 'answer longer than 8 MiB' ]
	[ "$(asked)" -eq 2 ]
}

@test "lines that are no records are named and the others fetched" {
	made 2
	{
		head -n 1 sids
		echo 'SM123'
		printf '\xff\xfe\n'
		printf 'a\0b\n'
		echo '\x'
		head -c 10000000 /dev/zero | tr '\0' x
		echo
		printf '\\N\tambiguous\n'
		tail -n 1 sids
		printf %s "$(head -n 1 sids)"
	} >input
	run -65 --separate-stderr sms-fetch -d 0 <input
	[ "$(cut -f 1 <<<"$output")" = "$(cat sids)" ]
	[ "$(cut -d ' ' -f 2-4 <<<"$stderr")" = "$(cat <<-'EOF'
		line 2 does
		line 3 is
		line 4 has
		line 5 has
		line 6 longer
		line 7 does
		line 9 cut
	EOF
	)" ]
}

@test "refused credentials end it at once with Twilio's own words" {
	made 3
	TWILIO_AUTH_TOKEN=00000000000000000000000000000000 \
		run -77 --separate-stderr sms-fetch -d 0 <sids
	[ "$output" = '' ]
	[[ $stderr == 'sms-fetch: Twilio refuses the credentials: 20003 '* ]]
	[ "$(simsql "SELECT count(*) FROM request WHERE method = 'GET'")" = 1 ]
	# what was had before is written
	answer 1 200 "$(message $SID sent)"
	answer 2 403 '{"code":20403,"message":"Suspended"}'
	stub_start
	run -77 --separate-stderr sms-fetch -d 0 $SID $SID $SID
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '%s\tsent' $SID)" ]
	[ "$stderr" = 'sms-fetch: Twilio refuses the credentials: 20403 Suspended' ]
}

@test "missing and wrong settings are named, with 78" {
	for name in TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN; do
		run -78 env -u $name sms-fetch $SID
		[ "$output" = "sms-fetch: $name is not set" ]
	done
	TWILIO_API_KEY=SK1 run -78 sms-fetch $SID
	[[ $output == *'TWILIO_API_SECRET is not set'* ]]
	TWILIO_ACCOUNT_SID=AC1/../x run -78 sms-fetch $SID
	[[ $output == *'TWILIO_ACCOUNT_SID is not AC and 32 hex digits' ]]
	SMS_TIMEOUT=0 run -78 sms-fetch $SID
	[[ $output == *'SMS_TIMEOUT is not a number of seconds'* ]]
	TWILIO_CA_BUNDLE=/nonexistent run -78 sms-fetch $SID
	[[ $output == *"'/nonexistent' (TWILIO_CA_BUNDLE)"* ]]
}

@test "an edge or a region cannot lead to another host" {
	unset TWILIO_API_URL
	for name in TWILIO_EDGE TWILIO_REGION; do
		for value in example.org/ example.org:443/ x@example.org/ \
		    'example.org?' 'example.org#' a.b; do
			run -78 env "$name=$value" sms-fetch $SID
			[[ $output == *"$name holds more than"* ]]
		done
	done
}

@test "plain http is for this machine only" {
	for url in http://api.twilio.com http://127.0.0.1.example.org \
	    http://localhost.example.org http://127.0.0.2 http://192.0.2.1:80 \
	    http://127.0.0.1@192.0.2.1; do
		TWILIO_API_URL=$url run -78 sms-fetch $SID
		[[ $output == *TWILIO_API_URL* ]]
	done
	made 1
	for host in localhost 127.0.0.1; do
		TWILIO_API_URL=http://$host:${TWILIO_API_URL##*:} sms-fetch $(cat sids)
	done
}

@test "the first token of several logs in, or the API key where there is one" {
	answer 1 200 "$(message $SID sent)"
	cp answer.1 answer.2
	cp answer.1 answer.3
	stub_start
	TWILIO_AUTH_TOKEN='one two,three' sms-fetch $SID
	(umask 077 && echo from-a-file >token)
	env -u TWILIO_AUTH_TOKEN TWILIO_AUTH_TOKEN_FILE=token sms-fetch $SID
	TWILIO_API_KEY=SK1 TWILIO_API_SECRET=hush sms-fetch $SID
	[ "$(sed -n 's/^Authorization: Basic //p' asked | while read -r login; do
		base64 -d <<<"$login"; echo; done)" = "$(cat <<-EOF
			$TWILIO_ACCOUNT_SID:one
			$TWILIO_ACCOUNT_SID:from-a-file
			SK1:hush
		EOF
	)" ]
}

@test "a proxy does not come to see what stays on this machine" {
	made 1
	http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 \
		sms-fetch $(cat sids)
}

@test "a certificate that nobody vouches for is refused, one in TWILIO_CA_BUNDLE taken" {
	made 1
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
		2>openssl.err
	start socat -d -d "OPENSSL-LISTEN:0,bind=127.0.0.1,reuseaddr,fork,verify=0,cert=cert.pem,key=key.pem" \
		"TCP:127.0.0.1:${TWILIO_API_URL##*:}"
	until_true 10 grep -q 'listening on' socat.err
	TWILIO_API_URL=https://localhost:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
	run -75 --separate-stderr sms-fetch $(cat sids)
	[[ $stderr == *certificate*'(1 try)' ]]
	TWILIO_CA_BUNDLE=cert.pem run -0 --separate-stderr sms-fetch $(cat sids)
	[ "$stderr" = '' ]
	# the name counts too
	TWILIO_API_URL=${TWILIO_API_URL/localhost/127.0.0.1} TWILIO_CA_BUNDLE=cert.pem \
		run -75 --separate-stderr sms-fetch $(cat sids)
	[[ $stderr == *'(1 try)' ]]
}

@test "an answer is written while more lines are awaited" {
	made 2
	mkfifo lines records
	sms-fetch -d 0 -j 4 <lines >records 3>&- &
	pid=$!
	exec 7>lines 8<records
	for sid in $(cat sids); do
		echo "$sid" >&7
		read -r -t 20 got _ <&8
		[ "$got" = "$sid" ]
	done
	exec 7>&- 8<&-
	wait $pid
}

@test "a full disk is 74, a reader that left is no reason to speak" {
	made 1
	run -74 --separate-stderr sh -c 'sms-fetch <sids >/dev/full'
	[ "$stderr" = 'sms-fetch: cannot write standard output: No space left on device' ]
	for i in $(seq 30); do cat sids; done >many
	sms-fetch -d 50 <many 2>errors | head -n 1 >first
	[ ! -s errors ]
	[ "$(cut -f 1 first)" = "$(cat sids)" ]
	[ "$(simsql "SELECT count(*) < 30 FROM request WHERE method = 'GET'")" = 1 ]
}

at() { date -u -d "now $1" +%Y-%m-%dT%H:%M:%SZ; }

# lost ref to text [when [status]]: a row of which nobody knows the rest.
lost() {
	[ -e "$SMS_DB" ] || sms-apply </dev/null
	sql "INSERT INTO messages (ref, direction, to_number, from_number, body,
		body_sha256, status, created_at, updated_at) VALUES ('$1',
		'outbound-api', '$2', '+15005550006', '$3',
		'$(printf %s "$3" | sha256sum | cut -d ' ' -f 1)',
		'${5:-pending}', '$(at "${4:-}")', '$(at "${4:-}")')"
}

# there to text: a message that Twilio has and our store does not; its SID.
there() {
	SMS_DB=$PWD/other.db sms-send "$@" | cut -f 1
}

# looked_up [sms-fetch options]: what is fetched of all that is not settled,
# in short, when it has arrived.
looked_up() {
	local status=0
	[ -z "${SIM_PID:-}" ] || sim_clock 1h
	sms-stuck | sms-fetch -d 0 "$@" >fetched || status=$?
	cut -f 1,2,12,14 fetched
	return $status
}

N=+14155550100

@test "a message without SID is looked up by recipient and text" {
	sim_start
	lost r1 $N 'hällo
you'
	sid=$(there $N 'hällo
you')
	there $N 'another text'
	there +14155550101 'hällo
you'
	run -0 --separate-stderr looked_up
	[ "$output" = "$(printf '%s\tdelivered\tr1\t\\N' "$sid")" ]
	[ "$stderr" = '' ]
	IFS=$'\t' read -r -a f <fetched
	[ "${f[4]} ${f[5]} ${f[7]} ${f[14]}" = "fetch $N outbound-api \\N" ]
	[ "$(sms-apply <fetched | cut -f 2-4,6)" = "$(printf 'applied\tpending\tdelivered\tr1')" ]
	[ "$(sql 'SELECT twilio_message_sid, status FROM messages')" = "$sid|delivered" ]
	[ "$(sms-stuck -c)" = 0 ]
}

@test "one that is not there may still come for five minutes, then it never will" {
	sim_start
	lost r1 $N hello
	run -0 --separate-stderr looked_up
	[ "$output" = "$(printf '\\N\tambiguous\tr1\t\\N')" ]
	[ "$stderr" = '' ]
	# the record can be asked about again
	[ "$(sms-fetch -d 0 <fetched | cut -f 1-3,5-)" = "$(cut -f 1-3,5- fetched)" ]
	run -0 looked_up -t "$(date -u -d "$(sql 'SELECT max(created_at, updated_at)
		FROM messages') + 299 sec" +%Y-%m-%dT%H:%M:%SZ)"
	[ "$output" = "$(printf '\\N\tambiguous\tr1\t\\N')" ]
	[ "$(sms-apply <fetched | cut -f 2-4)" = "$(printf 'applied\tpending\tambiguous')" ]
	[ "$(sms-apply <fetched | cut -f 2-4)" = "$(printf 'same\tambiguous\tambiguous')" ]
	[ "$(sql 'SELECT old_status, status, source FROM message_delivery_status')" = 'pending|ambiguous|fetch' ]
	run -0 --separate-stderr looked_up -t "$(at +310sec)"
	[ "$output" = "$(printf '\\N\tfailed\tr1\tnever reached Twilio')" ]
	[ "$stderr" = '' ]
	sms-apply <fetched
	[ "$(sql 'SELECT status, error_code, error_message FROM messages')" = 'failed||never reached Twilio' ]
	[ "$(sms-stuck -c)" = 0 ]
}

@test "it may have been posted long after it was made" {
	sim_start
	lost r1 $N hello '-1 hour' ambiguous
	sql "UPDATE messages SET updated_at = '$(at)'"
	[ "$(looked_up | cut -f 2)" = ambiguous ]
	[ "$(looked_up -t "$(at '+6 minutes')" | cut -f 2)" = failed ]
}

@test "two messages with the same text are for a person to tell apart" {
	sim_start
	lost r1 $N hello
	one=$(there $N hello)
	two=$(there $N hello)
	lost r2 +14155550101 'found all the same'
	there +14155550101 'found all the same'
	run -76 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 2,3 <<<"$output")" = "$(printf 'ambiguous\tr1\ndelivered\tr2')" ]
	[[ $stderr == "sms-fetch: ref 'r1' to +1415…100 stays ambiguous: 2 messages with its text: SM"* ]]
	[[ $stderr == *" $one"* && $stderr == *" $two"* ]]
	# who then says which
	printf '%s\tqueued\t\\N\t\\N\tmanual\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr1\n' "$two" | sms-apply
	[ "$(sql "SELECT twilio_message_sid FROM messages WHERE ref = 'r1'")" = "$two" ]
}

@test "what another row holds, or came long before, or was taken in, is not it" {
	sim_start
	sms-send $N hello
	lost r1 $N hello
	[ "$(looked_up -t "$(at '+1 hour')")" = "$(printf '\\N\tfailed\tr1\tnever reached Twilio')" ]
	# nor is one made two minutes before
	sid=$(there $N earlier)
	lost r2 $N earlier '+121 sec'
	lost r3 $N earlier '+110 sec'
	looked_up -t "$(at '+1 hour')" | sort -k 3 >got
	[ "$(sed 1d got | cut -f 1-3)" = "$(printf '\\N\tfailed\tr2\n%s\tdelivered\tr3' "$sid")" ]
	# nor one that came in
	answer 1 200 "$(printf '{"messages":[{"sid":"%s","status":"received","direction":"inbound","to":"%s","body":"earlier"}],"next_page_uri":null}' $SID $N)"
	stub_start
	lost r4 $N earlier '' ambiguous
	sms-stuck | grep r4 | sms-fetch -d 0 -t "$(at '+1 hour')" | cut -f 2 >got
	[ "$(cat got)" = failed ]
}

@test "a message is not taken for two" {
	sim_start
	sid=$(there $N hello)
	lost r1 $N hello
	lost r2 $N hello
	run -0 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 1 <<<"$output" | sort)" = "$(printf '\\N\n%s' "$sid" | sort)" ]
	[ "$(cut -f 2 <<<"$output" | sort)" = "$(printf 'delivered\nfailed')" ]
	sms-apply <fetched
	[ "$(sql 'SELECT count(twilio_message_sid) FROM messages')" = 1 ]
}

@test "an altered text is a doubt, unless another lost message explains it" {
	sim_start
	lost r1 $N '“hello”'
	sid=$(there $N '"hello"')
	run -76 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '\\N\tambiguous')" ]
	[ "$stderr" = "sms-fetch: ref 'r1' to +1415…100 stays ambiguous: 1 message that may be it, the text redacted or altered: $sid" ]
	lost r2 $N '"hello"'
	run -0 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 1-3 <<<"$output")" = "$(printf '\\N\tfailed\tr1\n%s\tdelivered\tr2' "$sid")" ]
}

@test "a redacted text is a doubt, unless the text itself is there" {
	sim_start
	lost r1 $N hello
	sid=$(there $N hello)
	sim_clock 1h
	curl -fsS -o redacted -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" -d Body= \
		"$TWILIO_API_URL/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages/$sid.json"
	run -76 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '\\N\tambiguous')" ]
	[[ $stderr == *"redacted or altered: $sid" ]]
	sid=$(there $N hello)
	run -0 looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 1,2 <<<"$output")" = "$(printf '%s\tdelivered' "$sid")" ]
}

@test "what Twilio no longer can tell is delivery_unknown, and says why" {
	sim_start
	lost r1 $N hello
	sid=$(there $N hello)
	simsql "UPDATE message SET body = ''"
	lost r2 +14155550101 hello '-401 days' ambiguous
	run -0 --separate-stderr looked_up -t "$(at '+7 hours')"
	[ "$output" = "$(printf '\\N\tdelivery_unknown\tr2\tTwilio no longer tells: made over 13 months ago\n\\N\tdelivery_unknown\tr1\tTwilio no longer tells: its text is redacted')" ]
	[ "$stderr" = '' ]
	sms-apply <fetched
	[ "$(sms-stuck -c -t "$(at '+7 hours')")" = 0 ]
	[ "$(sql 'SELECT DISTINCT status FROM messages')" = delivery_unknown ]
	printf '%s\tsent\t\\N\t\\N\tsend\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t%s\n' \
		$SID "$(at '-401 days')" | sms-fetch >old
	[ "$(cut -f 2,3,14 old)" = "$(printf 'delivery_unknown\t20404\tTwilio no longer has it: made over 13 months ago')" ]
}

@test "the words that a trial account puts first do not hide a text" {
	sim_start
	lost r1 $N hello
	sid=$(there $N 'Sent from your Twilio trial account - hello')
	[ "$(looked_up | cut -f 1)" = "$sid" ]
}

@test "without our store there is nothing that others hold" {
	sim_start
	sid=$(there $N hello)
	lost r1 $N hello
	sms-stuck >stuck
	rm "$SMS_DB"
	sim_clock 1h
	[ "$(sms-fetch -d 0 <stuck | cut -f 1,2,12)" = "$(printf '%s\tdelivered\tr1' "$sid")" ]
	[ ! -e "$SMS_DB" ]
}

@test "a row that was settled since it was listed is not given up" {
	sim_start
	lost r1 $N hello
	lost r2 $N hello2
	sms-stuck >stuck
	sid=$(there $N hello)
	# as a callback that carries the ref, and a refusal, would have it
	printf '%s\tsent\t\\N\t\\N\thook\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr1\n' "$sid" | sms-apply
	printf '\\N\tfailed\t21211\t\\N\tsend\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr2\n' | sms-apply
	sim_clock 1h
	sms-fetch -d 0 -t "$(at '+1 hour')" <stuck >fetched
	[ "$(cut -f 1,2,12 fetched)" = "$(printf '%s\tdelivered\tr1\n\\N\tambiguous\tr2' "$sid")" ]
	[ "$(sms-apply <fetched | cut -f 2-4)" = "$(printf 'applied\tsent\tdelivered\nstale\tfailed\tfailed')" ]
}

@test "1,200 messages to one number are read page by page, through all weather" {
	sim_start
	lost r1 $N 'number 1'
	lost r2 $N 'number 1200'
	lost r3 $N 'number 0'
	sid=$(there $N 'number 1')
	simsql "WITH RECURSIVE i(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM i WHERE n < 1200)
		INSERT INTO message (sid, account_sid, to_number, from_number, from_given,
			messaging_service_sid, body, num_media, num_segments, created_ms,
			touched_ms, sent_ms, list_ms)
		SELECT printf('SM%032d', n), account_sid, to_number, from_number,
			from_given, messaging_service_sid, 'number ' || n, num_media,
			num_segments, created_ms, touched_ms, sent_ms, list_ms
		FROM i, message WHERE sid = '$sid'"
	simsql "INSERT INTO step SELECT m.sid, n, at_ms, status, error_code
		FROM message AS m, step WHERE step.sid = '$sid' AND m.sid <> '$sid'"
	sim_again -f 429=20,500=10,cut=10,reset=10
	run -76 --separate-stderr looked_up -j 4 -t "$(at '+1 hour')"
	cut -f 1,3 <<<"$output" | diff - <(printf '%s\tr1\nSM%032d\tr2\n\\N\tr3\n' "$sid" 1200)
	# those claimed for the first two are not candidates of the third
	[[ $stderr == "sms-fetch: ref 'r3' to +1415…100 stays ambiguous: 1198 messages that may be it, the text redacted or altered: SM"*' ...' ]]
	[ "$(tr ' ' '\n' <<<"$stderr" | grep -c ^SM)" = 10 ]
	[ "$(simsql "SELECT count(*) > 6 FROM request WHERE path LIKE '%PageToken%' OR path LIKE '%Messages.json%'")" = 1 ]
}

@test "a list that goes on and on is read for twenty pages" {
	for i in $(seq 30); do
		answer $i 200 '{"messages":[],"next_page_uri":"/2010-04-01/more"}'
	done
	stub_start
	lost r1 $N hello
	run -76 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$(cut -f 2 <<<"$output")" = ambiguous ]
	[ "$stderr" = "sms-fetch: ref 'r1' to +1415…100 stays ambiguous: too many messages to that number" ]
	[ "$(asked)" -eq 20 ]
	head -n 1 asked | grep -F 'Messages.json?To=%2B14155550100&PageSize=1000 '
	[ "$(grep -ic date asked)" = 0 ]
}

@test "a list that cannot be read leaves the message without a status" {
	answer 1 200 '{"messages":[{"sid":"SM1"}]}'
	answer 2 404 '{"code":20404,"message":"not found"}'
	stub_start
	lost r1 $N hello
	run -69 --separate-stderr looked_up -t "$(at '+1 hour')"
	[ "$output" = "$(printf '\\N\t\\N\tr1\tnot found')" ]
	[ "$stderr" = "sms-fetch: cannot look up ref 'r1': 20404 not found (2 tries)" ]
	[ "$(sms-apply <fetched | cut -f 2)" = failed ]
	[ "$(sql 'SELECT status FROM messages')" = pending ]
	# and one that is not to be looked up is named
	printf '\\N\tambiguous\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr1\n' >line
	run -65 --separate-stderr sms-fetch <line
	[ "$stderr" = 'sms-fetch: line 1 has no SID, and is not one to look up' ]
}

@test "options are checked" {
	run -0 sms-fetch -h
	[ "${lines[0]}" = 'usage: sms-fetch [-Hlv] [-d ms] [-j jobs] [-t now] [sid ...]' ]
	run -0 sms-fetch -V
	[[ $output == 'sms-fetch '[0-9]* ]]
	for wrong in -x '-d -1' '-d x' '-j 0' '-j 101' SM1 "${SID}0"; do
		run -64 sms-fetch $wrong
	done
}

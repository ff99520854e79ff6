load helper

setup() {
	common_setup
	MESSAGES=/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages
	TO=+15005550010
}

teardown() {
	common_teardown
}

# api method path [curl options]: the answer in "answer", its status printed
api() {
	local method=$1 path=$2
	shift 2
	curl -sS -X "$method" -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \
		-o answer -w '%{http_code}\n' "$@" "$TWILIO_API_URL$path"
}

# create [name=value ...]: to $TO, with a sender and a text unless given
create() {
	local pair to=To=$TO from=From=$TWILIO_PHONE_NUMBER body=Body=Hello
	local -a data=()
	for pair; do
		case $pair in
		To=*) to= ;;
		From=* | MessagingServiceSid=*) from= ;;
		Body=* | MediaUrl=*) body= ;;
		esac
	done
	for pair in $to $from "$body" "$@"; do
		case $pair in
		*=?*) data+=(--data-urlencode "$pair") ;;
		esac
	done
	api POST "$MESSAGES.json" "${data[@]}"
}

# refused status code name=value...: create says so
refused() {
	local status=$1 code=$2
	shift 2
	[ "$(create "$@")" = "$status" ] || { cat answer; return 1; }
	[ "$(field code)" = "$code" ] || { cat answer; return 1; }
	[ "$(field status)" = "$status" ]
	[ "$(field more_info)" = "https://www.twilio.com/docs/errors/$code" ]
	[ -n "$(field message)" ]
}

# field name...: of the answer; a null prints nothing
field() {
	sqlite3 :memory: "SELECT json_extract(readfile('answer'), '\$.$1')"
}

get() {
	api GET "$MESSAGES/$1.json"
}

# many "number..." [name=value [curl options]]: creates a message for each
many() {
	local i numbers=$1 more=${2:-}
	shift $(($# > 1 ? 2 : 1))
	for i in $numbers; do
		printf 'url = "%s"\ndata = "To=%%2B1500556%04d&%s"\n' \
			"$TWILIO_API_URL$MESSAGES.json" "$i" \
			"From=%2B15005550006&Body=hello+$i${more:+&$more}"
		printf 'user = "%s"\noutput = "answers"\nnext\n' \
			"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"
	done | sed '$d' >config
	curl -sS "$@" -K config
}

# Takes callbacks, one line each in "callbacks": method, path, signature,
# token, body; answers with what the file "status" says.  Sets HOOK.
receiver_start() {
	cat >receive <<-'EOF'
		#!/bin/sh
		cr=$(printf '\r') length=0
		read -r method path rest
		while read -r name value && [ "$name" != "$cr" ]; do
			value=${value%"$cr"}
			case $name in
			Content-Length:) length=$value ;;
			X-Twilio-Signature:) signature=$value ;;
			I-Twilio-Idempotency-Token:) token=$value ;;
			User-Agent:) agent=$value ;;
			esac
		done
		body=$(head -c "$length")
		[ "$agent" = TwilioProxy/1.1 ] || method="$method as $agent"
		printf '%s\t%s\t%s\t%s\t%s\n' "$method" "$path" "$signature" \
			"$token" "$body" >>callbacks
		printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' \
			"$(cat status)"
	EOF
	chmod +x receive
	echo '204 No Content' >status
	: >callbacks
	start socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork EXEC:./receive,nofork
	until_true 10 grep -q 'listening on' socat.err
	HOOK=http://127.0.0.1:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
}

# The statuses that were told, in the order in which they came.
told() {
	cut -f 5 callbacks | sed 's/.*MessageStatus=\([a-z]*\).*/\1/' | xargs
}

@test "a message is queued, sent and delivered" {
	sim_start -s 1000000
	[ "$(create "Body=Zoë & co: 100%")" = 201 ]
	sid=$(field sid)
	[[ $sid =~ ^SM[0-9a-f]{32}$ ]]
	[ "$(field status)" = queued ]
	[ "$(field to)" = $TO ]
	[ "$(field from)" = +15005550006 ]
	[ "$(field body)" = "Zoë & co: 100%" ]
	[ "$(field num_segments)$(field num_media)" = 10 ]
	[ "$(field direction)" = outbound-api ]
	[ -z "$(field date_sent)$(field price)$(field error_code)" ]
	[[ $(field date_created) =~ ^[A-Z][a-z]{2},\ [0-9]{2}\ [A-Z][a-z]{2}\ 20[0-9]{2}\ [0-9:]{8}\ \+0000$ ]]
	[ "$(field uri)" = "$MESSAGES/$sid.json" ]
	[ "$(field subresource_uris.media)" = "$MESSAGES/$sid/Media.json" ]
	sim_clock 1001
	[ "$(get "$sid")" = 200 ]
	[ "$(field status)" = sent ]
	[ -n "$(field date_sent)" ]
	sim_clock 1000
	[ "$(get "$sid")" = 200 ]
	[ "$(field status)" = delivered ]
	[ -z "$(field price)" ]
	sim_clock 10
	get "$sid"
	[ "$(field price)$(field price_unit)" = -0.00750USD ]
	[ "$(simsql 'SELECT status, to_number, error_code FROM truth')" = "delivered|$TO|" ]
}

@test "a messaging service accepts first and chooses the sender" {
	service=MG00000000000000000000000000000001
	sim_start -s 1000000
	[ "$(create MessagingServiceSid=$service)" = 201 ]
	sid=$(field sid)
	[ "$(field status)$(field num_segments)$(field from)" = accepted0 ]
	[ "$(field messaging_service_sid)" = $service ]
	sim_clock 1001
	get "$sid"
	[ "$(field status)$(field num_segments)$(field from)" = queued1+15005550006 ]
	create MessagingServiceSid=$service From=+15005550011
	[ "$(field from)" = +15005550011 ]
}

@test "long texts take segments, media make an MMS" {
	sim_start
	create "Body=$(printf '%161s' x)"
	[ "$(field num_segments)" = 2 ]
	create "Body=$(printf 'я%.0s' {1..71})"
	[ "$(field num_segments)" = 2 ]
	create MediaUrl=https://example.org/a.png MediaUrl=https://example.org/b.png
	[[ $(field sid) == MM* ]]
	[ "$(field num_media)" = 2 ]
}

@test "callbacks are signed over the URL without its fragment and login" {
	receiver_start
	sim_start -s 20
	url=${HOOK/127.0.0.1/user:secret@127.0.0.1}
	create "StatusCallback=$url/hook?ref=a%20b#rc=2" Body=1
	sim_settled
	until_true 10 [ "$(told)" = 'sent delivered' ] || sim_settled
	[ "$(told)" = 'sent delivered' ]
	while IFS=$'\t' read -r method path signature token body; do
		[ "$method $path" = 'POST /hook?ref=a%20b' ]
		[[ $token =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
		[ "$signature" = "$(printf %s "$body" | sms-sign "$HOOK/hook?ref=a%20b")" ]
		# the same by hand
		text=$HOOK/hook?ref=a%20b
		for pair in $(tr '&' '\n' <<<"$body" | LC_ALL=C sort); do
			value=${pair#*=}
			text+=${pair%%=*}$(printf %b "${value//%/\\x}")
		done
		[ "$signature" = "$(printf %s "$text" | openssl dgst -sha1 -binary \
			-hmac "$TWILIO_AUTH_TOKEN" | base64)" ]
		[[ $body == *"MessageSid=$(field sid)&SmsSid=$(field sid)"* ]]
		[[ $body == *"&AccountSid=$TWILIO_ACCOUNT_SID&From=%2B15005550006&To=%2B15005550010"* ]]
		[[ $body == *ApiVersion=2010-04-01* ]]
	done <callbacks
	[ "$(cut -f 4 callbacks | sort -u | wc -l)" -eq 2 ]
	[ "$(simsql 'SELECT http_status, tries FROM callback' | sort -u)" = '204|1' ]
}

@test "with a service the callback tells of queued too, and names the service" {
	receiver_start
	sim_start -s 20
	create MessagingServiceSid=MG00000000000000000000000000000001 "StatusCallback=$HOOK/"
	sim_clock 1h
	sim_settled
	[ "$(told)" = 'queued sent delivered' ]
	[ "$(grep -c MessagingServiceSid=MG00000000000000000000000000000001 callbacks)" -eq 3 ]
}

@test "a callback is retried as the fragment of its URL says" {
	receiver_start
	echo '503 Service Unavailable' >status
	sim_start -s 0
	create "StatusCallback=$HOOK/1" Body=1
	create "StatusCallback=$HOOK/2#rc=3&rp=4xx,5xx" Body=2
	create "StatusCallback=$HOOK/3#rc=3&rp=4xx" Body=3
	create "StatusCallback=http://127.0.0.1:1/4" Body=4
	create "StatusCallback=http://127.0.0.1:1/5#rc=5&rp=all" Body=5
	create "StatusCallback=http://127.0.0.1:1/6#rc=0" Body=6
	sim_settled
	[ "$(simsql 'SELECT DISTINCT body, http_status, tries
		FROM callback JOIN message USING (sid) ORDER BY 1' | xargs)" = \
		'1|503|1 2|503|4 3|503|1 4|0|2 5|0|6 6|0|1' ]
	# all tries of one delivery have one token
	[ "$(grep -c $'\t/2\t' callbacks)" -eq 8 ]
	[ "$(grep $'\t/2\t' callbacks | cut -f 4 | sort -u | wc -l)" -eq 2 ]
}

@test "a login is sent only when the receiver asks for it" {
	receiver_start
	printf '401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\n' >status
	sim_start -s 0
	create "StatusCallback=${HOOK/127.0.0.1/user:secret@127.0.0.1}/"
	sim_settled
	# each one twice, the second time with Authorization
	[ "$(wc -l <callbacks)" -eq 4 ]
	[ "$(cut -f 3-5 callbacks | sort -u | wc -l)" -eq 2 ]
}

@test "nothing is posted to an address that is not loopback" {
	sim_start
	for url in https://example.org/ http://192.0.2.1/ http://127.example.org/ \
	    'http://127.0.0.1@192.0.2.1/' ftp://127.0.0.1/ /hook; do
		refused 400 21609 "StatusCallback=$url"
	done
	for url in http://localhost:1/ 'https://[::1]:1/' http://127.8.8.8:1/; do
		[ "$(create "StatusCallback=$url")" = 201 ]
	done
}

@test "what Twilio refuses is refused with its code" {
	sim_start
	refused 400 21604 To=
	refused 400 21211 To=0171234
	refused 400 21211 To=+0500
	refused 400 21211 To=+15005550001
	refused 400 21612 To=+15005550002
	refused 400 21610 To=+15005550004
	refused 400 21614 To=+15005550009
	refused 400 21603 From=
	refused 400 21212 From=+1
	refused 400 21212 From=+15005550001
	refused 400 21606 From=+15005550007
	refused 400 21701 MessagingServiceSid=MG1
	refused 400 21619 Body=
	refused 400 21617 "Body=$(printf '%1601s' x)"
	refused 400 21620 MediaUrl=cat.png
	refused 400 21624 ValidityPeriod=36001
	refused 400 30124 ScheduleType=fixed SendAt=2025-01-01T00:00:00Z
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 0 ]
	[ "$(create "Body=$(printf '%1600s' x)" ValidityPeriod=36000)" = 201 ]
	[ "$(create From=MyShop)" = 201 ]
	[ "$(create From=whatsapp:+15005550006 To=whatsapp:+15005550010)" = 201 ]
}

@test "only the account's credentials let in" {
	export TWILIO_API_KEY=SK00000000000000000000000000000001 TWILIO_API_SECRET=s3cret
	export TWILIO_AUTH_TOKEN='one, two'
	sim_start
	for login in "$TWILIO_ACCOUNT_SID:one" "$TWILIO_ACCOUNT_SID:two" $TWILIO_API_KEY:s3cret; do
		run -0 curl -sS -u "$login" -o answer -w '%{http_code}' "$TWILIO_API_URL$MESSAGES.json"
		[ "$output" = 200 ]
	done
	for login in "$TWILIO_ACCOUNT_SID:three" "$TWILIO_ACCOUNT_SID:" AC1:one $TWILIO_API_KEY:one; do
		run -0 curl -sS -u "$login" -o answer -w '%{http_code}' "$TWILIO_API_URL$MESSAGES.json"
		[ "$output" = 401 ]
		[ "$(field code)" = 20003 ]
	done
	run -0 curl -sSi "$TWILIO_API_URL$MESSAGES.json"
	[[ $output == *'WWW-Authenticate: Basic realm="Twilio API"'* ]]
	run -0 curl -sS -u "$TWILIO_ACCOUNT_SID:one" -o answer -w '%{http_code}' \
		"$TWILIO_API_URL/2010-04-01/Accounts/AC00000000000000000000000000000002/Messages.json"
	[ "$output" = 404 ]
}

@test "what is not there is 404, a method that does not fit 405" {
	sim_start
	create
	[ "$(get SM00000000000000000000000000000000)" = 404 ]
	[ "$(field code)" = 20404 ]
	[ "$(get "$(simsql 'SELECT sid FROM message')x")" = 404 ]
	[ "$(api GET "$MESSAGES/Media.json")" = 404 ]
	[ "$(api GET /2010-04-01/)" = 404 ]
	[ "$(api PUT "$MESSAGES.json")" = 405 ]
	[ "$(api PUT "$(simsql 'SELECT sid FROM message' | sed "s,.*,$MESSAGES/&.json,")")" = 405 ]
	[ "$(api GET /sim/nothing)" = 404 ]
}

@test "a scheduled message waits for its time, or is canceled" {
	receiver_start
	sim_start -t 2025-08-21T08:00:00Z -s 20
	wish="MessagingServiceSid=MG00000000000000000000000000000001 ScheduleType=fixed StatusCallback=$HOOK/"
	refused 400 20422 $wish SendAt=2025-08-21T08:14:00Z
	refused 400 20422 $wish SendAt=2025-09-26T08:00:00Z
	refused 400 20422 $wish SendAt=soon
	[ "$(create $wish SendAt=2025-08-21T10:00:00Z Body=1)" = 201 ]
	sid=$(field sid)
	[ "$(field status)" = scheduled ]
	[ "$(create $wish SendAt=2025-08-21T10:00:00Z Body=2)" = 201 ]
	two=$(field sid)
	[ "$(api POST "$MESSAGES/$two.json" -d Status=canceled)" = 200 ]
	[ "$(field status)" = canceled ]
	sim_settled
	[ "$(told)" = canceled ]
	[ "$(api POST "$MESSAGES/$two.json" -d Status=canceled)" = 409 ]
	[ "$(field code)" = 30409 ]
	sim_clock 3h
	sim_settled
	[ "$(told)" = 'canceled queued sent delivered' ]
	get "$sid"
	[ "$(field status)" = delivered ]
	[ "$(field date_sent)" = 'Thu, 21 Aug 2025 10:00:00 +0000' ]
	get "$two"
	[ "$(field status)$(field date_sent)$(field price)" = canceled ]
}

@test "a text can be removed, a message deleted once it has ended" {
	sim_start -s 1000000
	create
	sid=$(field sid)
	[ "$(api DELETE "$MESSAGES/$sid.json")" = 409 ]
	[ "$(field code)" = 20009 ]
	[ "$(api POST "$MESSAGES/$sid.json" -d Body=other)" = 400 ]
	[ "$(api POST "$MESSAGES/$sid.json" -d Body=)" = 200 ]
	[ -z "$(field body)" ]
	sim_clock 1h
	[ "$(api DELETE "$MESSAGES/$sid.json")" = 204 ]
	[ ! -s answer ]
	[ "$(get "$sid")" = 404 ]
	[ "$(simsql 'SELECT count(*) FROM truth')" -eq 0 ]
}

@test "2500 messages are listed by pages, newest first, each once" {
	sim_start -s 0
	many "$(seq 2500)"
	uri="$MESSAGES.json?PageSize=1000"
	while [ -n "$uri" ]; do
		[ "$(api GET "$uri")" = 200 ]
		sqlite3 :memory: "SELECT json_extract(value, '\$.sid')
			FROM json_each(readfile('answer'), '\$.messages')" >>sids
		echo "$(field page) $(field page_size) $(field start) $(field end)" >>pages
		uri=$(field next_page_uri)
	done
	diff pages - <<-EOF
		0 1000 0 999
		1 1000 1000 1999
		2 1000 2000 2499
	EOF
	diff sids <(simsql 'SELECT sid FROM message ORDER BY sent_ms DESC, id DESC')
	# the default is 50, and a page that is just full is the last
	api GET "$MESSAGES.json"
	[ "$(sqlite3 :memory: "SELECT json_array_length(readfile('answer'), '\$.messages')")" -eq 50 ]
	[ "$(api GET "$MESSAGES.json?PageSize=1001")" = 400 ]
	[ "$(api GET "$MESSAGES.json?PageToken=PA1")" = 400 ]
	[ "$(field code)" = 21481 ]
}

@test "lists are filtered by recipient, sender and date" {
	sim_start -t 2025-08-21T23:59:00Z -s 0
	create Body=1
	create Body=2 To=+15005550011
	create Body=3 From=+15005550012
	sim_clock 2m
	create Body=4
	create Body=5 MessagingServiceSid=MG00000000000000000000000000000001 \
		ScheduleType=fixed SendAt=2025-08-22T12:00:00Z
	listed() {
		api GET "$MESSAGES.json?$1" >/dev/null
		sqlite3 :memory: "SELECT json_extract(value, '\$.body')
			FROM json_each(readfile('answer'), '\$.messages')" | sort | xargs
	}
	[ "$(listed '')" = '1 2 3 4 5' ]
	[ "$(listed To=%2B15005550011)" = 2 ]
	[ "$(listed From=%2B15005550012)" = 3 ]
	[ "$(listed To=%2B15005550010\&From=%2B15005550012)" = 3 ]
	[ "$(listed DateSent=2025-08-21)" = '1 2 3' ]
	[ "$(listed DateSent%3E=2025-08-22)" = 4 ]
	[ "$(listed DateSent%3C=2025-08-21)" = '1 2 3' ]
	[ "$(listed DateSent%3C=2025-08-22)" = '1 2 3 4' ]
	[ "$(listed 'DateSent%3E=2025-08-21T23:59:30Z&DateSent%3C=2025-08-22T12:00:00Z')" = 4 ]
	[ "$(api GET "$MESSAGES.json?DateSent=yesterday")" = 400 ]
	# a filter stays on the pages that follow
	[ "$(listed 'DateSent%3C=2025-08-21&PageSize=2')" = '2 3' ]
	uri=$(field next_page_uri)
	[[ $uri == *'DateSent%3C=2025-08-21&PageSize=2&Page=1&PageToken='* ]]
	[ "$(listed "${uri#*\?}")" = 1 ]
	[ -z "$(field next_page_uri)" ]
}

@test "the clock moves on by seconds or by an age, and never back" {
	sim_start -t 2025-08-21T08:00:00Z
	run -0 curl -fsS -d advance=3600 "$TWILIO_API_URL/sim/clock"
	[[ $output == '{"now":"2025-08-21T09:00:'* ]]
	run -0 curl -fsS -d advance=2d "$TWILIO_API_URL/sim/clock"
	[[ $output == '{"now":"2025-08-23T09:00:'* ]]
	run -0 curl -fsS "$TWILIO_API_URL/sim/clock"
	[[ $output == '{"now":"2025-08-23T09:00:'* ]]
	for wrong in advance=-1 advance=soon advance= x=1; do
		run -0 curl -sS -o answer -w '%{http_code}' -d $wrong "$TWILIO_API_URL/sim/clock"
		[ "$output" = 400 ]
	done
}

@test "pending counts what is due and not yet posted" {
	receiver_start
	sim_start -s 100000
	create "StatusCallback=$HOOK/"
	[ "$(sim_pending)" = 0 ]
	sim_clock 101
	sim_settled
	[ "$(told)" = sent ]
	sim_clock 100
	sim_settled
	[ "$(told)" = 'sent delivered' ]
}

@test "two runs with one seed are equal, another seed differs" {
	faults=drop=20,double=20,reorder=20,error=30,stuck=10,429=10,500=10,500after=10,refuse=5,cut=5
	for run in 1 2 3; do
		rm -f sim.db
		sim_start -s 0 -S $((run / 3)) -f $faults
		case $run in
		2) many "$(seq 60 -1 1)" '' -Z --parallel-max 8 ;;
		*) many "$(seq 60)" ;;
		esac
		simsql 'SELECT sid, to_number, body, n, status, error_code
			FROM message JOIN step USING (sid) ORDER BY 1, 4' >life$run
		simsql "SELECT http_status, fault, count(*) FROM request GROUP BY 1, 2" >requests$run
		stop "$SIM_PID"
	done
	[ -s life1 ]
	diff life1 life2
	diff requests1 requests2
	run ! diff -q life1 life3
}

# fault "option" n: n messages under it with callbacks, all is over
fault() {
	receiver_start
	sim_start -s 10 -f "$1"
	many "$(seq "$2")" "StatusCallback=$HOOK/"
	sim_clock 1h
	sim_settled
}

@test "fault drop: a part of the callbacks is never posted" {
	fault drop=50 30
	lost=$(simsql 'SELECT count(*) FROM callback WHERE dropped')
	[ "$lost" -gt 10 ] && [ "$lost" -lt 50 ]
	[ "$(wc -l <callbacks)" -eq $((60 - lost)) ]
	[ "$(simsql "SELECT count(*) FROM truth WHERE status = 'delivered'")" -eq 30 ]
}

@test "fault double: a callback comes twice, each time with its own token" {
	fault double=100 5
	[ "$(wc -l <callbacks)" -eq 20 ]
	[ "$(cut -f 4 callbacks | sort -u | wc -l)" -eq 20 ]
	[ "$(cut -f 5 callbacks | sort | uniq -c | awk '{ print $1 }' | sort -u)" -eq 2 ]
}

@test "fault reorder: delivered is told before sent" {
	fault reorder=100 1
	[ "$(told)" = 'delivered sent' ]
}

@test "fault early: the callback is there before the create is answered" {
	receiver_start
	sim_start -s 1000000 -f early=100
	[ "$(create "StatusCallback=$HOOK/")" = 201 ]
	[ "$(told)" = sent ]
	[ "$(field status)" = queued ]
	[ -z "$(field date_sent)" ]
	get "$(field sid)"
	[ "$(field status)" = sent ]
	# a receiver that is not there does not hold it up for ever
	[ "$(create StatusCallback=http://127.0.0.1:1/)" = 201 ]
	[ "$(create)" = 201 ]
}

@test "fault error: messages fail before or after they were sent, with a code" {
	fault error=100 30
	simsql 'SELECT sid, status, error_code, error_message FROM truth' >truth
	failed=$(grep -c '|failed|' truth)
	[ "$failed" -gt 3 ] && [ "$failed" -lt 27 ]
	[ "$(grep -c '|undelivered|' truth)" -eq $((30 - failed)) ]
	[ -z "$(grep -v '|30[0-9][0-9][0-9]|[A-Z][a-z ]*' truth)" ]
	[ "$(grep -c 'MessageStatus=failed&ErrorCode=30' callbacks)" -eq "$failed" ]
	[ "$(grep -c MessageStatus=undelivered callbacks)" -eq $((30 - failed)) ]
	[ "$(grep -c MessageStatus=sent callbacks)" -eq $((30 - failed)) ]
	get "$(simsql "SELECT sid FROM truth WHERE status = 'undelivered' LIMIT 1")"
	[[ $(field error_code) == 300* ]]
	[ -n "$(field error_message)" ]
	[ "$(sqlite3 :memory: "SELECT json_type(readfile('answer'), '\$.error_code')")" = integer ]
}

@test "fault stuck: a message stays sent" {
	fault stuck=100 1
	[ "$(told)" = sent ]
	sim_clock 30d
	[ "$(simsql 'SELECT status FROM truth')" = sent ]
}

@test "faults 429, 500 and refuse: nothing was made" {
	sim_start -f 429=100
	[ "$(create)" = 429 ]
	[ "$(field code)" = 20429 ]
	stop "$SIM_PID"
	sim_start -f 500=100
	[ "$(create)" = 500 ]
	[ "$(field code)" = 20500 ]
	[ "$(get SM00000000000000000000000000000000)" = 500 ]
	stop "$SIM_PID"
	sim_start -f refuse=100
	[ "$(create)" = 400 ]
	[ "$(field code)" = 21211 ]
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 0 ]
	[ "$(simsql 'SELECT fault FROM request' | xargs)" = '429 500 500' ]
}

@test "fault 500after: the message was made nevertheless" {
	sim_start -f 500after=100
	[ "$(create)" = 500 ]
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 1 ]
}

@test "faults reset and resetbefore: no answer, with and without the message" {
	sim_start -f reset=100
	run create
	[ "$status" -eq 56 ]
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 1 ]
	[ "$(simsql 'SELECT http_status IS NULL, fault FROM request')" = '1|reset' ]
	stop "$SIM_PID"
	sim_start -f resetbefore=100
	run create
	[ "$status" -eq 56 ]
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 1 ]
}

@test "fault cut: half a JSON, sometimes with half an answer" {
	sim_start -f cut=100
	for i in 1 2 3 4 5 6 7 8 9 10; do
		status=0
		create Body=$i >/dev/null || status=$?
		echo $status >>ends
		refute sqlite3 :memory: "SELECT json(readfile('answer'))" 2>/dev/null
	done
	[ "$(sort -u ends | xargs)" = '0 18' ]
	[ "$(simsql 'SELECT count(*) FROM message')" -eq 10 ]
}

@test "fault slow: the message is there long before the answer" {
	sim_start -f slow=100
	start curl -sS -m 0.5 -o answer -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \
		-d To=%2B15005550010 -d From=%2B15005550006 -d Body=slow \
		"$TWILIO_API_URL$MESSAGES.json"
	status=0
	wait "$STARTED_PID" || status=$?
	[ "$status" -eq 28 ]
	[ "$(simsql "SELECT count(*) FROM message WHERE body = 'slow'")" -eq 1 ]
}

@test "-c refuses more requests than that at once, -l answers late" {
	sim_start -c 2 -l 3000
	create Body=1 >status1 3>&- &
	one=$!
	create Body=2 >status2 3>&- &
	until_true 3 made 2
	[ "$(create Body=3)" = 429 ]
	wait "$one" "$!"
	[ "$(cat status1 status2 | xargs)" = '201 201' ]
	[ "$(create)" = 201 ]
	made 3
}

made() {
	[ "$(simsql 'SELECT count(*) FROM message')" -eq "$1" ]
}

@test "the state outlives the simulator in its file" {
	sim_start -s 1000000
	create
	sid=$(field sid)
	kill -KILL "$SIM_PID"
	stop "$SIM_PID"
	sim_start
	sim_clock 1h
	get "$sid"
	[ "$(field status)" = delivered ]
}

@test "SIGTERM ends it with 0 and leaves nothing behind" {
	mkdir tmp
	TMPDIR=$PWD/tmp start sms-sim -o port
	pid=$STARTED_PID
	until_true 10 [ -s port ]
	TWILIO_API_URL=http://127.0.0.1:$(cat port)
	[ "$(cat sms-sim.out)" = "$TWILIO_API_URL" ]
	create StatusCallback=http://127.0.0.1:1/
	[ -n "$(ls tmp)" ]
	kill -TERM "$pid"
	wait "$pid"
	run ! curl -s "$TWILIO_API_URL/sim/pending"
	[ -z "$(ls tmp)" ]
	[ ! -e port ]
	[ ! -s sms-sim.err ]
}

@test "wrong calls and a missing account are said and not served" {
	run -64 --separate-stderr sms-sim -f lose=5
	[ "$stderr" = "sms-sim: no fault with a percentage: 'lose=5'" ]
	run -64 --separate-stderr sms-sim -f drop=101
	run -64 --separate-stderr sms-sim -f drop
	run -64 --separate-stderr sms-sim -t noon
	run -64 --separate-stderr sms-sim x
	[[ $stderr == 'usage: sms-sim '* ]]
	sim_start
	run -74 --separate-stderr sms-sim -p "${TWILIO_API_URL##*:}"
	[[ $stderr == "sms-sim: cannot listen on port ${TWILIO_API_URL##*:}: "* ]]
	unset TWILIO_AUTH_TOKEN
	run -78 --separate-stderr sms-sim
	[ "$stderr" = 'sms-sim: TWILIO_AUTH_TOKEN is not set' ]
	unset TWILIO_ACCOUNT_SID
	run -78 --separate-stderr sms-sim
	[ "$stderr" = 'sms-sim: TWILIO_ACCOUNT_SID is not set' ]
}

@test "what is no HTTP is refused and harms nobody" {
	sim_start
	port=${TWILIO_API_URL##*:}
	run -0 socat -t 5 - "TCP:127.0.0.1:$port" <<<'what is this'
	[[ $output == 'HTTP/1.1 400 '* ]]
	head -c 100000 /dev/urandom | socat -t 5 - "TCP:127.0.0.1:$port" >/dev/null || :
	printf 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n' |
		socat -t 5 - "TCP:127.0.0.1:$port" >big || :
	grep -q '^HTTP/1.1 413 ' big
	[ "$(create)" = 201 ]
}

# Event Streams: CloudEvents that are posted to the URL of the callbacks.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
	servers_setup
	export WEBHOOK_BASE_URL=https://hooks.example.net
}

teardown() {
	common_teardown
}

# message ref [sid [status]]: a row, in a store that is made if need be.
message() {
	settled
	sql "INSERT INTO messages (ref, twilio_message_sid, direction, to_number,
		status, created_at, updated_at)
		VALUES ('$1', nullif('${2-}', ''), 'outbound-api', '+14155550100',
		'${3:-queued}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')"
}

# event id status [members of data]: as Twilio writes it
event() {
	local id=$1 status=$2
	shift 2
	printf '{"specversion":"1.0","type":"com.twilio.messaging.message.%s",' \
		"$status"
	printf '"source":"/2010-04-01/Accounts/%s/Messages/%s.json","id":"%s",' \
		"$TWILIO_ACCOUNT_SID" "$SID" "$id"
	printf '"dataschema":"https://events-schemas.twilio.com/Messaging.MessageStatus/8",'
	printf '"datacontenttype":"application/json","data":{"messageSid":"%s",' "$SID"
	printf '"timestamp":"%s","accountSid":"%s","from":"+15005550006",' \
		"${AT-2026-02-03T04:05:06.789Z}" "$TWILIO_ACCOUNT_SID"
	printf '"to":"+14155550100","apiVersion":"2010-04-01","messageStatus":"%s"' \
		"${status^^}"
	[ $# -eq 0 ] || printf ',%s' "$@"
	printf '}}'
}

# request body [type]: a whole request, signed, as bytes
request() {
	local target=/api/webhooks/twilio url=$WEBHOOK_BASE_URL
	target="$target?bodySHA256=$(printf %s "$1" | sha256sum | cut -c 1-64)"
	printf 'POST %s HTTP/1.1\r\nHost: hooks.example.net\r\n' "$target"
	printf 'Content-Type: %s\r\nContent-Length: %s\r\n' \
		"${2-application/json}" "$(printf %s "$1" | wc -c)"
	printf 'X-Twilio-Signature: %s\r\n\r\n%s' \
		"$(sms-sign "$url$target" </dev/null)" "$1"
}

# posted body [type]: to a hook of its own; answer, log, status, code
posted() {
	status=0
	request "$@" | sms-hook >answer 2>log || status=$?
	code=$(sed -n '1s/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer)
}

# refused status word
refused() {
	[ "$code" = "$1" ] || { cat answer log; return 1; }
	grep -q "^sms-hook: $1 $2 from" log
}

row() {
	sql "SELECT status, coalesce(error_code, '-'), coalesce(sent_at, '-'),
		coalesce(delivered_at, failed_at, '-') FROM messages"
}

outcomes() {
	sql "SELECT coalesce(outcome, '-') FROM webhook_logs
		WHERE status = 'success' ORDER BY id" | tr '\n' ' '
}

@test "an event moves its message, at the time that it tells" {
	message r1 $SID
	posted "[$(event EZ1 sent)]"
	[ "$code $status" = '200 0' ]
	[ ! -s log ]
	[ "$(row)" = 'sent|-|2026-02-03T04:05:06Z|-' ]
	AT=2026-02-03T05:05:07+01:00
	posted "$(event EZ2 undelivered '"errorCode":30003' '"numberOfSegments":2')"
	[ "$(row)" = 'undelivered|30003|2026-02-03T04:05:06Z|2026-02-03T04:05:07Z' ]
	[ "$(sql 'SELECT segments, from_number FROM messages')" = '2|+15005550006' ]
	[ "$(sql "SELECT source, at FROM message_delivery_status
		WHERE status = 'sent'")" = 'event|2026-02-03T04:05:06Z' ]
	# nothing is answered: it is no TwiML webhook
	refute grep -q '^Content-Type' answer
}

@test "the log has the event, and what vouched for it" {
	message r1 $SID
	posted "[$(event EZ1 sent),$(event EZ2 delivered)]"
	[ "$(sql "SELECT event_id, source, outcome, status, answer, host, peer,
			length(signature), twilio_message_sid,
			target LIKE '/api/webhooks/twilio?bodySHA256=%',
			json_extract(params, '$.data.messageStatus')
		FROM webhook_logs ORDER BY id")" = \
"EZ1|event|applied|success|200|hooks.example.net|unknown|28|$SID|1|SENT
EZ2|event|applied|success|200|hooks.example.net|unknown|28|$SID|1|DELIVERED" ]
}

@test "all media types of CloudEvents are taken, with parameters and in any case" {
	n=0
	for type in application/json 'Application/JSON; charset=utf-8' \
		application/cloudevents+json 'application/cloudevents-batch+json;x=y'; do
		n=$((n + 1))
		posted "[$(event EZ$n sent)]" "$type"
		[ "$code" = 200 ]
	done
	for type in application/jsonx application/xjson text/json application/+ json; do
		posted "[$(event EZ9 sent)]" $type
		refused 415 media_type
	done
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'success'")" = 4 ]
}

@test "an event that is delivered three times takes effect once" {
	message r1 $SID
	posted "[$(event EZ1 sent)]"
	sql "UPDATE messages SET status = 'queued'"
	posted "[$(event EZ1 sent)]"
	[ "$code" = 200 ]
	posted "[$(event EZ1 sent),$(event EZ1 sent),$(event EZ2 sending)]"
	[ "$code" = 200 ]
	# (only a trick can take a message back; the event does not repair it)
	[ "$(sql 'SELECT status FROM messages')" = sending ]
	[ "$(outcomes)" = 'applied applied ' ]
	[ "$(sql 'SELECT count(*) FROM message_delivery_status')" = 2 ]
}

@test "events in the wrong order leave the message where it is" {
	message r1 $SID
	AT=2026-02-03T04:05:09Z; third=$(event EZ3 delivered)
	AT=2026-02-03T04:05:08Z; second=$(event EZ2 sent)
	AT=2026-02-03T04:05:07Z; first=$(event EZ1 queued)
	posted "[$third,$first,$second]"
	[ "$(row)" = 'delivered|-|2026-02-03T04:05:08Z|2026-02-03T04:05:09Z' ]
	[ "$(outcomes)" = 'applied stale stale ' ]
}

@test "an event whose message has no row yet waits for it" {
	posted "[$(event EZ1 delivered)]"
	[ "$(outcomes)" = 'unknown ' ]
	[ "$(sql 'SELECT sid, status, source FROM early_status')" = "$SID|delivered|event" ]
	message r1 $SID sent
	settled
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "the ref in our own callback URL tells a row its SID, another's does not" {
	message r1 '' ambiguous
	for url in https://other.example.net/api/webhooks/twilio \
		"$WEBHOOK_BASE_URL/api/webhooks/twilio/x" "$WEBHOOK_BASE_URL/x"; do
		n=$((${n-0} + 1))
		posted "$(event EZ$n sent "\"statusCallBackUrl\":\"$url?ref=r1\"")"
		[ "$code" = 200 ]
	done
	[ "$(row)" = 'ambiguous|-|-|-' ]
	posted "$(event EZ9 sent \
		"\"statusCallBackUrl\":\"$WEBHOOK_BASE_URL/api/webhooks/twilio?a=b&ref=r1#rc=3\"")"
	[ "$(sql 'SELECT status, twilio_message_sid FROM messages')" = "sent|$SID" ]
}

@test "events of other kinds are taken, logged, and change nothing" {
	message r1 $SID
	posted '[{"specversion":"1.0","type":"com.twilio.voice.insights.call-summary.complete",
		"source":"x","id":"EZ1","data":{"messageSid":"'$SID'","messageStatus":"FAILED"}},
		{"type":"com.twilio.messaging.message","id":"EZ2"},
		{"type":"x","id":"EZ3","data":"text"},
		{"type":"com.twilio.messaging.message.sent","id":"EZ4","data":{}},
		{"type":"com.twilio.messaging.message.sent","id":"EZ5","data":{"messageSid":"SM1"}},
		{"type":"com.twilio.messaging.message.no-word","id":"EZ6","data":{"messageSid":"'$SID'"}}]'
	[ "$code $status" = '200 0' ]
	[ "$(outcomes)" = 'ignored ignored ignored ignored ignored ignored ' ]
	[ "$(row)" = 'queued|-|-|-' ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
	# delivered again they are known, too
	posted '{"type":"x","id":"EZ3","data":"text"}'
	[ "$(sql 'SELECT count(*) FROM webhook_logs')" = 6 ]
}

@test "what data leave out or have in another type is not known" {
	message r1 $SID
	posted '[{"type":"com.twilio.messaging.message.sent","id":"EZ1","time":"2026-02-03T04:05:06Z",
		"data":{"messageSid":"'$SID'","errorCode":"3x","to":["a"],"from":null,
		"timestamp":{},"numberOfSegments":-1}}]'
	[ "$(row)" = 'sent|-|2026-02-03T04:05:06Z|-' ]
	# what cannot have happened yet happened now
	for at in now 2460000.5 2999-01-01T00:00:00Z 'yesterday T' ''; do
		n=$((${n-1} + 1))
		sql "UPDATE messages SET status = 'queued', sent_at = NULL"
		AT=$at
		posted "$(event EZ$n sent)"
		[ "$(sql "SELECT unixepoch('now') - unixepoch(sent_at) BETWEEN 0 AND 30
			FROM messages")" = 1 ]
	done
}

@test "an empty array is taken" {
	posted '[]'
	[ "$code $status" = '200 0' ]
	posted ' [ ] '
	[ "$code" = 200 ]
	[ ! -e "$SMS_DB.spool" ]
}

@test "an array with one element that is no event is refused whole" {
	message r1 $SID
	for bad in '{"type":"x"}' '{"id":"EZ2"}' '{"id":2,"type":"x"}' '{"id":null,"type":"x"}' \
		'{"id":"","type":"x"}' '{"id":{},"type":"x"}' '{}' \
		'{"id":"'"$(printf %0101d 0)"'","type":"x"}'; do
		posted "[$(event EZ1 sent),$bad,$(event EZ3 delivered)]"
		refused 400 bad_event
	done
	[ "$(row)" = 'queued|-|-|-' ]
	[ "$(outcomes)" = '' ]
	[ ! -e "$SMS_DB.spool" ]
	# what is good of it is good alone
	posted "[$(event EZ1 sent),$(event EZ3 delivered)]"
	[ "$(outcomes)" = 'applied applied ' ]
}

@test "a body that is no JSON of events is refused" {
	for bad in '' ' ' x '{' '[' '[{]' '5' '"text"' null true '[1]' '[[]]' '["a"]' \
		"[$(event EZ1 sent),5]" "[$(event EZ1 sent),]" "$(event EZ1 sent)x" \
		"{\"a\":\"$(printf '\377')\"}" "$(printf '[%.0s' $(seq 2000))" \
		'MessageSid=a&MessageStatus=b'; do
		posted "$bad"
		refused 400 bad_json
	done
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'bad_json'
		AND params IS NULL AND source = 'event'")" = 19 ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
}

@test "a body in another encoding or with a NUL is refused" {
	printf '[{"type":"x","id":"EZ1"}]\0' >body
	target="/api/webhooks/twilio?bodySHA256=$(sha256sum <body | cut -c 1-64)"
	{
		printf 'POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n' \
			"$target" "$(wc -c <body)"
		printf 'Content-Type: application/json\r\nX-Twilio-Signature: %s\r\n\r\n' \
			"$(sms-sign "$WEBHOOK_BASE_URL$target" </dev/null)"
		cat body
	} | sms-hook >answer 2>log
	grep -q '^sms-hook: 400 bad_json from' log
}

@test "as many events as there may be are taken at once, and one more is refused" {
	seq -f '{"type":"x","id":"EZ%g"}' 1000 | paste -sd , | sed 's/^/[/; s/$/]/' >all
	posted "$(cat all)"
	[ "$code $status" = '200 0' ]
	[ "$(sql 'SELECT count(*) FROM webhook_logs')" = 1000 ]
	posted "$(sed 's/]$/,{"type":"x","id":"EZ0"}]/' all)"
	refused 400 events_many
	posted "[$(printf '{},%.0s' $(seq 2000)){}]"
	refused 400 bad_event
}

@test "events may be four times as long as a form" {
	long() {
		printf '[{"type":"x","id":"EZ1","data":"'
		head -c $(($1 - 35)) /dev/zero | tr '\0' a
		printf '"}]'
	}
	[ "$(long 1000 | wc -c)" -eq 1000 ]
	posted "$(long 262144)"
	[ "$code $status" = '200 0' ]
	[ "$(sql "SELECT length(params) > 262000 FROM webhook_logs")" = 1 ]
	posted "$(long 262145)"
	refused 413 body_long
	posted "$(long 65537)" application/x-www-form-urlencoded
	refused 413 body_long
}

@test "without the right signature no event is taken" {
	body="[$(event EZ1 sent)]"
	request "$body" >good
	head=$(sed '/^\r$/q' good)
	judged() {
		sms-hook >answer 2>log
	}
	refused() {
		grep -q "^HTTP/1.1 $1" answer && grep -q "^sms-hook: $1 $2 from" log
	}
	grep -v X-Twilio good | judged; refused 401 no_signature
	sed 's/"EZ1"/"EZ2"/' good | judged; refused 401 bad_signature
	sed 's/bodySHA256=./bodySHA256=g/' good | judged; refused 401 bad_signature
	sed 's/?bodySHA256=[0-9a-f]*/?/' good | judged; refused 401 bad_signature
	TWILIO_AUTH_TOKEN=other judged <good; refused 401 bad_signature
	# signed without a hash, the body could be anything
	{
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/json\r\nContent-Length: %s\r\n' ${#body}
		printf 'X-Twilio-Signature: %s\r\n\r\n%s' "$(sms-sign \
			"$WEBHOOK_BASE_URL/api/webhooks/twilio" </dev/null)" "$body"
	} | judged
	refused 401 bad_signature
	# and so could what is said to be a form
	sed 's/application\/json/application\/x-www-form-urlencoded/' good | judged
	refused 401 bad_signature
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'success'")" = 0 ]
	judged <good
	grep -q '^HTTP/1.1 200' answer
}

@test "a message that came in by an event is a reply" {
	posted '{"specversion":"1.0","type":"com.twilio.messaging.inbound-message.received",
		"id":"EZ1","data":{"messageSid":"'$SID'","timestamp":"2026-02-03T04:05:06.000Z",
		"from":"+14155550100","to":"+15005550006","numMedia":0,"body":"Ahoy!\n\ud83d\ude00",
		"numSegments":1,"messagingServiceSid":"MG1"}}'
	[ "$code $status" = '200 0' ]
	refute grep -q '^Content-Type' answer
	[ "$(sql "SELECT direction, status, from_number, to_number, hex(body), segments,
		created_at, sender FROM messages")" = \
		"inbound|received|+14155550100|+15005550006|41686F79210AF09F9880|1|2026-02-03T04:05:06Z|MG1" ]
	[ "$(sql 'SELECT source, event_id, outcome FROM webhook_logs')" = 'event|EZ1|applied' ]
	# the same message by the other way brings what was not known, and no row
	body="MessageSid=$SID&SmsStatus=received&Body=Ahoy!&NumMedia=1&MediaUrl0=https://x/1"
	{
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\nContent-Length: %s\r\n\r\n%s' "$(
			printf %s "$body" | sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio"
			)" ${#body} "$body"
	} | sms-hook >answer
	[ "$(sql 'SELECT media_url, length(body), count(*) FROM messages')" = 'https://x/1|7|1' ]
	[ "$(outcomes)" = 'applied same ' ]
}

@test "the process that listens takes events beside callbacks" {
	PORT=$(free_port)
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
	message r1 $SID
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook"
	until_true 10 grep -q '^Listening' systemd-socket-activate.err
	{
		request "[$(event EZ1 queued),$(event EZ2 sending)]"
		request '[{"type":"x"}]'
		request '[]'
		request "[$(event EZ2 sending),$(event EZ3 sent)]"
		request "[$(event EZ4 delivered),{}]"
	} >pipelined
	socat -t 10 - "TCP:127.0.0.1:$PORT" <pipelined >answer
	[ "$(sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer | tr '\n' ' ')" = \
		'200 400 200 200 400 ' ]
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent")" = 200 ]
	taken() { [ "$(outcomes)" = "same applied applied same " ]; }
	until_true 10 taken
	[ "$(row)" = 'sent|-|2026-02-03T04:05:06Z|-' ]
	until_true 5 grep -q 'sms-hook: 400 bad_event from 127.0.0.1' \
		systemd-socket-activate.err
}

@test "events by CGI are taken" {
	body="[$(event EZ1 sent)]"
	target="/api/webhooks/twilio?bodySHA256=$(printf %s "$body" |
		sha256sum | cut -c 1-64)"
	printf %s "$body" | env GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
		REQUEST_URI="$target" CONTENT_TYPE=application/json \
		CONTENT_LENGTH=${#body} HTTP_HOST=hooks.example.net:443 \
		HTTP_X_TWILIO_SIGNATURE="$(sms-sign "$WEBHOOK_BASE_URL$target" </dev/null)" \
		sms-hook >answer 2>log
	[ ! -s log ]
	grep -q '^Status: 200' answer
	[ "$(sql 'SELECT event_id, host FROM webhook_logs')" = 'EZ1|hooks.example.net:443' ]
}

@test "events wait in the spool, all of an array, and are taken in once" {
	message r1 $SID
	store_held
	posted "[$(event EZ1 sent),$(event EZ2 delivered)]" 8>&- &
	answered() { grep -q '^HTTP/1.1 200' answer 2>/dev/null; }
	until_true 5 answered
	[ "$(cat sms.db.spool* | grep -c 'EZ[12]')" -eq 2 ]
	store_released
	wait $!
	settled
	posted "[$(event EZ2 delivered),$(event EZ1 sent)]"
	[ "$(outcomes)" = 'applied applied ' ]
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "without spool and store events are refused, and taken later" {
	export SMS_SPOOL=$PWD/none/spool
	message r1 $SID
	mv sms.db aside
	mkdir sms.db
	posted "[$(event EZ1 sent),$(event EZ2 delivered)]"
	[ "$code $status" = '503 74' ]
	rmdir sms.db
	mv aside sms.db
	posted "[$(event EZ1 sent),$(event EZ2 delivered)]"
	[ "$code $status" = '200 0' ]
	[ "$(outcomes)" = 'applied applied ' ]
}

@test "an event that is too long for a line waits without its text where the store is busy" {
	filler=$(head -c 70000 /dev/zero | tr '\0' a)
	message r1 $SID
	posted "$(event EZ1 sent "\"text\":\"$filler\"")"
	[ "$code $status" = '200 0' ]
	[ "$(sql "SELECT length(params) > 70000 FROM webhook_logs")" = 1 ]
	store_held
	request "$(event EZ2 delivered "\"text\":\"$filler\"")" >first
	sms-hook <first >answer 2>log 8>&- &
	hook=$!
	until_true 15 grep -q '^HTTP/1.1 200' answer
	grep -qs EZ2 sms.db.spool sms.db.spool.taking
	[ "$(cat sms.db.spool* | wc -c)" -lt 20000 ]
	store_released
	wait $hook
	settled
	[ "$(row | cut -d '|' -f 1)" = delivered ]
	[ "$(sql "SELECT params IS NULL, outcome FROM webhook_logs
		WHERE event_id = 'EZ2'")" = '1|applied' ]
}

# Each point begins with an array that is set aside, a STOP behind it, and one
# more array, which repeats an event.
@test "a hook killed at any system call loses no event or reply and doubles none" {
	most=30
	[ -z "${ALL-}" ] || most=1000000
	export ASAN_OPTIONS=detect_leaks=0
	message r1 $SID
	request "[$(event EZ1 queued),$(event EZ2 sent)]" >first
	request "[$(event EZ2 sent),$(event EZ3 delivered)]" >second
	SMS_SPOOL=$SMS_DB.spool SMS_DB=$PWD/none/sms.db sms-hook <first >answer 2>log
	grep -q '^HTTP/1.1 200' answer
	stop="MessageSid=${SID%f}0&SmsStatus=received&Body=STOP&From=%2B1&To=%2B2"
	{
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\nContent-Length: %s\r\n\r\n%s' "$(
			printf %s "$stop" | sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio"
			)" ${#stop} "$stop"
	} | SMS_SPOOL=$SMS_DB.spool SMS_DB=$PWD/none/sms.db sms-hook >answer 2>log
	grep -q Response answer
	mkdir begun
	mv sms.db sms.db.spool sms.db.spool.taking begun
	again() { rm -f sms.db*; cp -p begun/sms.db* .; }
	again
	strace -o trace sms-hook <second >answer 2>log
	sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' trace |
		awk '$1 != "execve" { print $1, ++n[$1] }' >calls
	awk -v most=$most '{ line[NR] = $0 } END {
		step = NR > most ? NR / most : 1
		for (i = 1; int(i) <= NR; i += step) print line[int(i)] }' calls >points
	n=0 killed=0 acknowledged=0
	while read -r name k; do
		again
		status=0
		strace -qq -o /dev/null -e "trace=$name" \
			-e "inject=$name:signal=KILL:when=$k" \
			sms-hook <second >answer 2>log || status=$?
		[ "$status" -ne 137 ] || killed=$((killed + 1))
		settled 2>/dev/null
		if grep -q '^HTTP/1.1 200' answer; then
			acknowledged=$((acknowledged + 1))
		else
			sms-hook <second >answer 2>log
			grep -q '^HTTP/1.1 200' answer
		fi
		settled
		[ "$(sql "SELECT group_concat(event_id, ' ') FROM (SELECT event_id
			FROM webhook_logs ORDER BY event_id)")" = 'EZ1 EZ2 EZ3' ] &&
			[ "$(sql "SELECT group_concat(status, ' ') FROM messages")" = 'delivered received' ] &&
			[ "$(sql 'SELECT count(*), sum(source = "reply") FROM optouts')" = '1|1' ] ||
			{ echo "broken by a kill at $name $k"; return 1; }
		n=$((n + 1))
	done <points
	echo "$n points, $killed killed, $acknowledged acknowledged"
	[ "$killed" -gt $((n * 9 / 10)) ]
	[ "$acknowledged" -gt 1 ]
	[ "$acknowledged" -lt "$n" ]
}

# Messages that come in: stored, answered, and obeyed where they say STOP.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef
THEM=+14155550100
SERVICE=MG0123456789abcdef0123456789abcdef

setup() {
	common_setup
	servers_setup
	export WEBHOOK_BASE_URL=https://hooks.example.net
	N=0
}

teardown() {
	common_teardown
}

# posted body [option ...]: a signed form to a hook of its own; answer, log,
# code, status
posted() {
	local body=$1
	shift
	status=0
	{
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\nContent-Length: %s\r\n\r\n%s' \
			"$(printf %s "$body" |
				sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")" \
			"${#body}" "$body"
	} | sms-hook "$@" >answer 2>log || status=$?
	code=$(sed -n '1s/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer)
}

# reply text [parameters [option ...]]: a new message from THEM, as Twilio
# posts it
reply() {
	local text=$1 more=${2-}
	shift; [ $# -eq 0 ] || shift
	N=$((N + 1))
	sid=$(printf SM%032d $N)
	posted "ToCountry=US&SmsMessageSid=$sid&NumMedia=0&SmsSid=$sid&SmsStatus=received&Body=$text&To=%2B15005550006&NumSegments=1&MessageSid=$sid&AccountSid=$TWILIO_ACCOUNT_SID&From=${THEM/+/%2B}&ApiVersion=2010-04-01$more" "$@"
	[ "$code $status" = '200 0' ]
	[ ! -s log ]
}

pairs() {
	sms-optout | cut -f 1,2,4 | tr '\t' ' '
}

outcome() {
	sql 'SELECT outcome FROM webhook_logs ORDER BY id DESC LIMIT 1'
}

twiml='<?xml version="1.0" encoding="UTF-8"?><Response/>'

@test "a reply is stored and answered with empty TwiML" {
	reply 'When+do+you+open%3F%0A%F0%9F%98%80' "&MessagingServiceSid=$SERVICE" \
		-t 2026-02-03T04:05:06Z
	grep -q "^Content-Type: text/xml$(printf '\r')" answer
	[ "$(sed '1,/^\r$/d' answer)" = "$twiml" ]
	[ "$(sql "SELECT twilio_message_sid, direction, status, from_number,
			to_number, body, media_url IS NULL, segments, created_at, sender,
			ref IS NULL
		FROM messages")" = \
"$sid|inbound|received|$THEM|+15005550006|When do you open?
😀|1|1|2026-02-03T04:05:06Z|$SERVICE|1" ]
	[ "$(sql "SELECT status, outcome, source, twilio_message_sid, host, target,
			length(signature), params LIKE '%Body=When%'
		FROM webhook_logs")" = \
		"success|applied|reply|$sid|x|/api/webhooks/twilio|28|1" ]
	[ "$(pairs)" = '' ]
}

@test "a reply with pictures has their URLs" {
	posted "SmsStatus=received&NumMedia=2&Body=&MediaUrl0=https%3A%2F%2Fa%2F1&MediaUrl1=https%3A%2F%2Fa%2F2&MediaContentType0=image%2Fpng&MessageSid=$SID&From=%2B14155550100&To=%2B15005550006&NumSegments=x"
	[ "$code" = 200 ]
	[ "$(sql "SELECT media_url, body IS NULL, segments IS NULL FROM messages")" = \
		'https://a/1 https://a/2|1|1' ]
}

@test "a reply that is posted again is stored once" {
	for i in 1 2 3; do
		posted "MessageSid=$SID&SmsStatus=received&Body=hi&From=%2B1415555010$i" \
			-t 2026-02-03T04:05:0${i}Z
		[ "$(sed '1,/^\r$/d' answer)" = "$twiml" ]
	done
	[ "$(sql 'SELECT count(*), from_number, created_at, updated_at FROM messages')" = \
		'1|+14155550101|2026-02-03T04:05:01Z|2026-02-03T04:05:01Z' ]
	[ "$(sql "SELECT group_concat(outcome, ' ') FROM webhook_logs")" = 'applied same same' ]
}

@test "a STOP is heard though its row was there already, without a text" {
	# as one who takes over the messages of another program has it
	printf '%s\treceived\t\\N\t2026-01-01T00:00:00Z\tlist\t+15005550006\t%s\tinbound\n' \
		$SID $THEM | sms-apply -c >/dev/null
	for i in 1 2; do
		posted "MessageSid=$SID&SmsStatus=received&Body=STOP&To=%2B15005550006&From=${THEM/+/%2B}"
	done
	[ "$(sql 'SELECT count(*), body FROM messages')" = '1|STOP' ]
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
	[ "$(sql 'SELECT outcome FROM webhook_logs ORDER BY id' | xargs)" = 'stop same' ]
}

@test "a reply never touches a message that went out" {
	settled
	sql "INSERT INTO messages (ref, twilio_message_sid, direction, to_number,
		status, created_at, updated_at)
		VALUES ('r1', '$SID', 'outbound-api', '$THEM', 'sent',
		'2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')"
	sql 'SELECT * FROM messages' >before
	posted "MessageSid=$SID&SmsStatus=received&Body=STOP&NumMedia=1&MediaUrl0=x&From=%2B14155550100&To=%2B15005550006"
	[ "$(sed '1,/^\r$/d' answer)" = "$twiml" ]
	[ "$(outcome)" = conflict ]
	sql 'SELECT * FROM messages' | diff before -
	[ "$(pairs)" = '' ]
	[ "$(sql 'SELECT count(*) FROM message_delivery_status')" = 0 ]
}

@test "what has no text and no media is a status, and so is any other word" {
	posted "MessageSid=$SID&SmsStatus=received&From=%2B14155550100"
	posted "MessageSid=$SID&SmsStatus=receiving&Body=STOP&From=%2B14155550100&To=%2B15005550006"
	posted "MessageSid=$SID&MessageStatus=sent&SmsStatus=received&Body=STOP"
	[ "$code" = 200 ]
	refute grep -q '^Content-Type' answer
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 3 ]
	[ "$(pairs)" = '' ]
	# one that comes to be known now takes them in and stays what it is
	posted "MessageSid=$SID&SmsStatus=received&Body=hi&From=%2B14155550100"
	[ "$(sql 'SELECT direction, status FROM messages')" = 'inbound|received' ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
}

@test "status records do not move a message that came in" {
	reply hi
	for word in delivered received sent failed; do
		printf '%s\t%s\n' "$sid" $word
	done | sms-apply >outcomes
	[ "$(cut -f 2 outcomes)" = "$(printf 'stale\nsame\nstale\nstale')" ]
	[ "$(sql 'SELECT status FROM messages')" = received ]
}

@test "each of Twilio's words puts the sender of it on the list or takes it off" {
	for word in STOP stop StopAll unsubscribe CANCEL end Quit REVOKE optout \
		'+%0D%0A%09stop%09+' 'Stop%0A'; do
		reply "$word"
		[ "$(outcome)" = stop ]
		[ "$(pairs)" = "$THEM +15005550006 reply" ]
		sms-optout -d $THEM
	done
	for word in START yes UnStop '%0A+start+'; do
		sms-apply </dev/null
		sql "INSERT INTO optouts VALUES ('$THEM', '+15005550006',
			'2026-01-01T00:00:00Z', 'error')"
		reply "$word"
		[ "$(outcome)" = start ]
		[ "$(pairs)" = '' ]
	done
}

@test "a word among others is no keyword" {
	for text in 'please+stop' 'stop.' 'STOP+NOW' stopp sto '' 'not+stop' \
		'st%C3%B6p' stop%C2%A0 help HELP; do
		reply "$text"
		[ "$(outcome)" = applied ]
	done
	[ "$(pairs)" = '' ]
}

@test "what Twilio took the text for wins over the text" {
	reply Basta '&OptOutType=STOP'
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
	reply STOP '&OptOutType=START'
	[ "$(pairs)" = '' ]
	reply STOP '&OptOutType=HELP'
	[ "$(outcome)" = applied ]
	reply START '&OptOutType=stop'
	[ "$(outcome)" = stop ]
	# a type that is none yet does not hide the word
	reply START '&OptOutType=NEW'
	[ "$(pairs)" = '' ]
}

@test "a STOP holds for the number and the messaging service that it went to" {
	reply STOP "&MessagingServiceSid=$SERVICE"
	[ "$(pairs)" = "$THEM +15005550006 reply
$THEM $SERVICE reply" ]
	# to another number of the service
	posted "MessageSid=$SID&SmsStatus=received&Body=start&From=%2B14155550100&To=%2B15005550099&MessagingServiceSid=$SERVICE"
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
}

@test "sms-send obeys STOP, and START lifts it" {
	sim_start
	sms-send() { WEBHOOK_BASE_URL=http://127.0.0.1:9 command sms-send "$@"; }
	reply STOP
	run -69 --separate-stderr sms-send $THEM 'A table for two'
	[ "$(cut -f 2,3 <<<"$output")" = 'failed	21610' ]
	[ "$(simsql "SELECT count(*) FROM message")" = 0 ]
	# neither for others nor by others
	sms-send +14155550101 'A table for two' >sent
	reply START
	sms-send $THEM 'A table for three' >>sent
	[ "$(cut -f 2 sent | sort -u)" = queued ]
	reply STOP
	run -69 sms-send $THEM 'A table for four'
}

@test "a START that is older than a STOP does not lift it, told in any order" {
	first=2026-02-03T04:05:06Z second=2026-02-03T04:05:07Z third=2026-02-03T04:05:08Z
	reply STOP '' -t $second
	reply START '' -t $first
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
	reply STOP '' -t $first
	[ "$(sms-optout | cut -f 3)" = $second ]
	reply START '' -t $third
	[ "$(pairs)" = '' ]
	# nor does an older STOP undo a START
	reply STOP "&MessagingServiceSid=$SERVICE" -t $second
	[ "$(pairs)" = "$THEM $SERVICE reply" ]
	reply STOP '' -t 2026-02-03T04:05:09Z
	[ "$(pairs)" = "$THEM +15005550006 reply
$THEM $SERVICE reply" ]
	# the START between two STOP that are there
	reply START '' -t $third
	[ "$(sms-optout $THEM +15005550006 | wc -l)" -eq 1 ]
}

@test "STOP and START end in the same, in whatever order they are told" {
	sms-apply </dev/null
	# of each order of three words at three times: the last word counts
	for words in 'STOP START STOP' 'STOP START START' 'START STOP START' 'START STOP STOP'; do
		set -- $words
		case $3 in STOP) want=1 ;; *) want=0 ;; esac
		for order in '1 2 3' '1 3 2' '2 1 3' '2 3 1' '3 1 2' '3 2 1'; do
			sql 'DELETE FROM optouts; DELETE FROM messages; DELETE FROM webhook_logs'
			for i in $order; do
				reply "${!i}" '' -t 2026-02-03T04:05:0${i}Z
			done
			[ "$(sms-optout | wc -l)" -eq $want ] ||
				{ echo "$words told as $order"; return 1; }
		done
	done
}

@test "a STOP that is posted again after START changes nothing" {
	stop="MessageSid=$SID&SmsStatus=received&Body=STOP&From=%2B14155550100&To=%2B15005550006"
	posted "$stop"
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
	reply START
	posted "$stop"
	[ "$(outcome)" = same ]
	[ "$(pairs)" = '' ]
}

@test "a pair that was added by hand is taken off by hand" {
	sms-optout -a -t 2026-01-01T00:00:00Z $THEM
	reply STOP
	[ "$(sms-optout | cut -f 3,4)" = '2026-01-01T00:00:00Z	manual' ]
	reply START
	[ "$(pairs)" = "$THEM +15005550006 manual" ]
}

@test "a STOP in an event is a STOP" {
	body='{"specversion":"1.0","type":"com.twilio.messaging.inbound-message.received","id":"EZ1",
		"data":{"messageSid":"'$SID'","timestamp":"2026-02-03T04:05:06.000Z","from":"+14155550100",
		"to":"+15005550006","body":"Basta","messagingServiceSid":"'$SERVICE'","optOutType":"STOP"}}'
	target="/api/webhooks/twilio?bodySHA256=$(printf %s "$body" | sha256sum | cut -c 1-64)"
	# it comes late: a START was sent meanwhile
	reply START '' -t 2026-02-03T04:05:07Z
	{
		printf 'POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n' "$target" ${#body}
		printf 'Content-Type: application/json\r\nX-Twilio-Signature: %s\r\n\r\n%s' \
			"$(sms-sign "$WEBHOOK_BASE_URL$target" </dev/null)" "$body"
	} | sms-hook >answer
	[ "$(outcome)" = stop ]
	# that START went to the number and not by the service
	[ "$(sms-optout)" = "$THEM	$SERVICE	2026-02-03T04:05:06Z	reply" ]
}

@test "a reply with a text that fits in no line, or is none, is kept all the same" {
	long=$(printf %030000d 0 | sed 's/0/\t\\/g')
	posted "MessageSid=$SID&SmsStatus=received&Body=$long"
	[ "$code $status" = '200 0' ]
	[ "$(sql 'SELECT length(body) FROM messages')" = 60000 ]
	posted "MessageSid=${SID%f}0&SmsStatus=received&Body=a%FF"
	[ "$(sql "SELECT body IS NULL FROM messages
		WHERE twilio_message_sid = '${SID%f}0'")" = 1 ]
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE params LIKE '%Body=a!%FF' ESCAPE '!'")" = 1 ]
}

@test "a reply waits in the spool while others hold the store, and comes in once" {
	sms-apply </dev/null
	store_held
	posted "MessageSid=$SID&SmsStatus=received&Body=STOP&From=%2B14155550100&To=%2B15005550006" 8>&- &
	answered() { grep -q '^HTTP/1.1 200' answer 2>/dev/null; }
	until_true 5 answered
	grep -q STOP sms.db.spool*
	store_released
	wait $!
	sms-apply </dev/null
	[ "$(pairs)" = "$THEM +15005550006 reply" ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 1 ]
}

@test "without spool and store a reply is refused, without TwiML" {
	mkdir sms.db
	SMS_SPOOL=$PWD/none/spool posted "MessageSid=$SID&SmsStatus=received&Body=STOP"
	[ "$code $status" = '503 74' ]
	grep -q 'sms-hook: 503 store_failed' log
	refute grep -q Response answer
}

@test "a process that listens answers replies with TwiML and callbacks without" {
	PORT=$(free_port)
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
	start systemd-socket-activate -l "127.0.0.1:$PORT" "$PWD/sms-hook"
	until_true 10 grep -q '^Listening' systemd-socket-activate.err
	[ "$(post_callback "MessageSid=$SID&SmsStatus=received&Body=STOP&From=%2B14155550100&To=%2B15005550006" -D head)" = 200 ]
	grep -qi '^Content-Type: text/xml' head
	[ "$(cat answer)" = "$twiml" ]
	[ "$(post_callback "MessageSid=${SID%f}0&MessageStatus=sent" -D head)" = 200 ]
	refute grep -qi '^Content-Type' head
	listed() { [ "$(pairs 2>/dev/null)" = "$THEM +15005550006 reply" ]; }
	until_true 10 listed
}

@test "by CGI a reply is answered with TwiML" {
	body="MessageSid=$SID&SmsStatus=received&Body=hi"
	printf %s "$body" | env GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
		REQUEST_URI=/api/webhooks/twilio CONTENT_LENGTH=${#body} \
		CONTENT_TYPE=application/x-www-form-urlencoded \
		HTTP_X_TWILIO_SIGNATURE="$(printf %s "$body" |
			sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")" \
		sms-hook >answer 2>log
	grep -q '^Content-Type: text/xml' answer
	[ "$(sed '1,/^\r$/d' answer)" = "$twiml" ]
	[ "$(sql 'SELECT body FROM messages')" = hi ]
}

@test "a refused callback leaves its signature, host and target, and no body" {
	forged() {
		printf 'POST /api/webhooks/twilio?a=b HTTP/1.1\r\nHost: hooks.example.net:8443\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\nContent-Length: %s\r\n\r\n%s' \
			"${2-wrong}" ${#1} "$1"
	}
	forged 'a=b' | sms-hook >answer 2>log
	[ "$(sql 'SELECT status, signature, host, target, params IS NULL FROM webhook_logs')" = \
		'bad_signature|wrong|hooks.example.net:8443|/api/webhooks/twilio?a=b|1' ]
	# longer than any that is right
	forged 'a=b' "$(printf %0101d 0)" | sms-hook >answer 2>log
	[ "$(sql 'SELECT count(*) FROM webhook_logs WHERE signature IS NULL')" = 1 ]
	forged 'a=b' | sed "s/?a=b/?$(printf %02048d 0)/" | sms-hook >answer 2>log
	[ "$(sql 'SELECT count(*) FROM webhook_logs WHERE target IS NULL')" = 1 ]
	# while the cause is looked for
	forged 'a=%00' | SMS_LOG_REFUSED=body sms-hook >answer 2>log
	forged 'c=%41+d' | SMS_LOG_REFUSED=body sms-hook >answer 2>log
	[ "$(sql "SELECT status, params FROM webhook_logs WHERE id > 3")" = \
		'bad_form|a=%00
bad_signature|c=%41+d' ]
	forged 'a=b' >request
	run -78 --separate-stderr env SMS_LOG_REFUSED=all sms-hook <request
	[[ $stderr == *"sms-hook: SMS_LOG_REFUSED is not 'body'"* ]]
}

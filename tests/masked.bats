# What a person reads has no telephone number in full and no text of a message.
# Each tool is called in all its ways, on a terminal and off it, with a store
# in which these stand; off it, records on standard output are data.

load helper

setup() {
	common_setup
	sim_start
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	# no test waits for what does not answer
	export SMS_TIMEOUT=1
}
teardown() { common_teardown; }

# callers, us, our service; with and without "+", and as a form has it
NUMBERS='447700900[0-9]{3}|15005550006'
WORDS='secret words'

# row n status column=value...: made an hour ago
row() {
	local c n=$1
	sql "INSERT INTO messages (id, twilio_message_sid, ref, direction,
		to_number, from_number, sender, body, status, created_at,
		updated_at) VALUES ($n, printf('SM%032d', $n), 'for-447700900$n',
		'outbound-api', '+447700900$n', '+15005550006', '+15005550006',
		'$WORDS', '$2', '$AT', '$AT')"
	for c in "${@:3}"; do
		sql "UPDATE messages SET $c WHERE id = $n"
	done
}

# request body [signature]: what a proxy would say to sms-hook
request() {
	local url=$WEBHOOK_BASE_URL/api/webhooks/twilio
	printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
	printf 'Content-Type: application/x-www-form-urlencoded\r\n'
	printf 'X-Twilio-Signature: %s\r\n' \
		"${2:-$(printf %s "$1" | sms-sign "$url")}"
	printf 'Content-Length: %s\r\n\r\n%s' "${#1}" "$1"
}

# One of each: delivered, worth another try, failed, ambiguous, stuck, pending,
# one that came in, one opted out, requests that were taken and refused.
a_store() {
	AT=$(date -u -d '4 hours ago' +%Y-%m-%dT%H:%M:%SZ)
	sms-send -q -r sent-447700900100 +447700900100 "$WORDS" >sent
	sms-send -q -m MG0123456789abcdef0123456789abcdef \
		-a "$(date -u -d '2 hours' +%Y-%m-%dT%H:%M:%SZ)" \
		+447700900100 "$WORDS" >scheduled
	row 101 delivered "delivered_at = '$AT'"
	row 102 failed error_code=30003 "failed_at = '$AT'"
	row 103 failed error_code=21211 "failed_at = '$AT'" \
		"error_message = 'Invalid To: +447700900103'"
	row 104 ambiguous twilio_message_sid=NULL "body_sha256 = 'x'"
	row 105 sent "sent_at = '$AT'"
	row 106 pending twilio_message_sid=NULL
	row 107 received "direction = 'inbound'" \
		"to_number = '+15005550006'" "from_number = '+447700900107'"
	sms-optout -a +447700900108
	body="MessageSid=$(printf 'SM%032d' 105)&MessageStatus=sent&To=%2B447700900105&From=%2B15005550006"
	request "$body" >good
	request "$body&Body=secret+words" "$(printf x | sms-sign http://x)" >forged
	sms-hook <good >/dev/null
	sms-hook <forged >/dev/null 2>&1
	printf '%s\t%s\t%s\n' +447700900100 "$WORDS" twice >sends
	printf '%s\t%s\n' 447700900100 "$WORDS" +447700900 "$WORDS" \
		+4477009001001111 "$WORDS" +447700900108 "$WORDS" >bad
	printf '%s\t%s\\x\n' +447700900100 "$WORDS" >>bad
	printf '%s\tfor-447700900101\n' +447700900101 >wrong
	printf '%s\tsent\t\\N\t\\N\tfetch\t+447700900101\tx\\x\n' +447700900101 >>wrong
	printf '%s\tsent\t\\N\t\\N\tfetch\t+447700900101' +447700900101 >>wrong
	sms-list | cut -f 1-12 >records
}

# calls program: each a line, without -P
calls() {
	local name
	case $1 in
	sms-apply) cat <<-'X'
		sms-apply -n -v <records
		sms-apply -v <wrong
		sms-apply -c <records
		sms-apply +447700900101
		sms-apply -u +447700900101
		sms-apply -l
		X
		;;
	sms-cancel) cat <<-'X'
		sms-cancel <scheduled
		sms-cancel <sent
		sms-cancel <wrong
		sms-cancel 447700900101
		TWILIO_API_URL=http://127.0.0.1:9 sms-cancel <sent
		X
		;;
	sms-check) echo 'sms-check
		sms-check +447700900101
		sms-check -w +447700900101 stuck' ;;
	sms-explain) cat <<-'X'
		sms-explain -u
		sms-explain 30003 0 99999
		sms-explain 447700900101
		sms-explain +447700900101
		sms-explain -H <records
		sms-explain <wrong
		X
		;;
	sms-fetch) cat <<-'X'
		sms-fetch <sent
		sms-fetch -v <records
		sms-fetch -l <records
		sms-fetch <wrong
		sms-fetch 447700900101
		sms-fetch -a 1d
		TWILIO_API_URL=http://127.0.0.1:9 sms-fetch <sent
		sms-stuck -n 0 | TWILIO_API_URL=http://127.0.0.1:9 sms-fetch
		X
		;;
	sms-hook) cat <<-'X'
		sms-hook <good
		sms-hook <forged
		tail -c 400 forged | sms-hook
		sms-hook +447700900101 <good
		X
		;;
	sms-json) cat <<-'X'
		sms-json <records
		sms-json <wrong
		sms-json -n to,body,ref <sends
		sms-json <records | sms-json -r
		sms-json -n to,body,ref <sends | sms-json -r
		echo '{"to":"+447700900101","body":"secret words"' | sms-json -r
		sms-json -n +447700900101 <records
		X
		;;
	sms-list) cat <<-'X'
		sms-list
		sms-list -H for-447700900101
		sms-list -v for-447700900101 for-447700900103 for-447700900107
		sms-list -c
		sms-list 447700900199 +447700900199
		sms-list -s +447700900101
		sms-list -d +447700900101
		sms-list -e 447700900101
		sms-list -p 447700900101 -S +447700900101
		X
		;;
	sms-lock) echo 'sms-lock -n +447700900101 true
		sms-lock lock +447700900101' ;;
	sms-log) cat <<-'X'
		sms-log -H
		sms-log -r
		sms-log -s bad_signature
		sms-log -s +447700900101
		sms-log -n +447700900101
		X
		;;
	sms-optout) cat <<-'X'
		sms-optout
		sms-optout -H +447700900108
		sms-optout -a 447700900101
		sms-optout -d +447700900101
		sms-optout -d <wrong
		sms-optout -a <bad
		sms-optout -a +447700900101 15005550006x
		X
		;;
	sms-prune) echo 'sms-prune -n -v -r +447700900101
		sms-prune -r 447700900101
		sms-prune -b +447700900101' ;;
	sms-reconcile) echo 'sms-reconcile -n
		sms-reconcile
		sms-reconcile -m +447700900101' ;;
	sms-report)
		for name in daily errors latency country sender customer \
			carrier cost loss hours +447700900101; do
			echo "sms-report $name"
		done ;;
	sms-retry) cat <<-'X'
		sms-retry -H -w 0s
		sms-retry -f 15005550006
		sms-retry -f 447700900101
		sms-retry -m +447700900101
		X
		;;
	sms-send) cat <<-'X'
		sms-send +447700900109 'secret words'
		sms-send -n <sends
		sms-send -n <bad
		sms-send <bad
		sms-send -k series <sends
		sms-send 447700900101 'secret words'
		sms-send -r for-447700900104 +447700900104 'secret words'
		sms-send -r sent-447700900100 +447700900100 'other secret words'
		sms-send -f 447700900101 +447700900101 'secret words'
		sms-send -m +447700900101 +447700900101 'secret words'
		SMS_MAX_PER_RECIPIENT_PER_DAY=1 sms-send +447700900100 'secret words'
		SMS_MAX_PER_DAY=+447700900101 sms-send +447700900100 'secret words'
		TWILIO_PHONE_NUMBER=15005550006 sms-send +447700900100 'secret words'
		TWILIO_API_URL=http://127.0.0.1:9 sms-send +447700900100 'secret words'
		X
		;;
	sms-sign) cat <<-'X'
		sms-sign -v x "$WEBHOOK_BASE_URL/api/webhooks/twilio?ref=447700900101" <sends
		sms-sign -d <good
		sms-sign -d <forged
		sms-sign -d -l 2
		sms-sign -d -l +447700900101
		X
		;;
	sms-sim) echo 'sms-sim -p +447700900101
		sms-sim -s +447700900101' ;;
	sms-stat) echo 'sms-stat
		sms-stat -p
		sms-stat -S +447700900101' ;;
	sms-stuck) cat <<-'X'
		sms-stuck -n 0
		sms-stuck -ax
		sms-stuck -p
		sms-stuck -n +447700900101
		X
		;;
	sms-wait) cat <<-'X'
		sms-wait -w 1s for-447700900101 for-447700900105
		sms-wait -w 1s +447700900199 for-447700900199
		sms-wait -w 1s <wrong
		X
		;;
	esac
}

# run_calls: of standard input, whatever their status, but none may be killed
run_calls() {
	local call status
	while IFS= read -r call; do
		status=0
		timeout 20 bash -c "$call" <<<'' || status=$?
			case $status in 124|13[0-9]) echo "killed ($status): $call";; esac
	done
}
export -f run_calls

# clean file: no number and no text in it
clean() {
	! grep -aEn "$NUMBERS|killed" "$1" && ! grep -an 'secret' "$1"
}

@test "no tool shows a number or a text on a terminal or on standard error" {
	local name names
	a_store
	cp sms.db start.db
	names=$(cd "$ROOT/bin" && ls ./*.c ./*.sh | sed 's|^\./||; s/\.[a-z]*$//')
	for name in $names; do
		echo "$name"
		calls "$name" >calls
		[ -s calls ]
		rm -f sms.db-* && cp start.db sms.db
		run_calls <calls >"$name.data" 2>"$name.said"
		clean "$name.said"
		rm -f sms.db-* && cp start.db sms.db
		# (where nobody answers, tries take their time: once is enough)
		sed -i /TWILIO_API_URL=/d calls
		# (run_calls comes by the environment, which only bash passes on)
		SHELL=$BASH script -qec 'run_calls <calls' "$name.screen" \
			</dev/null >/dev/null
		sed -i '/^Script /d' "$name.screen"
		[ -s "$name.screen" ]
		clean "$name.screen"
	done
	# this would have been seen: records in a file have them
	for name in cancel explain fetch json list log optout retry send stuck wait; do
		echo "$name"
		grep -qE "$NUMBERS" sms-$name.data
		grep -q '…' sms-$name.screen
	done
	for name in json retry; do
		grep -q secret sms-$name.data
	done
}

@test "-P shows them, and what is piped is whole" {
	a_store
	script -qec 'sms-list -P; sms-list -vP for-447700900101' screen </dev/null
	grep -q '+447700900101' screen
	grep -q "$WORDS" screen
	script -qec 'sms-stuck -n 0 | cat' screen </dev/null
	grep -q '+447700900105' screen
}

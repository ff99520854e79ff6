# sms-hook on real sockets: callbacks, the store, and what goes wrong.
load helper

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
	umask 022
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

# state ref: status, error code and SID of that message, with all that was
# answered with 200 until now
state() {
	settled
	sql "SELECT status, coalesce(error_code, '-'),
		coalesce(twilio_message_sid, '-')
		FROM messages WHERE ref = '$1'"
}

# request body [query [header ...]]: a whole request, signed, as bytes
request() {
	local body=$1 query=${2-} url=$WEBHOOK_BASE_URL/api/webhooks/twilio
	shift; [ $# -eq 0 ] || shift
	printf 'POST /api/webhooks/twilio%s HTTP/1.1\r\nHost: x\r\n' "$query"
	printf 'Content-Type: application/x-www-form-urlencoded\r\n'
	printf 'X-Twilio-Signature: %s\r\n' \
		"$(printf %s "$body" | sms-sign "$url$query")"
	[ $# -eq 0 ] || printf '%s\r\n' "$@"
	printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
}

# served [assignment ...]: runs sms-hook on stdin; answer, log, status.
served() {
	status=0
	env "$@" sms-hook >answer 2>log || status=$?
	code=$(sed -n '1s/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer)
}

# refused status word: that is what the log of served, or of the socket, says
refused() {
	until_true 5 grep -q "sms-hook: $1 $2 from" log ||
		{ cat log; return 1; }
}

# waits word: a callback with that word waits in the spool.
waits() {
	cat "$SMS_DB.spool" "$SMS_DB.spool.taking" 2>/dev/null | grep -q "$1"
}

# once word [n]: callbacks with that word are in the log once (n times), and
# nothing waits any more.
once() {
	settled
	[ "$(sql "SELECT count(*) FROM webhook_logs
		WHERE status = 'success' AND params LIKE '%$1%'")" = "${2:-1}" ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	[ ! -e "$SMS_DB.spool" ]
	[ ! -e "$SMS_DB.spool.taking" ]
}

logged() {
	until_true 5 log_has "$1"
}

log_has() {
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE $1" 2>/dev/null)" -gt 0 ]
}

hook_started() {
	hook_start "$@"
	ln -s socat.err log
}

@test "a signed callback moves its message" {
	hook_started
	message r1 $SID
	run -0 post_callback "MessageSid=$SID&MessageStatus=sent&To=%2B14155550100"
	[ "$output" = 200 ]
	[ "$(state r1)" = "sent|-|$SID" ]
	run -0 post_callback "MessageSid=$SID&MessageStatus=undelivered&ErrorCode=30003&ErrorMessage=Unreachable"
	[ "$output" = 200 ]
	[ "$(state r1)" = "undelivered|30003|$SID" ]
	[ "$(sql 'SELECT error_message FROM messages')" = Unreachable ]
	[ "$(sql "SELECT status, outcome, answer, peer, took_us > 0 FROM webhook_logs
		WHERE params LIKE '%=sent&To=%'")" = "success|applied|200|127.0.0.1|1" ]
	[ ! -s answer ]
}

@test "the ref in the query tells the row its SID" {
	hook_started
	message r1 '' ambiguous
	CALLBACK_QUERY='?ref=r1'
	run -0 post_callback "MessageSid=$SID&MessageStatus=sent"
	[ "$output" = 200 ]
	[ "$(state r1)" = "sent|-|$SID" ]
}

@test "the callback URL may have a query of its own" {
	hook_started
	echo "TWILIO_STATUS_CALLBACK=$WEBHOOK_BASE_URL/api/webhooks/twilio?tenant=7#rc=2" >>hook.conf
	message r1
	CALLBACK_QUERY='?tenant=7&ref=r1'
	run -0 post_callback "MessageSid=$SID&MessageStatus=sent"
	[ "$output" = 200 ]
	[ "$(state r1)" = "sent|-|$SID" ]
}

@test "a late callback does not take a message back" {
	hook_started
	message r1 $SID
	for word in delivered sent queued delivered; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=$word")" = 200 ]
	done
	[ "$(state r1)" = "delivered|-|$SID" ]
	[ "$(sql "SELECT outcome FROM webhook_logs
		WHERE twilio_message_sid = '$SID' ORDER BY id" | tr '\n' ' ')" = \
		"applied stale stale same " ]
}

@test "a callback that overtakes its message is kept for it" {
	hook_started
	[ "$(post_callback "MessageSid=$SID&MessageStatus=delivered")" = 200 ]
	settled
	[ "$(sql "SELECT outcome FROM webhook_logs")" = unknown ]
	message r1 '' pending
	CALLBACK_QUERY='?ref=r1'
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent")" = 200 ]
	[ "$(state r1)" = "delivered|-|$SID" ]
}

@test "a message that came in touches no message that went out" {
	hook_started
	message r1 $SID sent
	[ "$(post_callback "SmsSid=$SID&SmsStatus=received&Body=hi")" = 200 ]
	[ "$(state r1)" = "sent|-|$SID" ]
}

@test "many callbacks at once all arrive" {
	hook_started
	message r1 $SID
	for i in $(seq 40); do
		request "MessageSid=$SID&MessageStatus=sent&N=$i" >"request.$i"
	done
	printf '%s\n' request.* | xargs -P 8 -I '{}' sh -c \
		'socat -t 30 - "TCP:127.0.0.1:$1" <"$2" | head -n 1' sh "$HOOK_PORT" '{}' >codes
	[ "$(grep -c '^HTTP/1.1 200' codes)" -eq 40 ]
	once N= 40
	[ "$(sql "SELECT count(DISTINCT params) FROM webhook_logs
		WHERE status = 'success' AND params LIKE '%N=%'")" -eq 40 ]
}

@test "a body in chunks is a body" {
	hook_started
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent" \
		-H 'Transfer-Encoding: chunked')" = 200 ]
	once "$SID"
}

@test "a body that fits in no line, or is no text, is kept all the same" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	long=$(printf %030000d 0 | sed 's/0/\t\\/g')
	request "MessageSid=$SID&MessageStatus=sent&N=1&Body=$long" >long
	[ "$(wc -c <long)" -gt 60000 ]
	request "MessageSid=$SID&MessageStatus=delivered&N=2&Body=$(printf '\377')" >bytes
	for what in long bytes; do
		served <$what
		[ "$code $status" = '200 0' ]
		[ ! -s log ]
	done
	once "$SID" 2
	[ "$(sql "SELECT length(params) > 60000 FROM webhook_logs
		WHERE params LIKE '%N=1%'")" = 1 ]
	[ "$(sql "SELECT hex(substr(CAST(params AS BLOB), -1)) FROM webhook_logs
		WHERE params LIKE '%N=2%'")" = FF ]
	[ "$(sql "SELECT group_concat(status, ' ') FROM (SELECT status
		FROM early_status ORDER BY status)")" = 'delivered sent' ]
}

@test "a client that leaves at once is served all the same" {
	hook_started
	message r1 $SID
	exec 8<>"/dev/tcp/127.0.0.1/$HOOK_PORT"
	request "MessageSid=$SID&MessageStatus=sent" >&8
	exec 8>&-
	logged "twilio_message_sid = '$SID'"
	[ "$(state r1)" = "sent|-|$SID" ]
}

@test "without the right signature nothing is taken in" {
	hook_started
	message r1 $SID
	body="MessageSid=$SID&MessageStatus=delivered"
	url=$WEBHOOK_BASE_URL/api/webhooks/twilio
	right=$(printf %s "$body" | sms-sign "$url")
	post() {
		curl -sS -D head -o answer -w '%{http_code}\n' --data-raw "$body" "$@"
	}
	[ "$(post "$url")" = 401 ]
	refused 401 no_signature
	[ -z "$(grep -i '^WWW-Authenticate' head)" ]
	[ ! -s answer ]
	[ "$(post -H "X-Twilio-Signature: ${right}x" "$url")" = 401 ]
	refused 401 bad_signature
	[ "$(post -H "X-Twilio-Signature: $right" "$url?x=1")" = 401 ]
	[ "$(post -H "X-Twilio-Signature;" "$url")" = 401 ]
	body="$body&x=1"
	[ "$(post -H "X-Twilio-Signature: $right" "$url")" = 401 ]
	[ "$(TWILIO_AUTH_TOKEN=other post_callback "$body")" = 401 ]
	[ "$(state r1)" = "queued|-|$SID" ]
	logged "status = 'no_signature' AND answer = 401 AND params IS NULL"
	logged "status = 'bad_signature' AND answer = 401 AND params IS NULL"
	[ "$(sql "SELECT count(*) FROM early_status WHERE sid = '$SID'")" = 0 ]
}

@test "each token of a rotation signs, and a subaccount's own for it alone" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	main=$TWILIO_AUTH_TOKEN account=AC000000000000000000000000000000ab
	request "MessageSid=$SID&MessageStatus=sent" >by_main
	request "MessageSid=$SID&MessageStatus=sent&AccountSid=$account" >sub_by_main
	TWILIO_AUTH_TOKEN=own request "MessageSid=$SID&MessageStatus=sent" >by_own
	TWILIO_AUTH_TOKEN=own request \
		"MessageSid=$SID&MessageStatus=sent&AccountSid=$account" >sub_by_own
	TWILIO_AUTH_TOKEN=own request \
		"MessageSid=$SID&MessageStatus=sent&AccountSid=${account}x" >odd_by_own
	served TWILIO_AUTH_TOKEN="new, $main" <by_main; [ "$code" = 200 ]
	served TWILIO_AUTH_TOKEN="new" <by_main; [ "$code" = 401 ]
	served "TWILIO_AUTH_TOKEN_$account=own" <sub_by_own; [ "$code" = 200 ]
	served "TWILIO_AUTH_TOKEN_$account=own" <by_main; [ "$code" = 200 ]
	served "TWILIO_AUTH_TOKEN_$account=own" <sub_by_main; [ "$code" = 401 ]
	served "TWILIO_AUTH_TOKEN_$account=own" <by_own; [ "$code" = 401 ]
	served "TWILIO_AUTH_TOKEN_$account=own" <odd_by_own; [ "$code" = 401 ]
}

# A stranger chooses the account: what is wrong with its token must show before.
@test "a token that is none is wrong at the start, a subaccount's too" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	account=AC000000000000000000000000000000ab
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >health
	echo , >file
	chmod 600 file
	for name in TWILIO_AUTH_TOKEN "TWILIO_AUTH_TOKEN_$account"; do
		for value in ' ' , ', ,' $'\t' $'\n'; do
			served "$name=$value" <health
			[ "$code $status" = '503 78' ]
			grep -qx "sms-hook: $name is empty" log
		done
	done
	served "TWILIO_AUTH_TOKEN_${account}_FILE=$PWD/file" <health
	[ "$code $status" = '503 78' ]
	grep -qx "sms-hook: TWILIO_AUTH_TOKEN_$account is empty" log
	# as if it were not set
	served "TWILIO_AUTH_TOKEN_$account=" <health
	[ "$code $status" = '200 0' ]
}

# Over HTTP the blanks around a value vanish.
@test "every published signature is judged rightly over HTTP" {
	n=0 bad=0
	while IFS=$(printf '\t') read -r url body token signature note; do
		case $note in
		*'leading blank'*) continue ;;
		*'; core;'*|*'; docs;'*) ;;
		*) continue ;;
		esac
		type='application/x-www-form-urlencoded; charset=UTF-8'
		case $note in
		*'; json;'*) type=application/json ;;
		esac
		target=${url#*://}
		target=/${target#*/}
		{
			printf 'POST %s HTTP/1.1\r\nHost: x\r\n' "${target%%#*}"
			printf 'Content-Type: %s\r\n' "$type"
			printf 'X-Twilio-Signature: %s\r\n' "$signature"
			printf 'Content-Length: %s\r\n\r\n%s' \
				"$(printf %s "$body" | wc -c)" "$body"
		} >vector
		served "TWILIO_STATUS_CALLBACK=$url" "TWILIO_AUTH_TOKEN=$token" <vector
		case ${note%%;*} in
		accept) case $code in 200|400) ;; *) false ;; esac ;;
		reject) [ "$code" = 401 ] ;;
		esac || { echo "$code: $note"; bad=$((bad + 1)); }
		n=$((n + 1))
	done < <(grep -v '^#' "$ROOT/tests/fixtures/signature-vectors.tsv" |
		sed "s/$(printf '\t\t')/$(printf '\t\001\t')/g; s/$(printf '\t\t')/$(printf '\t\001\t')/g" |
		tr '\t\001' '\t\t')
	echo "$n vectors"
	[ "$n" -ge 60 ]
	[ "$bad" -eq 0 ]
}

@test "a callback without a good SID and status is no callback" {
	hook_started
	[ "$(post_callback "MessageStatus=sent")" = 400 ]
	refused 400 no_sid
	[ "$(post_callback "MessageSid=&MessageStatus=sent")" = 400 ]
	for sid in SM0 "${SID}0" "XX${SID#SM}" "SMg${SID#SM0}" "$SID%0A"; do
		[ "$(post_callback "MessageSid=$sid&MessageStatus=sent")" = 400 ]
	done
	refused 400 bad_sid
	[ "$(post_callback "MessageSid=$SID")" = 400 ]
	refused 400 no_status
	for word in 'sent%20' 'sent%0Ax' sent1 '%C3%A9' "$(printf %031d 0 | tr 0 a)"; do
		[ "$(post_callback "MessageSid=$SID&MessageStatus=$word")" = 400 ]
	done
	refused 400 bad_status
	[ "$(post_callback "SmsSid=$SID&SmsStatus=sent")" = 200 ]
	[ "$(post_callback "MessageSid=$SID&MessageStatus=newword")" = 200 ]
}

@test "what is not as Twilio writes it is left out" {
	hook_started
	message r1 $SID
	[ "$(post_callback "MessageSid=$SID&MessageStatus=failed&ErrorCode=3x&From=%FF&ErrorMessage=")" = 200 ]
	[ "$(state r1)" = "failed|-|$SID" ]
	[ "$(sql 'SELECT from_number IS NULL, error_message IS NULL FROM messages')" = '1|1' ]
}

@test "a channel's message of an error is taken where there is no other" {
	hook_started
	message r1 $SID
	[ "$(post_callback "MessageSid=$SID&MessageStatus=failed&ErrorCode=63016&ChannelStatusMessage=Outside+window")" = 200 ]
	settled
	[ "$(sql 'SELECT error_code, error_message FROM messages')" = '63016|Outside window' ]
}

@test "what is no POST of a form is refused" {
	hook_started
	url=$WEBHOOK_BASE_URL/api/webhooks/twilio
	code() {
		curl -sS -o answer -w '%{http_code}\n' "$@"
	}
	[ "$(code "$url")" = 405 ]
	refused 405 method
	[ "$(code "$WEBHOOK_BASE_URL/")" = 404 ]
	refused 404 not_found
	[ "$(code -X POST -H Content-Length: "$url")" = 411 ]
	refused 411 no_length
	[ "$(code -H 'Content-Type: text/plain' -d '{}' "$url")" = 415 ]
	refused 415 media_type
	[ "$(code -H 'Content-Type: application/jsonp' -d '{}' "$url")" = 415 ]
	[ "$(code -H 'Content-Type: application/x-www-form-urlencodedx' -d a "$url")" = 415 ]
	[ "$(code -H 'Content-Type:' -d a=1 "$url")" = 415 ]
	[ "$(code -d 'a=%00' "$url")" = 400 ]
	refused 400 bad_form
	[ "$(code -d "$(seq -s '&' 201)" "$url")" = 400 ]
	[ "$(code "$WEBHOOK_BASE_URL/healthz")" = 200 ]
	[ "$(cat answer)" = ok ]
}

@test "a proxy in front may change the path" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent" |
		sed '1s/\/api\/webhooks\/twilio/\/in/' >rewritten
	served SMS_HOOK_PATH=/in <rewritten
	[ "$code" = 200 ]
	served <rewritten
	[ "$code" = 404 ]
	served SMS_HOOK_PATH=in <rewritten
	[ "$code $status" = '503 78' ]
}

@test "a store that others hold keeps no callback waiting for its answer" {
	hook_started
	message r1 $SID
	store_held
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=1")" = 200 ]
	waits N=1
	# who takes says that it cannot; who comes meanwhile leaves it to that one
	[ "$(post_callback "MessageSid=$SID&MessageStatus=delivered&N=2")" = 200 ]
	waits N=2
	until_true 20 grep -q \
		"sms-hook: callbacks wait in '$SMS_DB.spool': database '$SMS_DB' is busy" log
	[ "$(sql 'SELECT status FROM messages')" = queued ]
	store_released
	[ "$(state r1)" = "delivered|-|$SID" ]
	once N=1
	once N=2
}

@test "what waits is taken in by the next callback" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=2" >second
	mkdir sms.db
	served <first
	[ "$code $status" = '200 0' ]
	waits N=1
	grep -q "callbacks wait in '$SMS_DB.spool': cannot open database" log
	rmdir sms.db
	served <second
	[ "$code $status" = '200 0' ]
	[ ! -s log ]
	[ "$(sql "SELECT group_concat(status, ' ') FROM (SELECT status
		FROM early_status ORDER BY status)")" = 'delivered sent' ]
	once N=1
	once N=2
}

@test "without a spool a store that others hold is waited for, then the answer is 503" {
	export SMS_SPOOL=$PWD/none/spool
	hook_started
	message r1 $SID
	store_held
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent" -D head)" = 503 ]
	grep -q '^Retry-After: 5' head
	refused 503 store_busy
	grep -q "cannot write spool '$SMS_SPOOL': No such file" log
	request "MessageSid=$SID&MessageStatus=sent" >again
	rm log
	served <again
	[ "$code $status" = '503 75' ]
	store_released
	[ "$(state r1)" = "queued|-|$SID" ]
	served <again
	[ "$code $status" = '200 0' ]
	[ "$(sql "SELECT status FROM messages")" = sent ]
	once "$SID"
}

@test "SIGTERM does not undo a request that was read whole" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=2" >second
	settled
	store_held
	# without a spool it is durable when the store has it
	SMS_SPOOL=$PWD/none/spool sms-hook <first >answer 2>log 8>&- 3>&- &
	in_store() {
		ls -l "/proc/$1/fd" 2>/dev/null | grep -q sms.db-wal
	}
	until_true 3 in_store $!
	kill -TERM $!
	kill -HUP $!
	store_released
	wait $!
	grep -q '^HTTP/1.1 200' answer
	once N=1
	# with one it was when it was answered, and is taken in all the same
	rm lock held
	store_held
	sms-hook <second >answer 2>log 8>&- 3>&- &
	until_true 3 in_store $!
	grep -q '^HTTP/1.1 200' answer
	waits N=2
	kill -TERM $!
	kill -HUP $!
	store_released
	wait $!
	[ ! -s log ]
	[ "$(sql "SELECT count(*) FROM early_status WHERE status = 'delivered'")" = 1 ]
	once N=2
}

@test "a store that cannot be written keeps callbacks waiting" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >whole
	echo 'no database, but longer than a page has to be to tell' >text
	export SMS_DB=$PWD/text
	served <whole
	[ "$code $status" = '200 0' ]
	grep -q "callbacks wait in '$PWD/text.spool': " log
	waits N=1
	run -74 settled
	waits N=1
	rm text
	once N=1
	export SMS_DB=$PWD/none/sms.db SMS_SPOOL=$PWD/spool
	served <whole
	[ "$code $status" = '200 0' ]
	grep -q "callbacks wait in '$PWD/spool': .*No such file" log
	mkdir none
	once N=1
	[ ! -e spool ]
	[ ! -e spool.taking ]
}

@test "where neither spool nor store can be written the answer is 503" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >whole
	served SMS_DB="$PWD/none/sms.db" <whole
	[ "$code $status" = '503 78' ]
	refused 503 store_failed
	grep -q 'No such file' log
	echo 'no database, but longer than a page has to be to tell' >text
	served SMS_DB="$PWD/text" SMS_SPOOL="$PWD/none/spool" <whole
	[ "$code $status" = '503 74' ]
	refused 503 store_failed
	# another user, where this one may write everything
	as=
	[ "$(id -u)" -ne 0 ] ||
		as='setpriv --reuid=65534 --regid=65534 --clear-groups'
	dir=$(mktemp -d)
	mkdir "$dir/open"
	chmod 777 "$dir/open"
	cp "$ROOT/bin/sms-hook" "$dir"
	export SMS_DB=$dir/sms.db
	settled
	chmod 555 "$dir"
	chmod 444 "$dir/sms.db"
	status=0
	$as "$dir/sms-hook" <whole >answer 2>log || status=$?
	SMS_SPOOL=$dir/open/spool $as "$dir/sms-hook" <whole >answer2 2>log2 || :
	# what was answered with 503 is not there, what was with 200 is
	chmod 755 "$dir"
	chmod 644 "$dir/sms.db"
	SMS_SPOOL=$dir/open/spool settled
	logs=$(sql "SELECT count(*) FROM webhook_logs")
	rm -r "$dir"
	[ "$status" -eq 74 ]
	grep -q '^HTTP/1.1 503' answer
	refused 503 store_failed
	grep -q "cannot write spool '$SMS_DB.spool': Permission denied" log
	grep -q '^HTTP/1.1 200' answer2
	grep -q "callbacks wait in '$dir/open/spool': " log2
	[ "$logs" -eq 1 ]
}

@test "a file that may not grow loses nothing that was answered with 200" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=2" >second
	settled
	limited() {
		(
			ulimit -f 1
			sms-hook <"$1" 2>&1 | cat >answer
		)
	}
	limited first
	grep -q '^HTTP/1.1 200' answer
	grep -q "callbacks wait in '$SMS_DB.spool': " answer
	waits N=1
	[ "$(sql 'SELECT count(*) FROM webhook_logs')" = 0 ]
	# no room for a line, or for a part of one, which then does no harm
	# (but for the empty lines at its end)
	grep . sms.db.spool.taking >kept
	rm sms.db.spool.taking
	for room in 0 1 2 40 150; do
		printf '#%*s\n' $((1024 - room - $(wc -c <kept) - 2)) '' >filling
		cat kept filling >sms.db.spool
		[ "$(wc -c <sms.db.spool)" -eq $((1024 - room)) ]
		limited second
		grep -q '^HTTP/1.1 503' answer
		grep -q "sms-hook: cannot write spool '$SMS_DB.spool': " answer
		grep -q 'sms-hook: 503 store_failed from' answer
		[ "$(sql 'PRAGMA integrity_check')" = ok ]
	done
	[ "$(wc -c <sms.db.spool)" -eq 1024 ]
	served <second
	[ "$code" = 200 ]
	once N=1
	once N=2
}

@test "a full disk is answered with 503 and leaves the store whole" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent&N=1" >first
	request "MessageSid=$SID&MessageStatus=delivered&N=2" >second
	mkdir disk
	export SMS_DB=$PWD/disk/sms.db
	cat >full <<-'EOF'
		set -e
		mount -t tmpfs -o size=512k none disk
		sms-apply </dev/null
		sms-hook <first >answer.1
		dd if=/dev/zero of=disk/filling bs=4k 2>/dev/null || :
		sms-hook <second >answer.2 2>log || echo $? >status
		rm disk/filling
		sms-hook <second >answer.3
		cp disk/sms.db* .
	EOF
	if ! unshare -rm mount -t tmpfs none disk 2>/dev/null; then
		echo '# no file system of its own may be mounted here' >&3
		return
	fi
	unshare -rm bash full
	[ "$(cat status)" = 74 ]
	grep -q '^HTTP/1.1 200' answer.1
	grep -q '^HTTP/1.1 503' answer.2
	refused 503 store_failed
	grep -q "cannot write spool '.*': No space left" log
	grep -q '^HTTP/1.1 200' answer.3
	export SMS_DB=$PWD/sms.db
	once N=1
	once N=2
}

@test "without a callback URL or a token nothing is served" {
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >ask
	unset WEBHOOK_BASE_URL
	served <ask
	[ "$code $status" = '503 78' ]
	refused 503 died
	grep -q 'WEBHOOK_BASE_URL' log
	export WEBHOOK_BASE_URL=https://hooks.example.net
	for token in '' ' , '; do
		served "TWILIO_AUTH_TOKEN=$token" <ask
		[ "$code $status" = '503 78' ]
	done
	for env in production staging; do
		served SKIP_TWILIO_SIGNATURE_VALIDATION=true SMS_ENV=$env <ask
		[ "$code $status" = '503 78' ]
	done
	served <ask
	[ "$code $status" = '200 0' ]
}

@test "a head that does not come whole is given up" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	mkfifo slow
	timeout 60 sms-hook <slow >answer 2>log 3>&- &
	exec 8>slow
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n' >&8
	wait $!
	exec 8>&-
	grep -q '^HTTP/1.1 408' answer
	refused 408 timeout
}

@test "half a request is refused, on a socket too" {
	hook_started
	request "MessageSid=$SID&MessageStatus=sent" | head -c 200 |
		socat -t 10 - "TCP:127.0.0.1:$HOOK_PORT" >answer
	grep -q '^HTTP/1.1 400' answer
	refused 400 half_request
	[ ! -e "$SMS_DB" ]
}

@test "a connection that breaks is told by the exit status" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent" >whole
	# a folder cannot be read
	served <.
	[ "$code $status" = ' 74' ]
	refused 0 read_error
	status=0
	sms-hook <whole 2>log >/dev/full || status=$?
	[ "$status" -eq 74 ]
	refused 0 answer_lost
	[ "$(sql 'SELECT status FROM early_status')" = sent ]
}

@test "what is inherited above descriptor 2 is closed" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	mkfifo slow key
	cat <key >/dev/null 3>&- &
	reader=$!
	timeout 60 sms-hook <slow >answer 2>log 3>&- 9>key &
	exec 8>slow
	gone() {
		! kill -0 "$1" 2>/dev/null
	}
	# the hook lives and waits, and the other end of "key" is at its end
	# (timeout keeps its own; so it is looked at by the system)
	holders() {
		pid=$(pgrep -x -P "$1" sms-hook) && [ -e "/proc/$pid/fd/0" ] &&
			! [ -e "/proc/$pid/fd/9" ]
	}
	until_true 5 holders $!
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&8
	exec 8>&-
	wait $!
	until_true 5 gone $reader
	grep -q '^HTTP/1.1 200' answer
}

@test "descriptors that are closed do no harm" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	sms-hook <&- >answer 2>log
	[ ! -s answer ]
	[ ! -s log ]
	request "MessageSid=$SID&MessageStatus=sent" | sms-hook >answer 2>&-
	grep -q '^HTTP/1.1 200' answer
	printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | sms-hook >answer 2>&-
	grep -q '^HTTP/1.1 404' answer
	request "MessageSid=$SID&MessageStatus=delivered" | sms-hook >&- 2>log
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 2 ]
}

# tcp_start command...: under tcpserver, as hook_start under socat
tcp_start() {
	start tcpserver -1 -H -R -l localhost -c 300 127.0.0.1 0 "$@"
	until_true 10 test -s tcpserver.out
	port=$(cat tcpserver.out)
	ln -s tcpserver.err log
}

@test "tcpserver starts it as well, and tells it the client" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	tcp_start sms-hook
	request "MessageSid=$SID&MessageStatus=sent" |
		socat -t 10 - "TCP:127.0.0.1:$port" >answer
	grep -q '^HTTP/1.1 200' answer
	settled
	[ "$(sql 'SELECT peer FROM webhook_logs')" = 127.0.0.1 ]
	curl -sS -o /dev/null "http://127.0.0.1:$port/"
	refused 404 not_found
	grep -q 'not_found from 127.0.0.1$' tcpserver.err
}

@test "no message of ours gets into the client's socket" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	tcp_start sh -c 'exec sms-hook 2>&1'
	for what in '/ 404' '/healthz 200'; do
		curl -sS -i -o answer "http://127.0.0.1:$port${what% *}"
		head -n 1 answer | grep -q "^HTTP/1.1 ${what#* }"
		[ -z "$(grep sms-hook answer)" ]
	done
	unset WEBHOOK_BASE_URL
	stop "$STARTED_PID"
	rm log
	tcp_start sh -c 'exec sms-hook 2>&1'
	curl -sS -i -o answer "http://127.0.0.1:$port/"
	head -n 1 answer | grep -q "^HTTP/1.1 503"
	refute grep -q sms-hook answer
}

@test "nor into a pipe to the client" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	start socat -d -d TCP-LISTEN:0,bind=127.0.0.1,reuseaddr,fork \
		EXEC:sms-hook,pipes,stderr
	until_true 10 grep -q 'listening on' socat.err
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err)
	curl -sS -i -o answer "http://127.0.0.1:$port/"
	head -n 1 answer | grep -q '^HTTP/1.1 404'
	refute grep sms-hook answer
	# a server of CGI may read both outputs from one pipe
	GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET REQUEST_URI=/none \
		sms-hook </dev/null 2>&1 | cat >answer
	grep -q '^Status: 404' answer
	refute grep sms-hook answer
	# another pipe is not the client's
	printf 'GET /none HTTP/1.1\r\nHost: x\r\n\r\n' | tee request |
		{ sms-hook | cat >answer; } 2>&1 | cat >said
	grep -q ' 404 not_found from ' said
	# nor is there a client when the request lies in a file
	sms-hook <request 2>&1 | cat >both
	grep -q ' 404 not_found from ' both
}

@test "the time now can be given" {
	export WEBHOOK_BASE_URL=https://hooks.example.net
	request "MessageSid=$SID&MessageStatus=sent" |
		sms-hook -t 2030-01-02T03:04:05Z >answer
	[ "$(sql 'SELECT created_at FROM webhook_logs')" = 2030-01-02T03:04:05Z ]
	[ "$(sql 'SELECT at FROM early_status')" = 2030-01-02T03:04:05Z ]
	run -64 sms-hook -t tomorrow
	run -64 sms-hook x
}

@test "no secret and no number gets into the log" {
	hook_started
	number=14155550100
	post_callback "MessageSid=$SID&MessageStatus=sent&To=%2B$number&Body=hush"
	TWILIO_AUTH_TOKEN=other post_callback "MessageSid=$SID&MessageStatus=sent&To=%2B$number&Body=hush"
	post_callback "MessageSid=SM1&MessageStatus=sent&To=%2B$number&Body=hush"
	post_callback "MessageSid=$SID&MessageStatus=%2B$number"
	curl -sS -o answer "$WEBHOOK_BASE_URL/$number?To=$number"
	refused 404 not_found
	refused 400 bad_status
	grep sms-hook: log >ours
	[ -z "$(grep -E "$number|$TWILIO_AUTH_TOKEN|hush" ours)" ]
}

@test "every reason word is in the manual, in the source and in a test" {
	sed -n 's/^\.It Li \([0-9]* [a-z_]*\)$/\1/p' "$ROOT/man/sms-hook.8" |
		sort >manual
	{
		grep -ohE '[0-9]+, "[a-z_]+"' "$ROOT"/lib/{http,cgi,cron,listener,webhook}.c \
			"$ROOT/bin/sms-hook.c" |
			tr -d ',"'
		grep -ohE '"[0-9]+ [a-z_]+ from' "$ROOT/bin/sms-hook.c" |
			tr -d '"' | sed 's/ from//'
		grep -ohE 'return "[a-z_]+"' "$ROOT"/lib/{callback,event}.c |
			tr -d '"' | sed 's/return/400/'
	} | sort -u >source
	{
		sed -n 's/^\([0-9]*\)	\([a-z_]*\)	.*/\1 \2/p' \
			"$ROOT/tests/fixtures/requests.tsv"
		grep -ohE 'refused [0-9]+ [a-z_]+|= "[0-9]+ [a-z_]+"' \
			"$ROOT"/tests/{cron,event,hook,http}.bats |
			tr -d '"=' | sed 's/refused//; s/^ *//'
	} | sort -u >tested
	[ "$(wc -l <manual)" -gt 40 ]
	diff manual source
	diff manual tested
}

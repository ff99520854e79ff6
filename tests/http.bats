# The HTTP that sms-hook takes and refuses.  Its input is most often a file here:
# what it says is the same on a socket, and tests/hook.bats has those.
load helper

setup() {
	common_setup
	export WEBHOOK_BASE_URL=https://hooks.example.net
}

teardown() {
	common_teardown
}

# hook: bytes on stdin, the answer in the file answer, the log in log; prints
# the status of the answer and the reason word of the log, "-" without one.
hook() {
	local status=0
	sms-hook >answer 2>log || status=$?
	[ "$status" -eq 0 ] || echo "exit status $status"
	[ "$(wc -l <log)" -le 1 ] || cat log
	echo "$(sed -n '1s/^HTTP\/1.1 \([0-9]*\) .*/\1/p' answer)" \
		"$(sed 's/^sms-hook: [0-9]* \([a-z_]*\) from unknown$/\1/' log |
		grep . || echo -)"
}

# section name: that section of the table.
section() {
	awk -v s="# $1" '$0 == s { on = 1; next } /^#/ { on = 0 } on' \
		"$ROOT/tests/fixtures/requests.tsv"
}

# cases section: every request of that section.
cases() {
	local status reason request what got n=0 bad=0
	while IFS=$(printf '\t') read -r status reason request what; do
		got=$(printf %b "$request" | hook)
		if [ "$got" != "$status $reason" ]; then
			echo "$what: $got instead of $status $reason"
			bad=$((bad + 1))
		fi
		n=$((n + 1))
	done <<-END
		$(section "$1")
	END
	echo "$n requests"
	[ "$n" -gt 5 ] && [ "$n" -eq "$(section "$1" | wc -l)" ] &&
		[ "$bad" -eq 0 ]
}

# filler n: that many letters.
filler() {
	printf "%0$1d" 0 | tr 0 x
}

@test "requests that are as RFC 9112 has them are taken" {
	cases 'what is good'
}

@test "a wrong request line is refused" {
	cases 'request line'
}

@test "bytes that no line may hold are refused" {
	cases 'bytes that no line may hold'
}

@test "wrong header fields are refused" {
	cases fields
}

@test "a length that two readers could understand differently is refused" {
	cases 'length of the body'
}

@test "chunks are taken only as plain as can be" {
	cases 'chunked bodies'
}

@test "a request that is cut off is no request" {
	cases 'cut off'
}

@test "the tests above leave no request of the table out" {
	local name n=0
	while read -r name; do
		n=$((n + $(section "$name" | wc -l)))
	done < <(sed -n "s/^\tcases '*\([^']*\)'*$/\1/p" "$BATS_TEST_FILENAME")
	echo "$n requests"
	[ "$n" -eq "$(grep -c '^[0-9]' "$ROOT/tests/fixtures/requests.tsv")" ]
	[ "$n" -ge 150 ]
}

@test "limits are kept to the byte" {
	run hook <<-END
		$(printf 'GET /%s HTTP/1.1\r\nHost: x\r\n\r' "$(filler 8178)")
	END
	[ "$output" = "404 not_found" ]
	run hook <<-END
		$(printf 'GET /%s HTTP/1.1\r\nHost: x\r\n\r' "$(filler 8179)")
	END
	[ "$output" = "414 line_long" ]
	run hook <<-END
		$(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r' "$(filler 32756)")
	END
	[ "$output" = "200 -" ]
	run hook <<-END
		$(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r' "$(filler 32757)")
	END
	[ "$output" = "431 head_long" ]
	run hook <<-END
		$(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n'; yes "X: y$(printf '\r')" | head -n 99)
		$(printf '\r')
	END
	[ "$output" = "200 -" ]
	run hook <<-END
		$(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n'; yes "X: y$(printf '\r')" | head -n 100)
		$(printf '\r')
	END
	[ "$output" = "431 fields_many" ]
}

@test "a body may have 64 KiB, whole or in chunks" {
	{
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n'
		filler 65536
	} >whole
	{
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
		yes "$(printf '1\r\nx\r')" | head -n 131072
		printf '0\r\n\r\n'
	} >chunks
	[ "$(hook <whole)" = "200 -" ]
	[ "$(hook <chunks)" = "200 -" ]
	sed 's/65536/65537/' whole >long
	echo >>long
	[ "$(hook <long)" = "413 body_long" ]
}

@test "an answer has its head and nothing more than one" {
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' | hook
	tr -d '\r' <answer | sed 's/^Date: .*GMT$/Date: now/' | diff - <(
		printf '%s\n' 'HTTP/1.1 200 OK' 'Date: now' \
			'Content-Type: text/plain' 'Content-Length: 3' \
			'Connection: close' '' ok)
}

@test "HEAD is answered as GET, without the body" {
	printf 'HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n' | hook
	grep -q '^Content-Length: 3' answer
	[ "$(tail -c 4 answer | od -An -tx1 | tr -d ' \n')" = 0d0a0d0a ]
}

@test "another method than those of a path gets their list" {
	printf 'DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n' | hook
	grep -q "^Allow: GET, HEAD$(printf '\r')$" answer
	printf 'GET /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n\r\n' | hook
	grep -q "^Allow: POST$(printf '\r')$" answer
}

@test "a client that says nothing gets nothing" {
	run -0 --separate-stderr sms-hook </dev/null
	[ -z "$output" ]
	[ -z "$stderr" ]
	# nor one that says nothing but an empty line
	printf '\r\n' >empty
	run -0 --separate-stderr sms-hook <empty
	[ -z "$output" ]
	[ -z "$stderr" ]
}

@test "a client that waits for 100 Continue gets it before it sends" {
	hook_start
	exec 8<>"/dev/tcp/127.0.0.1/$HOOK_PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n' >&8
	IFS= read -r -t 10 line <&8
	[ "$line" = "HTTP/1.1 100 Continue$(printf '\r')" ]
	printf ab >&8
	timeout 10 cat <&8 >rest
	exec 8>&-
	grep -q '^HTTP/1.1 200 OK' rest
}

@test "a client that announces too much gets its answer and no 100" {
	hook_start
	exec 8<>"/dev/tcp/127.0.0.1/$HOOK_PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n' >&8
	timeout 10 cat <&8 >rest
	exec 8>&-
	head -n 1 rest | grep -q '^HTTP/1.1 413 '
}

@test "a client that is refused while it still sends can read why" {
	hook_start
	head -c 500000 /dev/zero >much
	[ "$(curl -sS -o answer -w '%{http_code}' -H Expect: --data-binary @much \
		"$WEBHOOK_BASE_URL/healthz")" = 413 ]
}

# vector url body token signature kind: posts it to an sms-hook for that URL and
# token; prints the status, and the reason word unless that is 200.
vector() {
	local LC_ALL=C target=${1#*://} type=application/x-www-form-urlencoded
	local answer reason=
	target=${target#"${target%%[/?#]*}"}
	target=${target%%#*}
	[[ $target = /* ]] || target=/$target
	[ "$5" = form ] || type=application/json
	printf '%s\n' "SMS_DB=$SMS_DB" "TWILIO_STATUS_CALLBACK=$1" \
		"TWILIO_AUTH_TOKEN=$3" >hook.conf
	answer=$({
		printf '%s\r\n' "POST $target HTTP/1.1" 'Host: x' \
			"Content-Type: $type" "X-Twilio-Signature: $4" \
			"Content-Length: ${#2}" ''
		printf %s "$2"
	} | socat -t 10 - "TCP:127.0.0.1:$HOOK_PORT" | head -n 1)
	answer=${answer#HTTP/1.1 }
	[ "${answer%% *}" = 200 ] || reason=" $(sed -n \
		's/^sms-hook: [0-9]* \([a-z_]*\) from 127.0.0.1$/\1/p' socat.err |
		tail -n 1)"
	echo "${answer%% *}$reason"
}

@test "every signature that Twilio would make is taken, and no other" {
	local url body token signature verdict kind note got n=0 bad=0
	unset TWILIO_AUTH_TOKEN
	hook_start
	while IFS=$'\037' read -r url body token signature verdict kind note; do
		got=$(vector "$url" "$body" "$token" "$signature" "$kind")
		n=$((n + 1))
		# blanks around its value are no part of a header field
		[[ $note != *'leading blank' ]] || verdict=accept
		case $verdict,$kind,$got in
		# what vouches for a request that is no callback is good as well
		accept,form,200|accept,form,400\ no_sid) ;;
		accept,form,400\ bad_sid|accept,form,400\ no_status) ;;
		accept,json,200|accept,json,400\ bad_event|accept,json,400\ bad_json) ;;
		reject,*,401\ bad_signature) ;;
		*)
			echo "$url: $note: $got"
			bad=$((bad + 1)) ;;
		esac
	done < <(sed -n 's/; \(form\|json\); \(core\|docs\); /\t\1\t/p' \
		"$ROOT/tests/fixtures/signature-vectors.tsv" | tr '\t' '\037')
	echo "$n vectors"
	[ "$n" -gt 75 ]
	[ "$bad" -eq 0 ]
}

# sms-hook as a program of the Common Gateway Interface (RFC 3875), run with
# the environment of one.  tests/web.bats has it under web servers.
load helper

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
}

teardown() {
	common_teardown
}

# cgi body [assignment ...]: what a web server would do; sets code and status,
# writes answer and log.
cgi() {
	local body=$1
	shift
	status=0
	printf %s "$body" | env GATEWAY_INTERFACE=CGI/1.1 \
		SERVER_PROTOCOL=HTTP/1.1 REQUEST_METHOD=POST \
		REQUEST_URI=/api/webhooks/twilio REMOTE_ADDR=192.0.2.7 \
		CONTENT_TYPE=application/x-www-form-urlencoded \
		CONTENT_LENGTH=${#body} HTTP_X_TWILIO_SIGNATURE="$(printf %s "$body" |
			sms-sign https://hooks.example.net/api/webhooks/twilio)" \
		WEBHOOK_BASE_URL=https://hooks.example.net \
		"$@" sms-hook >answer 2>log || status=$?
	code=$(sed -n '1s/^Status: \([0-9]*\) .*\r$/\1/p' answer)
}

refused() {
	grep -qx "sms-hook: $1 $2 from ${3-192.0.2.7}" log || { cat log; return 1; }
	[ "$code" = "$1" ]
}

@test "a callback by CGI moves its message" {
	body="MessageSid=$SID&MessageStatus=sent"
	cgi "$body"
	[ "$code $status" = '200 0' ]
	[ ! -s log ]
	printf 'Status: 200 OK\r\nContent-Length: 0\r\n\r\n' | cmp - answer
	settled
	[ "$(sql "SELECT status, outcome, answer, peer, params FROM webhook_logs")" = \
		"success|unknown|200|192.0.2.7|$body" ]
}

@test "the URL is that of REQUEST_URI, else put together" {
	body="MessageSid=$SID&MessageStatus=sent"
	signature=$(printf %s "$body" |
		sms-sign 'https://hooks.example.net/api/webhooks/twilio?ref=a%20b')
	cgi "$body" "HTTP_X_TWILIO_SIGNATURE=$signature" \
		'REQUEST_URI=/api/webhooks/twilio?ref=a%20b'
	[ "$code" = 200 ]
	for split in '/api/webhooks/twilio ' '/api /webhooks/twilio'; do
		cgi "$body" "HTTP_X_TWILIO_SIGNATURE=$signature" REQUEST_URI= \
			"SCRIPT_NAME=${split% *}" "PATH_INFO=${split#* }" \
			'QUERY_STRING=ref=a%20b'
		[ "$code" = 200 ]
	done
	cgi "$body" "HTTP_X_TWILIO_SIGNATURE=$signature"
	refused 401 bad_signature
	settled
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'success'")" = 3 ]
}

@test "by CGI the same is refused for the same reasons" {
	body="MessageSid=$SID&MessageStatus=sent"
	cgi "$body" HTTP_X_TWILIO_SIGNATURE=; refused 401 no_signature
	cgi "$body" HTTP_X_TWILIO_SIGNATURE=x; refused 401 bad_signature
	cgi "$body" CONTENT_LENGTH=; refused 411 no_length
	cgi "$body" CONTENT_LENGTH=-1; refused 400 bad_length
	cgi "$body" CONTENT_LENGTH=1,1; refused 400 bad_length
	cgi "$body" CONTENT_LENGTH=999; refused 400 half_request
	cgi "$body" CONTENT_TYPE=text/plain; refused 415 media_type
	cgi "$body" CONTENT_TYPE="$(printf 'a\r\nX-Twilio-Signature: b')"
	refused 400 control
	cgi "$body" REQUEST_METHOD=PUT; refused 405 method
	grep -q '^Allow: POST' answer
	cgi "$body" REQUEST_METHOD=; refused 400 bad_method
	cgi "$body" REQUEST_METHOD=TRACE; refused 501 not_implemented
	cgi "$body" REQUEST_URI=/; refused 404 not_found
	cgi "$body" REQUEST_URI='/ HTTP/1.1'; refused 400 bad_request_line
	cgi "$body" REQUEST_URI="/$(printf %08192d 0)"; refused 414 line_long
	cgi "$body" REQUEST_URI=$'/\nx'; refused 400 control
	cgi "$body" HTTP_X_TWILIO_SIGNATURE="$(printf %033000d 0)"
	refused 431 head_long
	cgi "$body" REMOTE_ADDR=; [ "$code" = 200 ]
	settled
	[ "$(sql "SELECT count(*) FROM webhook_logs WHERE status = 'success'")" = 1 ]
}

@test "by CGI no more than the body is read, and all of it even if refused" {
	body="MessageSid=$SID&MessageStatus=sent"
	# the server keeps its end open: nobody waits for the end of file
	mkfifo in
	exec 7<>in
	printf '%smore' "$body" >&7
	env GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
		REQUEST_URI=/api/webhooks/twilio CONTENT_LENGTH=${#body} \
		CONTENT_TYPE=application/x-www-form-urlencoded \
		HTTP_X_TWILIO_SIGNATURE="$(printf %s "$body" |
			sms-sign https://hooks.example.net/api/webhooks/twilio)" \
		WEBHOOK_BASE_URL=https://hooks.example.net \
		sms-hook <in >answer 7>&- 3>&-
	grep -q '^Status: 200' answer
	[ "$(head -c 4 <&7)" = more ]
	exec 7>&-
	# 200 KiB do not fit into a pipe: a writer that nobody reads would stay
	head -c 204800 /dev/zero | tr '\0' a >big
	set -o pipefail
	cgi "$(cat big)" CONTENT_LENGTH=204800
	[ "$code $status" = '413 0' ]
	cgi "$(cat big)" CONTENT_LENGTH=x
	[ "$code $status" = '400 0' ]
}

@test "by CGI a setup that is not complete is answered with 503" {
	cgi a=b TWILIO_AUTH_TOKEN=
	[ "$code $status" = '503 78' ]
	grep -q '^Retry-After: 5' answer
	grep -q 'sms-hook: 503 died from 192.0.2.7' log
}

@test "by CGI a client's Proxy header goes nowhere" {
	cgi "MessageSid=$SID&MessageStatus=sent" HTTP_PROXY=http://127.0.0.1:9 \
		http_proxy=http://127.0.0.1:9
	[ "$code" = 200 ]
}

@test "by CGI a query that looks like an option is none" {
	# as Apache does: RFC 3875, 4.4
	for query in -h -t 'a b' '-t 2001-01-01T00:00:00Z'; do
		code=$(GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET \
			REQUEST_URI="/healthz?${query/ /+}" \
			WEBHOOK_BASE_URL=https://hooks.example.net \
			sms-hook $query </dev/null | head -n 1)
		[ "$code" = "$(printf 'Status: 200 OK\r')" ]
	done
}

@test "/healthz answers by CGI, HEAD without a body" {
	cgi '' REQUEST_METHOD=GET CONTENT_LENGTH= REQUEST_URI=/healthz
	printf 'Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n' |
		cmp - answer
	cgi '' REQUEST_METHOD=HEAD CONTENT_LENGTH= REQUEST_URI=/healthz
	[ "$(tail -n 1 answer)" = "$(printf '\r')" ]
}

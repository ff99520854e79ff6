#!/bin/sh
# Makes seeds for the fuzzers from tests/fixtures: a file for each request,
# body, line and answer there, in directory/{http,form,rec,sign,conf,json}.
#
#	sh tests/fuzz/seeds.sh directory
#
# tests/fuzz/corpus is what the fuzzers' -merge=1 kept of them.
set -eu
to=$1
fixtures=$(dirname "$0")/../fixtures
for name in http form rec sign conf json; do
	mkdir -p "$to/$name"
done

# printf undoes the escapes of the table
n=0
while IFS='	' read -r status _ request _; do
	case $status in
	[0-9]*) n=$((n + 1)); printf %b "$request" >"$to/http/request$n" ;;
	esac
done <"$fixtures/requests.tsv"
printf '\037GET /\037\037 HTTP/1.1\r\nHost: x\r\n\r\n' >"$to/http/line"
printf '\037GET / HTTP/1.1\r\nHost: x\r\nX: \037\037\037\037\037\037\037\037\r\n\r\n' \
	>"$to/http/head"
printf '\037POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4099\r\n\r\n\037GET / HTTP/1.1\r\n' \
	>"$to/http/body"
printf '\037POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1003\r\n\037\r\n0\r\n\r\n' \
	>"$to/http/chunk"

n=0
grep -v '^#' "$fixtures/signature-vectors.tsv" |
while IFS='	' read -r url body token _; do
	n=$((n + 1))
	printf '%s\n%s\n%s' "$token" "$url" "$body" >"$to/sign/vector$n"
	printf %s "$body" >"$to/form/body$n"
done

n=0
grep -hv '^#' "$fixtures/segments.tsv" "$fixtures/error-codes.tsv" |
awk 'NR % 40 == 1' |
while IFS= read -r line; do
	n=$((n + 1))
	printf '%s\n' "$line" >"$to/rec/line$n"
done
printf 'SM00000000000000000000000000000001\tdelivered\t\\N\t2025-08-21T08:34:39Z\tfetch\t+15005550009\n#\n\na\\tb\\n\\r\\\\\t\\x\n\377\ncut' \
	>"$to/rec/status"
printf '\037\037\037\037\037\nx\n' >"$to/rec/long"
printf '\037\037\037\037' >"$to/rec/long-cut"

printf '# x\nTWILIO_AUTH_TOKEN=0123456789abcdef\n' >"$to/conf/token"
printf 'export SMS_ENV="test"\n\nSKIP_TWILIO_SIGNATURE_VALIDATION=true\n' \
	>"$to/conf/skip"
printf "WEBHOOK_BASE_URL='https://x.example//'\nTWILIO_EDGE=e\n" \
	>"$to/conf/base"
printf 'VERCEL_URL=x.example\nTWILIO_REGION=ie1\n' >"$to/conf/vercel"
printf 'TWILIO_STATUS_CALLBACK=http://x/y?z\nTWILIO_API_URL=https://[::1]:8/' \
	>"$to/conf/url"
printf 'TWILIO_PHONE_NUMBER=+15005550006\nTWILIO_MESSAGING_SERVICE_SID=\n' \
	>"$to/conf/sender"
printf 'TWILIO_AUTH_TOKEN\n' >"$to/conf/wrong"
printf 'KEPT=other\nTWILIO_STATUS_CALLBACK=https://x\nSMS_CONF=/x\n' >"$to/conf/kept"

# every example of a message, page or error in Twilio's own document
sqlite3 "file:$fixtures?mode=memory" "
	SELECT writefile('$to/json/example' || j.id, j.value)
	FROM json_tree(readfile('$fixtures/twilio_api_v2010.messages.json')) j
	WHERE j.key = 'value' AND j.type = 'object'" >/dev/null
printf '{"code": 21211, "message": "no", "status": 400}' >"$to/json/error"
printf '{"code": 20404, "detail": "no \\u00e9", "title": "x"}' \
	>"$to/json/error-new"
printf '{"sid":"SM%032d","status":"Sent","date_sent":"%s","to":"+15005550009",
	"error_code":30007,"num_segments":"2","price":-0.01,"price_unit":"usd"}' \
	1 'Thu, 24 Aug 2023 05:01:45 +0000' >"$to/json/message"
printf '{"messages":[{"sid":"MM%032d","status":"read","body":"\\u0041"},{}],
	"next_page_uri":"/2"}' 1 >"$to/json/page"
printf '[{"specversion":"1.0","type":"com.twilio.messaging.message.sent","id":"EZ1",
	"time":"2026-02-03T04:05:06Z","data":{"messageSid":"SM%032d","errorCode":30003,
	"timestamp":"2026-02-03T04:05:06.789+01:00","messageStatus":"SENT","to":"+1"}},{}]' \
	1 >"$to/json/events"
printf '{"id":"EZ1","type":"com.twilio.messaging.inbound-message.received",
	"data":{"messageSid":"SM%032d","body":"a\\ud83d\\ude00","numSegments":1,
	"messagingServiceSid":"MG1","statusCallBackUrl":"https://x/?ref=a",
	"optOutType":"STOP","from":"+1","numberOfSegments":2}}' 1 >"$to/json/event"

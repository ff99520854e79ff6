load helper

ACCOUNT=$(printf 'AC%032d' 7)
BASE=https://sms.example.org
HOOK=$BASE/api/webhooks/twilio

setup() { common_setup; }
teardown() { common_teardown; }

@test "the known answers of Twilio's own libraries" {
	export TWILIO_AUTH_TOKEN=12345
	url='https://mycompany.com/myapp.php?foo=1&bar=2'
	run -0 sms-sign "$url" <<<'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212'
	[ "$output" = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=' ]
	run -0 sms-sign "$url" <<<'Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234'
	[ "$output" = 'IK+Dwps556ElfBT0I3Rgjkr1wJU=' ]
	run -0 sms-sign "$url" </dev/null
	[ "$output" = 'zYQTYrRWXE7LtzbG4PfP7/bkkGo=' ]
}

@test "the first of several tokens signs, from a file too" {
	url=https://example.com/
	one=$(TWILIO_AUTH_TOKEN=12345 sms-sign $url <<<a=b)
	[ "$(TWILIO_AUTH_TOKEN='12345, 67890' sms-sign $url <<<a=b)" = "$one" ]
	unset TWILIO_AUTH_TOKEN
	echo 12345 >token
	chmod 600 token
	[ "$(TWILIO_AUTH_TOKEN_FILE=token sms-sign $url <<<a=b)" = "$one" ]
	chmod 644 token
	TWILIO_AUTH_TOKEN_FILE=token run -78 --separate-stderr sms-sign $url <<<a=b
	[[ "$stderr" == *"'token' holds a secret and others may read it: chmod 600" ]]
}

@test "a token that is not set is status 78, a body that is no form 65" {
	run -65 --separate-stderr sms-sign https://example.com/ <<<'a=%00'
	[ "$stderr" = 'sms-sign: body: NUL in a parameter' ]
	run -65 --separate-stderr sms-sign https://example.com/ < <(head -c 70000 /dev/zero | tr '\0' a)
	[ "$stderr" = 'sms-sign: body is longer than 65536 bytes' ]
	unset TWILIO_AUTH_TOKEN
	run -78 --separate-stderr sms-sign https://example.com/ <<<a=b
	[ "$stderr" = 'sms-sign: TWILIO_AUTH_TOKEN is not set' ]
	run -64 sms-sign
}

# signature url: of $body
signature() {
	printf %s "$body" | sms-sign "$1"
}

# captured url target [header ...]: a request for target, signed for url
captured() {
	local url=$1 target=$2
	shift 2
	printf '%s %s HTTP/1.1\r\n' "${METHOD:-POST}" "$target"
	[[ " $* " == *' Host: '* ]] || printf 'Host: sms.example.org\r\n'
	printf 'Content-Type: %s\r\n' "${TYPE:-application/x-www-form-urlencoded}"
	printf 'X-Twilio-Signature: %s\r\n' "${SIGNED:-$(signature "$url")}"
	[ $# -eq 0 ] || printf '%s\r\n' "$@"
	printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "${SENT:-$body}"
}

# diagnosis url target [header ...]: what the doctor says to that, line by line
diagnosis() {
	captured "$@" >request
	run -0 --separate-stderr sms-sign -d <request
	[ -z "$stderr" ]
	[[ $output != *"${TWILIO_AUTH_TOKEN:0:3}"* ]]
}

# has line ...: each is a line of the output
has() {
	local line
	for line; do
		grep -qxF -e "$line" <<<"$output" || {
			printf 'not said: %s\nbut:\n%s\n' "$line" "$output"
			return 1
		}
	done
}

# lines line ...: the output is these lines and no more
lines() {
	diff <(echo "$output") <(printf '%s\n' "$@")
}

a_callback() {
	body='MessageSid=SM00000000000000000000000000000001&MessageStatus=sent'
	export WEBHOOK_BASE_URL=$BASE
	token='token: 01..., number 1 of 1 in TWILIO_AUTH_TOKEN'
}

@test "-v takes what sms-hook takes, in silence, and nothing else" {
	body='MessageSid=SM1&MessageStatus=sent'
	good=$(signature "$HOOK?ref=r1")
	run -0 --separate-stderr sms-sign -v "$good" "$HOOK?ref=r1" <<<"$body"
	[ -z "$output$stderr" ]
	for url in $BASE:443/api/webhooks/twilio?ref=r1 "$HOOK?ref=r1#rc=2" \
		"https://u:p@sms.example.org/api/webhooks/twilio?ref=r1"; do
		sms-sign -v "$good" "$url" <<<"$body"
	done
	TWILIO_AUTH_TOKEN="other, $TWILIO_AUTH_TOKEN" sms-sign -v "$good" "$HOOK?ref=r1" <<<"$body"
	for url in "$HOOK" "$HOOK?ref=r2" "$HOOK/?ref=r1" "http${HOOK#https}?ref=r1" no-url; do
		run -77 --separate-stderr sms-sign -v "$good" "$url" <<<"$body"
		[ -z "$output" ]
		[ "$stderr" = 'sms-sign: signature does not belong to this URL and body' ]
	done
	run -77 sms-sign -v "$good" "$HOOK?ref=r1" <<<"$body&x=1"
	run -77 sms-sign -v "${good%=}" "$HOOK?ref=r1" <<<"$body"
	run -77 sms-sign -v '' "$HOOK?ref=r1" <<<"$body"
	TWILIO_AUTH_TOKEN=other run -77 sms-sign -v "$good" "$HOOK?ref=r1" <<<"$body"
}

@test "-v asks for the token of the account that the form names" {
	body="AccountSid=$ACCOUNT&MessageSid=SM1"
	by_main=$(signature $HOOK)
	by_own=$(TWILIO_AUTH_TOKEN=own signature $HOOK)
	sms-sign -v "$by_main" $HOOK <<<"$body"
	export "TWILIO_AUTH_TOKEN_$ACCOUNT=own"
	sms-sign -v "$by_own" $HOOK <<<"$body"
	run -77 sms-sign -v "$by_main" $HOOK <<<"$body"
}

# Bodies are read from a pipe, where a blank before them or a NUL stays.
@test "-v judges every published signature rightly, of JSON too" {
	n=0 bad=0 json=0
	while IFS=$(printf '\t') read -r url body token signature note; do
		case $note in
		*'; core;'*|*'; docs;'*) ;;
		*) continue ;;
		esac
		[[ $note != *'leading blank'* ]] || signature=" $signature"
		[[ $note != *'; json;'* ]] || json=$((json + 1))
		# read drops the blank that a body ends in
		[[ $note != *'changed by one blank'* ]] || body="${body% } "
		status=0
		printf %s "$body" | TWILIO_AUTH_TOKEN=$token \
			sms-sign -v "$signature" "$url" 2>/dev/null || status=$?
		case ${note%%;*} in
		accept) [ $status -eq 0 ] ;;
		reject) [ $status -eq 77 ] ;;
		esac || { echo "$status: $note"; bad=$((bad + 1)); }
		n=$((n + 1))
	done < <(grep -v '^#' "$ROOT/tests/fixtures/signature-vectors.tsv" |
		sed "s/$(printf '\t\t')/$(printf '\t\001\t')/g; s/$(printf '\t\t')/$(printf '\t\001\t')/g" |
		tr '\t\001' '\t\t')
	echo "$n vectors, $json of them JSON"
	[ "$n" -ge 60 ]
	[ "$json" -ge 8 ]
	[ "$bad" -eq 0 ]
}

@test "-v wants the hash of a JSON body where the query begins a parameter" {
	body='{"id":"EZ1"}'
	hash=$(printf %s "$body" | sha256sum | cut -d ' ' -f 1)
	json() {
		printf %s "$body" | sms-sign -v \
			"$(sms-sign "$HOOK$1" </dev/null)" "$HOOK$1"
	}
	json "?bodySHA256=$hash"
	json "?a=b&bodySHA256=$hash"
	json "?bodySHA256=$hash&bodySHA256=x"
	for query in "?xbodySHA256=$hash" "?bodySHA256=x&bodySHA256=$hash" \
		"?bodySHA256=${hash}0" "?bodySHA256=${hash%?}" "?a=bodySHA256=$hash"; do
		echo "$query"
		run -77 json "$query"
	done
	# as long as sms-hook takes it
	body=$(printf '[%0250000d]' 1)
	hash=$(printf %s "$body" | sha256sum | cut -d ' ' -f 1)
	json "?bodySHA256=$hash"
}

@test "-d: a request that is signed as configured needs nothing" {
	a_callback
	diagnosis "$HOOK?ref=r1" '/api/webhooks/twilio?ref=r1'
	lines "signed for: $HOOK?ref=r1" "$token" \
		'sms-hook takes this signature as it is configured'
	# a captured request may have lost its CR, and gained a newline
	{ tr -d '\r' <request; echo; } >copied
	[ "$(sms-sign -d <copied)" = "$output" ]
	# the token is not shown where two characters are much of it
	TWILIO_AUTH_TOKEN=12345 diagnosis $HOOK /api/webhooks/twilio
	has 'token: ..., number 1 of 1 in TWILIO_AUTH_TOKEN'
}

@test "-d: the port is there or not" {
	a_callback
	diagnosis $BASE:443/api/webhooks/twilio /api/webhooks/twilio
	has 'host: with port 443' 'sms-hook takes this signature as it is configured'
	WEBHOOK_BASE_URL=$BASE:8443 diagnosis $HOOK /api/webhooks/twilio
	has 'host: without the port' 'sms-hook takes this signature as it is configured'
	diagnosis $BASE:80/api/webhooks/twilio /api/webhooks/twilio
	has 'host: with port 80' "WEBHOOK_BASE_URL=$BASE:80"
	diagnosis $BASE:8443/api/webhooks/twilio /api/webhooks/twilio 'X-Forwarded-Port: 8443'
	has 'host: with the port of X-Forwarded-Port' "WEBHOOK_BASE_URL=$BASE:8443"
	diagnosis https://b.example:8443/api/webhooks/twilio /api/webhooks/twilio 'Host: b.example:8443'
	has 'host: that of Host' 'WEBHOOK_BASE_URL=https://b.example:8443'
	diagnosis https://b.example/api/webhooks/twilio /api/webhooks/twilio 'Host: b.example:8443'
	has 'host: that of Host, without the port' 'WEBHOOK_BASE_URL=https://b.example'
	diagnosis https://b.example:443/api/webhooks/twilio /api/webhooks/twilio 'Host: b.example'
	has 'host: that of Host, with port 443' 'WEBHOOK_BASE_URL=https://b.example'
	WEBHOOK_BASE_URL=$BASE:8443 diagnosis https://b.example:8443/api/webhooks/twilio \
		/api/webhooks/twilio 'Host: b.example'
	has 'host: that of Host, with the port of the configured URL' \
		'WEBHOOK_BASE_URL=https://b.example:8443'
	WEBHOOK_BASE_URL='http://[::1]:8080' diagnosis 'http://[::1]/api/webhooks/twilio' \
		/api/webhooks/twilio
	has 'host: without the port' 'sms-hook takes this signature as it is configured'
}

@test "-d: the scheme is the other one" {
	a_callback
	WEBHOOK_BASE_URL=http://sms.example.org diagnosis $HOOK /api/webhooks/twilio
	lines "signed for: $HOOK" 'scheme: https, not http' "$token" \
		'to configure:' "WEBHOOK_BASE_URL=$BASE"
	WEBHOOK_BASE_URL=http://sms.example.org diagnosis $HOOK /api/webhooks/twilio \
		'X-Forwarded-Proto: https'
	has 'scheme: https, not http, as X-Forwarded-Proto says'
	diagnosis "http${HOOK#https}" /api/webhooks/twilio
	has 'scheme: http, not https' 'WEBHOOK_BASE_URL=http://sms.example.org'
}

@test "-d: the host is one that the request names" {
	a_callback
	export WEBHOOK_BASE_URL=http://localhost:3000
	for field in 'X-Forwarded-Host: sms.example.org' \
		'X-Forwarded-Host: a.example, sms.example.org' \
		'X-Original-Host: sms.example.org' \
		'Forwarded: for=192.0.2.7; Host="sms.example.org";proto=https, for=[::1]'; do
		diagnosis $HOOK /api/webhooks/twilio 'Host: inner:8080' "$field"
		has "host: that of ${field%%:*}" 'scheme: https, not http' "WEBHOOK_BASE_URL=$BASE"
	done
	# what is no host is not tried, and never shown
	captured $HOOK /api/webhooks/twilio 'Host: inner' \
		$'X-Forwarded-Host: sms.example.org/\xc2\x9b31m' 'X-Forwarded-Port: 8x' \
		"Forwarded: host=\"\";host=$(printf 'a%.0s' {1..300})" >request
	run -77 sms-sign -d <request
	[[ $output != *31m* ]]
}

@test "-d: with no URL configured, the request is all there is" {
	a_callback
	unset WEBHOOK_BASE_URL
	diagnosis $HOOK?ref=r1 /api/webhooks/twilio?ref=r1
	lines "signed for: $HOOK?ref=r1" 'scheme: https' 'host: that of Host' \
		'path: the one received' "$token" 'to configure:' "WEBHOOK_BASE_URL=$BASE"
	diagnosis $BASE/twilio /twilio
	has "TWILIO_STATUS_CALLBACK=$BASE/twilio"
}

@test "-d: the path is another one" {
	a_callback
	diagnosis $BASE/twilio /twilio
	lines "signed for: $BASE/twilio" 'path: the one received' "$token" \
		'to configure:' "TWILIO_STATUS_CALLBACK=$BASE/twilio"
	# a proxy adds a prefix
	diagnosis $BASE/hook /a/b/hook
	has 'path: the one received, without /a/b' \
		"TWILIO_STATUS_CALLBACK=$BASE/hook" SMS_HOOK_PATH=/a/b/hook
	WEBHOOK_BASE_URL=$BASE/old/app diagnosis $HOOK /api/webhooks/twilio
	has 'path: the one received' "WEBHOOK_BASE_URL=$BASE"
	WEBHOOK_BASE_URL=$BASE/old/app diagnosis $BASE/app/api/webhooks/twilio /x
	has 'path: without /old' "WEBHOOK_BASE_URL=$BASE/app" SMS_HOOK_PATH=/x
	# a proxy takes one away
	diagnosis $BASE/sms/api/webhooks/twilio /api/webhooks/twilio 'X-Forwarded-Prefix: /sms/'
	has 'path: the one received, behind /sms' "WEBHOOK_BASE_URL=$BASE/sms" \
		SMS_HOOK_PATH=/api/webhooks/twilio
	TWILIO_STATUS_CALLBACK=$BASE/sms/old/x diagnosis $BASE/sms/old/hook /hook
	has 'path: the one received, behind /sms/old' \
		"TWILIO_STATUS_CALLBACK=$BASE/sms/old/hook" SMS_HOOK_PATH=/hook
	SMS_HOOK_PATH=/inner diagnosis $BASE/inner /x
	has 'path: that of SMS_HOOK_PATH' "TWILIO_STATUS_CALLBACK=$BASE/inner" SMS_HOOK_PATH=/x
	for field in X-Original-URI X-Original-URL X-Forwarded-Uri X-Rewrite-URL; do
		diagnosis $BASE/public /x "$field: /public?a=b"
		has "path: that of $field" "TWILIO_STATUS_CALLBACK=$BASE/public" SMS_HOOK_PATH=/x
	done
	# the URL is right, and sms-hook still finds nothing there
	SMS_HOOK_PATH=/old diagnosis $HOOK /new
	lines "signed for: $HOOK" "$token" \
		'sms-hook takes this signature as it is configured' \
		'to configure:' SMS_HOOK_PATH=/new
	SMS_HOOK_PATH=/new diagnosis $HOOK /new
	[[ $output != *'to configure:'* ]]
}

@test "-d: a slash at the end is there or not" {
	a_callback
	diagnosis $HOOK/ /api/webhooks/twilio
	has 'path: with a slash at its end' "TWILIO_STATUS_CALLBACK=$HOOK/" \
		SMS_HOOK_PATH=/api/webhooks/twilio
	TWILIO_STATUS_CALLBACK=$HOOK/ diagnosis $HOOK /api/webhooks/twilio/
	has 'path: without the slash at its end' "TWILIO_STATUS_CALLBACK=$HOOK" \
		SMS_HOOK_PATH=/api/webhooks/twilio/
	diagnosis $BASE/x /x/
	has 'path: the one received, without the slash at its end'
	diagnosis $BASE/x/ /x
	has 'path: the one received, with a slash at its end'
	TWILIO_STATUS_CALLBACK=$BASE diagnosis $BASE/ /
	has 'path: the one received' "TWILIO_STATUS_CALLBACK=$BASE/"
	TWILIO_STATUS_CALLBACK=$BASE diagnosis $BASE /
	has 'sms-hook takes this signature as it is configured'
	[[ $output != *'to configure:'* ]]
}

@test "-d: the query was changed on its way" {
	a_callback
	path=/api/webhooks/twilio
	while read -r signed received words; do
		echo "$signed received as $received"
		[ "$received" != - ] || received=
		[ "$signed" != - ] || signed=
		diagnosis "$HOOK$signed" "$path$received"
		has "signed for: $HOOK$signed" "query: $words" \
			'sms-hook checks the query that it receives: let it be passed on as it came'
		[[ $output != *'to configure:'* ]]
	done <<-'EOF'
		?a=it's ?a=it%27s with ' for %27
		?a=it%27s ?a=it's with %27 for '
		?a=b%20c ?a=b+c with %20 for +
		?a=b+c ?a=b%20c with + for %20
		?a=%2f'%2f ?a=%2F'%2F with its escapes in lower case
		?a=%2F'%2F ?a=%2f'%2f with its escapes in upper case
		?t=10%3A30%40x ?t=10:30@x with all escaped that RFC 3986 reserves
		?a=b+c%7Ed%27* ?a=b%20c~d'* escaped as in a form
		?t=10:30@x ?t=10%3A30%40x with fewer escapes
		?a=España ?a=Espa%C3%B1a with fewer escapes
		?a=1&aa=0&b=2&b=1 ?b=2&aa=0&b=1&a=1 sorted by name
		?a=x%20y&b=1 ?b=1&a=x+y sorted by name, with %20 for +
		- ?x=1 none
		? - an empty one
	EOF
	export TWILIO_STATUS_CALLBACK="$HOOK?tenant=7&app=1"
	diagnosis "$TWILIO_STATUS_CALLBACK" $path
	has 'query: that of the configured URL'
	diagnosis "$TWILIO_STATUS_CALLBACK&ref=r1" "$path?app=1&ref=r1&tenant=7"
	has 'query: in the order of the configured URL'
	# what else is wrong can be mended all the same
	diagnosis "http${HOOK#https}?tenant=7&ref=a%20b" "$path?tenant=7&ref=a+b"
	has 'scheme: http, not https' 'query: with %20 for +' 'to configure:' \
		"TWILIO_STATUS_CALLBACK=http${HOOK#https}?tenant=7&app=1"
}

@test "-d: the fragment was signed, or not" {
	a_callback
	export TWILIO_STATUS_CALLBACK="$HOOK?x=1#rc=2"
	diagnosis "$HOOK?x=1" '/api/webhooks/twilio?x=1'
	has 'sms-hook takes this signature as it is configured'
	diagnosis "$HOOK?x=1#rc=2" '/api/webhooks/twilio?x=1'
	lines "signed for: $HOOK?x=1#rc=2" 'fragment: signed too' "$token" \
		'Twilio signs no fragment: take it off the URL where this was signed'
}

@test "-d: user and password are neither signed nor shown" {
	a_callback
	export TWILIO_STATUS_CALLBACK=https://user:hush@sms.example.org/x
	diagnosis $BASE/x /x
	has 'sms-hook takes this signature as it is configured'
	diagnosis $BASE/y /y
	has 'the user and password of the configured URL belong into the new one too' \
		"TWILIO_STATUS_CALLBACK=$BASE/y"
	[[ $output != *hush* ]]
}

@test "-d: each token is tried, and named by its place" {
	a_callback
	right=$TWILIO_AUTH_TOKEN
	SIGNED=$(signature $HOOK)
	export TWILIO_AUTH_TOKEN="ffffffffffffffffffffffffffffffff $right,short"
	diagnosis - /api/webhooks/twilio
	has 'token: 01..., number 2 of 3 in TWILIO_AUTH_TOKEN' \
		'sms-hook takes this signature as it is configured'
	[[ $output != *012* ]]
	SIGNED=$(TWILIO_AUTH_TOKEN=short signature $HOOK)
	diagnosis - /api/webhooks/twilio
	has 'token: ..., number 3 of 3 in TWILIO_AUTH_TOKEN'
	[[ $output != *short* ]]
}

@test "-d: an account with a token of its own" {
	a_callback
	body="AccountSid=$ACCOUNT&$body"
	export TWILIO_AUTH_TOKEN_$ACCOUNT=fedcba9876543210fedcba9876543210
	SIGNED=$(TWILIO_AUTH_TOKEN=fedcba9876543210fedcba9876543210 signature $HOOK)
	diagnosis - /api/webhooks/twilio
	has "token: fe..., number 1 of 1 in TWILIO_AUTH_TOKEN_$ACCOUNT" \
		'sms-hook takes this signature as it is configured'
	SIGNED=
	diagnosis $HOOK /api/webhooks/twilio
	has "$token" "for this account sms-hook tries only TWILIO_AUTH_TOKEN_$ACCOUNT: put that token there, or unset it"
	[[ $output != *'as it is configured'* ]]
	[[ $output != *fedc* ]]
}

@test "-d: parameters that nobody signed, and a GET" {
	a_callback
	captured - /api/webhooks/twilio >request
	SIGNED=$(sms-sign $HOOK </dev/null) captured - /api/webhooks/twilio >request
	run -77 sms-sign -d <request
	lines "signed for: $HOOK" 'body: not signed' "$token" \
		'nothing vouches for the parameters in the body: something added them on the way'
	query="?$body" body='' METHOD=GET
	diagnosis "$HOOK$query" "/api/webhooks/twilio$query"
	has 'method: GET, and sms-hook takes POST'
}

@test "-d: JSON is signed by its hash" {
	a_callback
	TYPE='application/json; charset=utf-8'
	body='[{"id":"EZ1"}]'
	query="?bodySHA256=$(printf %s "$body" | sha256sum | cut -d ' ' -f 1)"
	SIGNED=$(sms-sign "$HOOK$query" </dev/null)
	diagnosis - "/api/webhooks/twilio$query"
	has "signed for: $HOOK$query" 'sms-hook takes this signature as it is configured'
	TYPE=Application/CloudEvents-Batch+JSON
	diagnosis - "/api/webhooks/twilio$query"
	has 'sms-hook takes this signature as it is configured'
	SENT='[{"id":"EZ2"}]' captured - "/api/webhooks/twilio$query" >request
	run -77 sms-sign -d <request
	lines "signed for: $HOOK$query" "$token" \
		'body: it was changed on the way, or is not all there: its SHA-256 is not bodySHA256 of the query'
	SIGNED=$(sms-sign "$HOOK" </dev/null) captured - /api/webhooks/twilio >request
	run -77 sms-sign -d <request
	has 'body: it was changed on the way, or is not all there: its SHA-256 is not bodySHA256 of the query'
}

@test "-d: where nothing fits, it says how much was tried and what to look for" {
	a_callback
	cause='- a wrong token: compare it with the primary one of the account at Twilio'
	TWILIO_AUTH_TOKEN=other captured $HOOK /api/webhooks/twilio >request
	TWILIO_AUTH_TOKEN='one two' run -77 --separate-stderr sms-sign -d <request
	# two schemes, three ports, five paths with and without a slash, two queries
	[ "${lines[0]}" = 'signed for none of 120 URLs, with none of 2 tokens' ]
	has 'likely causes:' "$cause" \
		'- an altered body: parameters added, left out, trimmed or in another encoding' \
		'- a URL that nothing here hints at: put the one that Twilio was given into TWILIO_STATUS_CALLBACK, and try again'
	[ -z "$stderr" ]
	# a parameter more, and an account that is not ours
	SIGNED=$(signature $HOOK)
	SENT="AccountSid=$ACCOUNT&$body" body=$SENT captured - /api/webhooks/twilio >request
	run -77 sms-sign -d <request
	has "- a wrong token: compare it with the primary one of $ACCOUNT at Twilio" \
		"- that is not TWILIO_ACCOUNT_SID: its own token belongs into TWILIO_AUTH_TOKEN_$ACCOUNT"
	SIGNED=${SIGNED%?} captured - /api/webhooks/twilio >request
	run -77 sms-sign -d <request
	has 'the signature is not whole: it has 28 characters and ends in ='
}

@test "-d: what is no request, or is not signed, is not examined" {
	a_callback
	captured $HOOK /api/webhooks/twilio >request
	run -65 --separate-stderr sms-sign -d < <(head -c 300 request | head -c -20)
	[ "$stderr" = 'sms-sign: request is not whole' ]
	run -65 --separate-stderr sms-sign -d <<<$'POST / HTTP/1.1\nHost : x\n'
	[ "$stderr" = 'sms-sign: request: bad_field (see sms-hook(8))' ]
	run -65 --separate-stderr sms-sign -d < <(head -c 2000000 /dev/zero)
	[[ $stderr == 'sms-sign: request is longer than '*' bytes' ]]
	run -77 --separate-stderr sms-sign -d < <(grep -v Twilio- request)
	[ "$stderr" = 'sms-sign: request has no X-Twilio-Signature' ]
	run -65 --separate-stderr sms-sign -d < <(SENT='a=%00' body='a=%00' captured $HOOK / )
	[ "$stderr" = 'sms-sign: body: NUL in a parameter' ]
	run -64 sms-sign -d $HOOK
	run -64 sms-sign -d -v x
	run -64 sms-sign -v x
	TWILIO_AUTH_TOKEN=' , ' run -78 --separate-stderr sms-sign -d <request
	[ "$stderr" = 'sms-sign: TWILIO_AUTH_TOKEN is empty' ]
}

@test "-d: what a stranger has written keeps nobody busy" {
	a_callback
	path=$(printf '/%s' {1..9})
	query="?$(printf "p%d=%%2fa'b%%20c+d&" {1..19})"
	hosts=$(printf 'h%d.example:99,' {1..40})
	export TWILIO_AUTH_TOKEN="${TWILIO_AUTH_TOKEN}1 ${TWILIO_AUTH_TOKEN}2"
	SIGNED=x captured - "$path$query" "X-Forwarded-Host: $hosts" >request
	run -77 sms-sign -d <request
	[ "${lines[0]}" = 'signed for none of 64512 URLs, with none of 2 tokens' ]
	body=$(printf 'p%d=0123456789&' {1..190})
	SIGNED=x captured - "$path$query" "X-Forwarded-Host: $hosts" >request
	run -77 sms-sign -d <request
	[[ ${lines[0]} == 'gave up after '*' signatures: the request hints at 64512 URLs; take fields that look like the work of a stranger out of it' ]]
	# what differs in little is tried first
	captured $BASE/1/2/3/4/5/6/7/8/9"$query" "$path$query" "X-Forwarded-Host: $hosts" >request
	run -0 sms-sign -d <request
	has 'path: the one received'
}

# logged status target params [host]: a row of the log, signed for $HOOK as
# $SIGNED or $body says
logged() {
	sql "INSERT INTO webhook_logs (created_at, status, answer, signature,
		host, target, params) VALUES ('2026-01-01T00:00:00Z', '$1', 401,
		nullif('${SIGNED-$(signature $HOOK)}', ''), nullif('${4-sms.example.org}', ''),
		nullif('$2', ''), nullif('$3', '-')); SELECT max(id) FROM webhook_logs"
}

@test "-l: a request is examined from the log" {
	a_callback
	sms-apply </dev/null
	export WEBHOOK_BASE_URL=http://localhost:3000
	id=$(logged bad_signature /api/webhooks/twilio "$body")
	logged success /api/webhooks/twilio "$body"
	SIGNED=$(signature http://localhost:3000/api/webhooks/twilio)
	logged bad_signature /api/webhooks/twilio "$body" ''
	unset SIGNED
	run -0 --separate-stderr sms-sign -d -l "$id"
	lines "signed for: $HOOK" 'scheme: https, not http' 'host: that of Host' "$token" \
		'to configure:' "WEBHOOK_BASE_URL=$BASE"
	[ -z "$stderr" ]
	run -0 sms-sign -d -l last
	has 'sms-hook takes this signature as it is configured'
	# it only reads
	[ "$(sql 'SELECT count(*) FROM webhook_logs')" = 3 ]
	id=$(logged bad_signature /api/webhooks/twilio "$body&x=y")
	run -77 sms-sign -d -l "$id"
	has '- what a header field that the log does not keep would tell: capture a whole request'
}

@test "-l: what sms-hook has refused and kept is enough" {
	a_callback
	unset WEBHOOK_BASE_URL
	hook_start
	body="AccountSid=$TWILIO_ACCOUNT_SID&$body"
	post() {
		curl -sS -o answer -w '%{http_code}' --data-raw "$body" \
			-H "X-Twilio-Signature: $(signature "$1")" \
			-H 'Host: sms.example.org' \
			"$WEBHOOK_BASE_URL/api/webhooks/twilio?ref=r1"
	}
	# what is refused is logged behind the answer
	refused() {
		[ "$(sql 'SELECT count(*) FROM webhook_logs' 2>/dev/null)" = "$1" ]
	}
	[ "$(post "$HOOK?ref=r1")" = 401 ]
	until_true 10 refused 1
	run -65 --separate-stderr sms-sign -d -l last
	lines 'host: sms.example.org, where 127.0.0.1 is configured'
	[[ $stderr == 'sms-sign: the body was not kept, '* ]]
	echo SMS_LOG_REFUSED=body >>hook.conf
	[ "$(post "$HOOK?ref=r1")" = 401 ]
	until_true 10 refused 2
	run -0 --separate-stderr sms-sign -d -l last
	has "signed for: $HOOK?ref=r1" "WEBHOOK_BASE_URL=$BASE"
	# one that was taken is examined as well
	[ "$(post "$WEBHOOK_BASE_URL/api/webhooks/twilio?ref=r1")" = 200 ]
	settled
	run -0 sms-sign -d -l "$(sql "SELECT id FROM webhook_logs WHERE status = 'success'")"
	has 'sms-hook takes this signature as it is configured'
}

@test "-l: a form without its body cannot be examined, JSON can" {
	a_callback
	sms-apply </dev/null
	why='sms-sign: the body was not kept, and it is signed, too: set SMS_LOG_REFUSED=body for sms-hook and wait for the next one, or capture one, see sms-sign(1)'
	logged bad_signature /api/webhooks/twilio - SMS.example.org:443
	run -65 --separate-stderr sms-sign -d -l last
	[ -z "$output" ]
	[ "$stderr" = "$why" ]
	SIGNED=short logged bad_signature /hook?ref=r1 - inner:8080
	run -65 --separate-stderr sms-sign -d -l last
	lines 'host: inner:8080, where sms.example.org is configured' \
		'path: /hook, where sms-hook serves /api/webhooks/twilio' \
		'the signature is not whole: it has 28 characters and ends in ='
	[ "$stderr" = "$why" ]
	query="?bodySHA256=$(printf %s '[]' | sha256sum | cut -d ' ' -f 1)"
	SIGNED=$(sms-sign "http${HOOK#https}$query" </dev/null)
	logged bad_signature "/api/webhooks/twilio$query" -
	run -0 sms-sign -d -l last
	lines "signed for: http${HOOK#https}$query" 'scheme: http, not https' "$token" \
		'body: it was not kept, so nobody knows whether its SHA-256 is bodySHA256 of the query' \
		'to configure:' WEBHOOK_BASE_URL=http://sms.example.org
	logged bad_signature "/api/webhooks/twilio$query" '[1]'
	run -77 sms-sign -d -l last
	has 'body: it was changed on the way, or is not all there: its SHA-256 is not bodySHA256 of the query'
}

@test "-l: a row that is not there, or says too little, is named" {
	a_callback
	run -78 --separate-stderr sms-sign -d -l 1
	[ ! -e "$SMS_DB" ]
	sms-apply </dev/null
	run -65 --separate-stderr sms-sign -d -l last
	[ "$stderr" = 'sms-sign: webhook_logs has no row of bad_signature' ]
	run -65 --separate-stderr sms-sign -d -l 7
	[ "$stderr" = 'sms-sign: webhook_logs has no row 7' ]
	SIGNED='' logged no_signature /x "$body"
	run -77 --separate-stderr sms-sign -d -l 1
	[ "$stderr" = 'sms-sign: row 1 of webhook_logs has no X-Twilio-Signature' ]
	logged bad_signature '' "$body"
	run -65 --separate-stderr sms-sign -d -l 2
	[ "$stderr" = 'sms-sign: row 2 of webhook_logs does not say what was requested' ]
	for id in 0 -1 1x ''; do
		run -64 --separate-stderr sms-sign -d -l "$id"
		[ "$stderr" = "sms-sign: -l takes the id of a row of webhook_logs, or last, not '$id'" ]
	done
	run -64 sms-sign -l 1 https://example.com/
	run -64 sms-sign -d -l 1 -v x
}

@test "-d: numbers are masked, and nothing that a terminal obeys is printed" {
	a_callback
	diagnosis "$HOOK?ref=14155550100" '/api/webhooks/twilio?ref=14155550100'
	has "signed for: $HOOK?ref=1415…100"
	diagnosis "$HOOK?ref="$'\xc2\x9b1mx\xff' $'/api/webhooks/twilio?ref=\xc2\x9b1mx\xff'
	has "signed for: $HOOK?ref=??1mx?"
}

@test "-d agrees with sms-hook about every published signature" {
	n=0 bad=0
	while IFS=$(printf '\t') read -r url body token signature note; do
		case $note in
		*'; json;'*|*'leading blank'*) continue ;;
		*'; core;'*|*'; docs;'*) ;;
		*) continue ;;
		esac
		target=${url#*://}
		target=/${target#*/}
		{
			printf 'POST %s HTTP/1.1\r\nHost: x\r\n' "${target%%#*}"
			printf 'X-Twilio-Signature: %s\r\n' "$signature"
			printf 'Content-Length: %s\r\n\r\n%s' \
				"$(printf %s "$body" | wc -c)" "$body"
		} >vector
		said=$(TWILIO_STATUS_CALLBACK=$url TWILIO_AUTH_TOKEN=$token \
			sms-sign -d <vector) || :
		case $said in
		*'as it is configured'*) verdict=accept ;;
		*) verdict=reject ;;
		esac
		[ $verdict = "${note%%;*}" ] || { echo "$note"; bad=$((bad + 1)); }
		n=$((n + 1))
	done < <(grep -v '^#' "$ROOT/tests/fixtures/signature-vectors.tsv" |
		sed "s/$(printf '\t\t')/$(printf '\t\001\t')/g; s/$(printf '\t\t')/$(printf '\t\001\t')/g" |
		tr '\t\001' '\t\t')
	echo "$n vectors"
	[ "$n" -ge 60 ]
	[ "$bad" -eq 0 ]
}

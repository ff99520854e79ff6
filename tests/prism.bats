# Twilio's own OpenAPI document as the judge of every request we make: prism
# (Stoplight) serves it and answers 422 to what the document does not allow.

load helper

PRISM=$ROOT/build/prism/node_modules/.bin/prism

setup_file() {
	[ -x "$PRISM" ] || {
		echo 'prism is not there: sh tests/run.sh installs it' >&2
		return 1
	}
	cd "$BATS_FILE_TMPDIR" || return
	# OpenAPI says that an array in a form is a repeated parameter unless told
	# otherwise; prism wants to be told.  It is silent on parameters that the
	# document does not name: names has those that it does.
	node -e '
		const spec = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
		const create = spec.paths["/2010-04-01/Accounts/{AccountSid}" +
			"/Messages.json"].post.requestBody
			.content["application/x-www-form-urlencoded"];
		create.encoding = {};
		for (const [name, p] of Object.entries(create.schema.properties)) {
			console.log(name);
			if (p.type === "array")
				create.encoding[name] = { style: "form", explode: true };
		}
		fs.writeFileSync("spec.json", JSON.stringify(spec));
	' "$BATS_TEST_DIRNAME/fixtures/twilio_api_v2010.messages.json" >names
	STARTED=
	start "$PRISM" mock -h 127.0.0.1 -p 0 --errors -m false spec.json
	export PRISM_PID=$STARTED_PID
	until_true 60 grep -q 'is listening on' prism.out || {
		cat prism.out prism.err >&2
		return 1
	}
	PRISM_URL=$(sed -n 's/.*is listening on //p' prism.out)
	export PRISM_URL
}

teardown_file() {
	[ -z "${PRISM_PID:-}" ] || stop "$PRISM_PID"
}

setup() {
	common_setup
	export WEBHOOK_BASE_URL=https://sms.example.org
	# what we ask goes to prism by way of a file
	start socat -d -d -r request TCP-LISTEN:0,bind=127.0.0.1,fork \
		"TCP:${PRISM_URL#http://}"
	until_true 10 grep -q 'listening on' socat.err
	TWILIO_API_URL=http://127.0.0.1:$(sed -n \
		's/.*listening on .*:\([0-9]*\)$/\1/p' socat.err | head -n 1)
	SEEN=$(wc -l <"$BATS_FILE_TMPDIR/prism.out")
}

teardown() {
	common_teardown
}

# accepted "post PATH": prism had exactly this request since setup, and no
# objection to it; nor has it a parameter of our invention.
accepted() {
	local news name
	news=$(tail -n "+$((SEEN + 1))" "$BATS_FILE_TMPDIR/prism.out")
	echo "$news"
	[ "$(grep -c 'Request received' <<<"$news")" -eq 1 ]
	grep -q "$1 .*Request received" <<<"$news"
	[ "$(grep -c 'did not pass\|violation\|terminated' <<<"$news")" -eq 0 ]
	for name in $(sed '1,/^\r*$/d' request | tr '&' '\n' | sed 's/=.*//'); do
		echo "$name"
		grep -qx "$name" "$BATS_FILE_TMPDIR/names"
	done
}

ACCOUNT=/2010-04-01/Accounts/AC00000000000000000000000000000001

post() {
	curl -s -o answer -w '%{http_code}' \
		-u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \
		"$@" "$PRISM_URL$ACCOUNT/Messages.json"
}

@test "the judge refuses what is wrong: no To, no URL, no SID" {
	[ "$(post -d Body=x)" = 422 ]
	[ "$(post -d To=+15005550006 -d StatusCallback=nonsense)" = 422 ]
	[ "$(post -d To=+15005550006 --data-urlencode MediaUrl='not a URL')" = 422 ]
	[ "$(post -d To=+15005550006 -d ValidityPeriod=x)" = 422 ]
	[ "$(post -d To=+15005550006 -d SmartEncoded=maybe)" = 422 ]
	[ "$(post -d To=+15005550006 -d SendAt=tomorrow)" = 422 ]
	[ "$(post -d To=+15005550006 -d ScheduleType=later)" = 422 ]
	[ "$(post -d To=+15005550006 -d Body=x)" = 201 ]
	grep -qx StatusCallback "$BATS_FILE_TMPDIR/names"
	run ! grep -qx StatusCallbackMethod "$BATS_FILE_TMPDIR/names"
	[ "$(curl -s -o answer -w '%{http_code}' -u a:b \
		"$PRISM_URL$ACCOUNT/Messages/SM0123.json")" = 422 ]
}

@test "a message from a number is accepted" {
	run sms-send -f +15005550006 +14155550100 'Hello, 100% & more'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cut -f 1 <<<"$output")" = SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ]
	accepted "post $ACCOUNT/Messages.json"
}

@test "a message from a messaging service is accepted" {
	sms-send -m MG00000000000000000000000000000001 +14155550100 Hello
	accepted "post $ACCOUNT/Messages.json"
}

@test "a message with a picture and a ref is accepted" {
	printf '+14155550100\tLook\tbooking-1\thttps://example.org/a.png?b=c\n' |
		sms-send
	accepted "post $ACCOUNT/Messages.json"
}

@test "a picture without a text is accepted" {
	printf '+14155550100\t\\N\t\\N\thttps://example.org/a.png\n' | sms-send
	accepted "post $ACCOUNT/Messages.json"
}

@test "a message with ten pictures is accepted" {
	printf '+14155550100\tLook\t\\N\t%s\n' "$(printf \
		'https://example.org/%d.png?b=c ' 1 2 3 4 5 6 7 8 9 10)" | sms-send
	accepted "post $ACCOUNT/Messages.json"
	[ "$(grep -o MediaUrl= request | wc -l)" -eq 10 ]
}

@test "a message with a validity and smart encoding is accepted" {
	sms-send -e -p 36000 +14155550100 '“Hello”'
	accepted "post $ACCOUNT/Messages.json"
	grep -q 'ValidityPeriod=36000&SmartEncoded=true' request
}

@test "a message that a service is to send later is accepted" {
	sms-send -m MG00000000000000000000000000000001 \
		-a 2030-08-21T08:34:39Z +14155550100 Hello
	accepted "post $ACCOUNT/Messages.json"
	grep -q 'ScheduleType=fixed&SendAt=2030-08-21T08%3A34%3A39Z' request
}

@test "a message without a callback is accepted" {
	sms-send -C +14155550100 Hello
	accepted "post $ACCOUNT/Messages.json"
	run ! grep -q StatusCallback request
}

@test "a message that is fetched is accepted" {
	sid=SMb7c0a2ce80504485a6f653a7110836f5
	run sms-fetch "$sid"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cut -f 1 <<<"$output")" = "$sid" ]
	accepted "get $ACCOUNT/Messages/$sid.json"
}

load helper

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

load helper

setup() {
	common_setup
	unset TWILIO_AUTH_TOKEN
	url=https://example.com/
	want=$(TWILIO_AUTH_TOKEN=12345 sms-sign $url <<<a=b)
}
teardown() { common_teardown; }

signs() { [ "$(sms-sign $url <<<a=b)" = "$want" ]; }

@test "the file fills what the environment leaves open" {
	printf '# account\n\nTWILIO_AUTH_TOKEN=12345\n' >env
	chmod 600 env
	SMS_CONF=env signs
	printf "export TWILIO_AUTH_TOKEN = x\n" >bad
	printf "TWILIO_AUTH_TOKEN='12345'\n" >env
	SMS_CONF=env signs
	printf 'export TWILIO_AUTH_TOKEN="12345"  \n' >env
	SMS_CONF=env signs
	printf 'TWILIO_AUTH_TOKEN=other\n' >env
	TWILIO_AUTH_TOKEN=12345 SMS_CONF=env signs
	chmod 600 bad
	SMS_CONF=bad run -78 --separate-stderr sms-sign $url
	[ "$stderr" = "sms-sign: 'bad' line 1 is not KEY=VALUE" ]
}

@test "it is found below XDG_CONFIG_HOME and HOME" {
	unset SMS_CONF
	mkdir -p x/smspipe .config/smspipe
	echo TWILIO_AUTH_TOKEN=12345 >x/smspipe/env
	chmod 600 x/smspipe/env
	XDG_CONFIG_HOME=$PWD/x signs
	mv x/smspipe/env .config/smspipe/env
	signs
}

@test "a file with a secret that others may read is refused, one without is not" {
	echo TWILIO_AUTH_TOKEN=12345 >env
	chmod 640 env
	SMS_CONF=env run -78 --separate-stderr sms-sign $url
	[ "$stderr" = "sms-sign: 'env' holds a secret and others may read it: chmod 600" ]
	echo "SMS_DB=$PWD/elsewhere.db" >env
	unset SMS_DB
	SMS_CONF=env sms-apply </dev/null
	[ -e elsewhere.db ]
}

@test "a file that is named and missing is an error" {
	SMS_CONF=nope run -78 --separate-stderr sms-sign $url
	[ "$stderr" = "sms-sign: cannot open 'nope': No such file or directory" ]
	SMS_CONF=$PWD run -78 --separate-stderr sms-sign $url
	[[ "$stderr" == *'is a directory' ]]
}

@test "the default database is made below XDG_DATA_HOME or HOME" {
	unset SMS_DB
	sms-apply </dev/null
	[ -e .local/share/smspipe/sms.db ]
	[ "$(stat -c %a .local/share/smspipe)" = 700 ]
	XDG_DATA_HOME=$PWD/data sms-apply </dev/null
	[ -e data/smspipe/sms.db ]
}

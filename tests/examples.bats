# The files of examples/ that are no server's, run: with paths of the test put
# in place, and nothing else changed.  tests/doors.bats, tests/web.bats and
# tests/listen.bats have the servers.

load helper

setup() {
	common_setup
}

teardown() {
	common_teardown
}

@test "systemd finds nothing to say about its units" {
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/systemd/sms-hook@.service" \
		>sms-hook@.service
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/systemd/sms-reconcile.service" \
		>sms-reconcile.service
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/systemd/sms-hookd.service" \
		>sms-hookd.service
	cp "$ROOT"/examples/systemd/*.socket "$ROOT"/examples/systemd/*.timer .
	run systemd-analyze verify --man=no ./sms-hook.socket ./sms-hook@.service \
		./sms-hookd.socket ./sms-hookd.service \
		./sms-reconcile.service ./sms-reconcile.timer
	echo "$output"
	[ "$status" -eq 0 ]
	# words of other units of the machine are not ours
	run ! grep 'sms-' <<<"$output"
}

# What cron(8) would do with each line of the crontab.
cron() {
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/crontab" |
	while read -r line; do
		case $line in
		''|'#'*) ;;
		PATH=*) path=${line#PATH=} ;;
		*)
			command=$(sed -n 's/^\([-0-9*\/,]\{1,\} \)\{5\}//p' <<<"$line")
			[[ -n $command && $command != *%* ]] || return 1
			env -i HOME="$HOME" LOGNAME=x SHELL=/bin/sh PATH="$path" \
				/bin/sh -c "$command" </dev/null || return
			echo . >>ran ;;
		esac
	done
}

@test "crontab's lines run as cron runs them, and say nothing when all is well" {
	sim_start
	mkdir -p .config/smspipe
	sed "s|^#SMS_DB=.*|SMS_DB=$SMS_DB|; \$ a TWILIO_API_URL=$TWILIO_API_URL" \
		"$ROOT/examples/env" >.config/smspipe/env
	chmod 600 .config/smspipe/env
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	sms-send +14155550100 'A table for two' >/dev/null
	run cron
	echo "$output"
	[ "$status" -eq 0 ] && [ -z "$output" ]
	[ "$(wc -l <ran)" -eq 2 ]
}

@test "crontab's lines say what is wrong" {
	mkdir -p .config/smspipe
	sed "s|^#SMS_DB=.*|SMS_DB=$PWD/not/there/sms.db|" "$ROOT/examples/env" \
		>.config/smspipe/env
	chmod 600 .config/smspipe/env
	run --separate-stderr cron
	[ "$status" -ne 0 ]
	[ -n "$stderr" ]
}

@test "the env file reads the same for sh and for the tools" {
	cp "$ROOT/examples/env" env
	chmod 600 env
	unset "${!TWILIO_@}" WEBHOOK_BASE_URL SMS_DB
	want=$(set -a; . ./env; printf 'a=b' | SMS_CONF=/dev/null sms-sign https://x.example/)
	[ "$(printf 'a=b' | SMS_CONF=$PWD/env sms-sign https://x.example/)" = "$want" ]
	# so do the lines that are commented out, but for the token's own file
	sed '/^TWILIO_AUTH_TOKEN=/d; /TOKEN_FILE/d; s/^#\([A-Z_]*=\)/\1/' env >all
	chmod 600 all
	want=$(set -a; . ./all; printf 'a=b' | SMS_CONF=/dev/null sms-sign https://x.example/)
	[ "$(printf 'a=b' | SMS_CONF=$PWD/all sms-sign https://x.example/)" = "$want" ]
}

@test "the quickstart shows the pipeline, agrees with Twilio and cleans up" {
	export TWILIO_AUTH_TOKEN=5ecre75ecre75ecre75ecre75ecre700
	mkdir tmp
	TMPDIR=$PWD/tmp run sh "$ROOT/examples/quickstart.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'They agree on every message.'* ]]
	[[ $output == *'bin/sms-send +1555'* ]]
	[[ $output != *5ecre7* ]]
	[ -z "$(ls -A tmp)" ]
}

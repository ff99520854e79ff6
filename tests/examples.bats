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
	[ "$(wc -l <ran)" -eq 3 ]
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

@test "the audit finds what was sent behind our back, and nothing else" {
	hook_start
	sim_start -f drop=0
	# one of ours, one without a callback URL, and two of another program's
	sms-send +14155550100 ours >sent
	WEBHOOK_BASE_URL=http://127.0.0.1:9 sms-send +14155550101 silent >>sent
	for to in 02 03; do
		curl -fsS -o /dev/null -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \
			-d "To=%2B141555501$to" -d From=%2B15005550006 -d Body=foreign \
			"$TWILIO_API_URL/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json"
	done
	sim_clock 1h
	sim_settled
	simsql "SELECT m.sid, t.status, '\N', '\N', 'list', m.to_number, '\N',
		'outbound-api', '\N', '\N', '\N', '\N', '2025-01-01T00:00:00Z'
		FROM message AS m JOIN truth AS t ON t.sid = m.sid ORDER BY m.id" | tr '|' '\t' >list
	[ "$(wc -l <list)" -eq 4 ]
	# a message that came in has no callback to miss, a young one may have its own yet
	printf 'SM%032d\treceived\t\\N\t\\N\tlist\t\\N\t\\N\tinbound\n' 9 >>list
	printf 'SM%032d\tqueued\t\\N\t\\N\tlist\t\\N\t\\N\toutbound-api\t\\N\t\\N\t\\N\t\\N\t%s\n' \
		8 "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>list
	run -1 --separate-stderr sh "$ROOT/examples/audit.sh" <list
	[ -z "$stderr" ]
	[ "$(cut -f 1,5 <<<"$output" | sort | tr '\t\n' '  ')" = \
		'no-callback +1415…101 no-row +1415…102 no-row +1415…103 ' ]
	# -c takes over what was found, but no callback will ever come
	sms-apply -c <list >/dev/null
	[ "$(sh "$ROOT/examples/audit.sh" <list | cut -f 1 | sort -u)" = no-callback ]
	# scheduled and canceled have no callback to miss, but a row to have
	sed 's/\t[a-z]*\t/\tscheduled\t/; 2s/scheduled/canceled/' list >waiting
	run -0 --separate-stderr sh "$ROOT/examples/audit.sh" <waiting
	[ -z "$output$stderr" ]
	head -n 2 waiting | sed 's/^SM/MM/' >foreign
	[ "$(sh "$ROOT/examples/audit.sh" <foreign | cut -f 1,3 | sort | tr '\t\n' '  ')" = \
		'no-row canceled no-row scheduled ' ]
	# it masks as sms-list does
	sms-list -M | cut -f 6 | sort -u >masked
	sed 's/^SM/MM/' list | sh "$ROOT/examples/audit.sh" | cut -f 5 | sort -u |
		diff <(grep -v '^.N$' masked) <(grep -v '^.N$' -)
	# what is no record is counted, not shown
	{ printf '\001\377\tx\033[2J\n'; cat waiting; echo SM12; } >binary
	run -1 --separate-stderr sh "$ROOT/examples/audit.sh" <binary
	[ -z "$output" ]
	[ "$stderr" = 'audit.sh: lines without a SID: 2' ]
	for bad in '7d 8d' -h '-a 7d'; do
		run -64 --separate-stderr sh "$ROOT/examples/audit.sh" $bad </dev/null
		[ "$stderr" = 'usage: audit.sh [age]' ]
	done
	run -64 sh "$ROOT/examples/audit.sh" '' </dev/null
	# nothing to find is no output and status 0
	head -n 1 list >ours
	run -0 --separate-stderr sh "$ROOT/examples/audit.sh" <ours
	[ -z "$output$stderr" ]
	SMS_DB=$PWD/none.db run -78 --separate-stderr sh "$ROOT/examples/audit.sh" <list
	[ "$stderr" = "audit.sh: no database at '$PWD/none.db': set SMS_DB" ]
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

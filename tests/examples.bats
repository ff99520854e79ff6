# Each file of examples/ that this system can run, run: with paths, ports and
# users of its own put in place, and nothing else changed.

load helper

INETD=$ROOT/build/inetd/usr/sbin

setup() {
	common_setup
	# a server may empty the environment: the hook gets its settings here
	cat >hook.conf <<-END
	TWILIO_ACCOUNT_SID=$TWILIO_ACCOUNT_SID
	TWILIO_AUTH_TOKEN=$TWILIO_AUTH_TOKEN
	SMS_DB=$SMS_DB
	END
	chmod 600 hook.conf
	cat >sms-hook <<-END
	#!/bin/sh
	SMS_CONF=$PWD/hook.conf exec $ROOT/bin/sms-hook
	END
	chmod 755 sms-hook
}

teardown() {
	common_teardown
}

# Those that tests/run.sh unpacked with the two inetds.
libraries() {
	printf '%s:' "$ROOT"/build/inetd/lib/*-linux-* \
		"$ROOT"/build/inetd/usr/lib/*-linux-*
}

# A port that was free a moment ago: inetd and xinetd cannot ask for any.
free_port() {
	socat -d -d TCP-LISTEN:0,bind=127.0.0.1,accept-timeout=0.1 - 2>&1 \
		</dev/null | sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p'
}

# example file: a copy that fits this test
example() {
	PORT=$(free_port)
	sed -e "s|/usr/local/bin/sms-hook|$PWD/sms-hook|g" -e "s/844[34]/$PORT/g" \
		-e "s/\\([ =]\\)sms\$/\\1$(id -un)/; s/ sms / $(id -un) /" \
		-e "s|/etc/smspipe/tls.pem|$PWD/tls.pem|" \
		"$ROOT/examples/$1" >"${1##*/}"
	chmod 755 "${1##*/}"
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
}

healthy() {
	[ "$(curl -ks -o /dev/null -w '%{http_code}' \
		"$WEBHOOK_BASE_URL/healthz")" = 200 ]
}

# A message is sent, its callback comes through the server, and a burst of
# 300 connections, more than any of the default limits, is served in full.
serves() {
	local sid
	until_true 10 healthy || { cat ./*.err ./*.out; return 1; }
	sim_start -f drop=100
	sid=$(sms-send +14155550100 'A table for two' | cut -f 1)
	[ "$(post_callback "AccountSid=$TWILIO_ACCOUNT_SID&MessageSid=$sid&MessageStatus=delivered" -k)" = 200 ]
	until_true 10 status_is "$sid" delivered
	curl -ks -o /dev/null -w '%{http_code}\n' \
		"$WEBHOOK_BASE_URL/healthz?n=[1-300]" >codes
	[ "$(sort codes | uniq -c | tr -s ' ')" = ' 300 200' ]
}

status_is() {
	[ "$(sql "SELECT status FROM messages
		WHERE twilio_message_sid = '$1'")" = "$2" ]
}

# half_close: a client that ends its side at once is answered all the same.
half_close() {
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' |
		socat -t 10 - "TCP:127.0.0.1:$PORT" | grep -q '^HTTP/1.1 200'
}

@test "socat serves sms-hook" {
	example socat.sh
	start ./socat.sh
	serves
	half_close
}

@test "socat serves sms-hook with TLS" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost 2>/dev/null
	cat cert.pem key.pem >tls.pem
	example socat-tls.sh
	WEBHOOK_BASE_URL=https://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
	start ./socat-tls.sh
	serves
}

@test "tcpserver serves sms-hook" {
	example tcpserver.run
	start ./tcpserver.run
	serves
	half_close
}

@test "openbsd-inetd serves sms-hook" {
	example inetd.conf
	LD_LIBRARY_PATH=$(libraries) start "$INETD/inetd" -i "$PWD/inetd.conf"
	serves
	half_close
}

@test "xinetd serves sms-hook" {
	example xinetd.conf
	LD_LIBRARY_PATH=$(libraries) start "$INETD/xinetd" -dontfork -f "$PWD/xinetd.conf" -pidfile "$PWD/pid"
	serves
	half_close
}

@test "systemd's socket activation serves sms-hook" {
	example systemd/sms-hook.socket
	grep -qx 'Accept=yes' sms-hook.socket
	start systemd-socket-activate -a --inetd \
		-l "$(sed -n 's/^ListenStream=//p' sms-hook.socket)" "$PWD/sms-hook"
	serves
	half_close
}

@test "systemd finds nothing to say about its units" {
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/systemd/sms-hook@.service" \
		>sms-hook@.service
	sed "s|/usr/local/bin|$ROOT/bin|" "$ROOT/examples/systemd/sms-reconcile.service" \
		>sms-reconcile.service
	cp "$ROOT"/examples/systemd/*.socket "$ROOT"/examples/systemd/*.timer .
	run systemd-analyze verify --man=no ./sms-hook.socket ./sms-hook@.service \
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

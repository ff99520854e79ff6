# For tests that run a server with sms-hook behind it: a file of examples/,
# with paths, ports and users of the test put in place and nothing else
# changed.

INETD=$ROOT/build/inetd/usr/sbin
WEB=$ROOT/build/web
# the tree that is built with sanitizers lies in the build folder itself
[ -d "$WEB" ] || INETD=${ROOT%/*}/inetd/usr/sbin WEB=${ROOT%/*}/web

servers_setup() {
	# a server may empty the environment: the hook gets its settings here
	cat >hook.conf <<-END
	TWILIO_ACCOUNT_SID=$TWILIO_ACCOUNT_SID
	TWILIO_AUTH_TOKEN=$TWILIO_AUTH_TOKEN
	SMS_DB=$SMS_DB
	END
	chmod 600 hook.conf
	cat >sms-hook <<-END
	#!/bin/sh
	SMS_CONF=$PWD/hook.conf exec $ROOT/bin/sms-hook "\$@"
	END
	chmod 755 sms-hook
}

# Those that tests/run.sh unpacked with the servers.
libraries() {
	printf '%s:' "${WEB%/*}"/{inetd,web}/{,usr/}lib/*-linux-*
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
		-e "s|/run/fcgiwrap.socket|$PWD/fcgi.sock|" \
		-e "s|/usr/local/share/smspipe/examples|$PWD|" \
		-e "s|/var/lib/smspipe/www|$PWD/www|" \
		"$ROOT/examples/$1" >"${1##*/}"
	chmod 755 "${1##*/}"
	export WEBHOOK_BASE_URL=http://127.0.0.1:$PORT
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
}

# PROBE and PROBED: a path, and the status of a GET of it, if not of /healthz
healthy() {
	[ "$(curl -ks -o /dev/null -w '%{http_code}' \
		"$WEBHOOK_BASE_URL${PROBE-/healthz}")" = "${PROBED-200}" ]
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
		"$WEBHOOK_BASE_URL${PROBE-/healthz}?n=[1-300]" >codes
	[ "$(sort codes | uniq -c | tr -s ' ')" = " 300 ${PROBED-200}" ]
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

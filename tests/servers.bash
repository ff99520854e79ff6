# For tests that run a server with sms-hook behind it: a file of examples/,
# with paths, hosts, ports and users of the test put in place and nothing else
# changed.
#
# With ALL=1 each server gets 5,000 callbacks instead of 300, and the figures
# are printed: tests/bench/doors.txt has some.

SERVERS=$ROOT/build/servers
# the tree that is built with sanitizers lies in the build folder itself
[ -d "$SERVERS" ] || SERVERS=${ROOT%/*}/servers

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
	# what tests/run.sh has unpacked
	PATH=$SERVERS/usr/sbin:$SERVERS/usr/bin:$SERVERS/bin:/usr/sbin:$PATH
	PATH=$ROOT/bin:$PATH
	LD_LIBRARY_PATH=$(printf '%s:' "$SERVERS"/{,usr/}lib/*-linux-*)
	export LD_LIBRARY_PATH
}

# built client: makes that program of tests/bench, once for each
# file of tests.
built() {
	[ -x "$BATS_FILE_TMPDIR/$1" ] ||
		cc -std=c11 -D_POSIX_C_SOURCE=200809L -I"$ROOT/lib" \
			-o "$BATS_FILE_TMPDIR/$1" "$ROOT/tests/bench/$1.c" \
			"$ROOT"/lib/{buf,die,form,mask,num,sign}.c -lssl -lcrypto
}

# A certificate of this machine, which its clients trust and no other.
certified() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	cat cert.pem key.pem >tls.pem
	chmod 600 key.pem tls.pem
	export CURL_CA_BUNDLE=$PWD/cert.pem
}

# A port that was free a moment ago: inetd and xinetd cannot ask for any.
free_port() {
	socat -d -d TCP-LISTEN:0,bind=127.0.0.1,accept-timeout=0.1 - 2>&1 \
		</dev/null | sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p'
}

# example file [scheme]: a copy that fits this test.  It listens on PORT; BEHIND
# is the port of a server behind it.
example() {
	PORT=$(free_port)
	sed -e "s|/usr/local/bin/sms-hook|$PWD/sms-hook|g" \
		-e "s/8443/$PORT/g" -e "s/8444/${BEHIND-$PORT}/g" \
		-e "s/\\([ =]\\)sms\$/\\1$(id -un)/; s/ sms / $(id -un) /" \
		-e "s|sms.example.org|127.0.0.1|" \
		-e "s|/etc/smspipe/tls.pem|$PWD/tls.pem|g" \
		-e "s|/run/fcgiwrap.socket|$PWD/fcgi.sock|" \
		-e "s|/run/smspipe/hook.sock|$PWD/hook.sock|" \
		-e "s|/usr/local/share/smspipe/examples|$PWD|" \
		-e "s|/var/lib/smspipe/www|$PWD/www|" \
		"$ROOT/examples/$1" >"${1##*/}"
	chmod 755 "${1##*/}"
	# not exported: the server behind has to get it from its file
	WEBHOOK_BASE_URL=${2-http}://127.0.0.1:$PORT
	sed -i '/^WEBHOOK_BASE_URL=/d' hook.conf
	echo "WEBHOOK_BASE_URL=$WEBHOOK_BASE_URL" >>hook.conf
}

# nginx_with file: the file is a part of http { } of its configuration.
nginx_with() {
	local user=
	# else its workers would be nobody and reach nothing here
	[ "$(id -u)" -ne 0 ] || user='user root;'
	cat >nginx.conf <<-END
	$user
	daemon off;
	pid $PWD/nginx.pid;
	error_log stderr warn;
	events { worker_connections 1024; }
	http {
		access_log off;
		client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
		uwsgi_temp_path u; scgi_temp_path s;
		include $PWD/$1;
	}
	END
	start nginx -p "$PWD/" -e stderr -c "$PWD/nginx.conf"
}

# PROBE and PROBED: a path, and the status of a GET of it, if not of /healthz
healthy() {
	[ "$(curl -s -o /dev/null -w '%{http_code}' \
		"$WEBHOOK_BASE_URL${PROBE-/healthz}")" = "${PROBED-200}" ]
}

# bodies n: of callbacks of which no two are alike
bodies() {
	awk -v n="$1" 'BEGIN {
		split("queued sending sent delivered", word)
		for (i = 0; i < n; i++)
			printf "MessageSid=SM%032x&MessageStatus=%s&N=%d\n",
				i / 4, word[i % 4 + 1], i
	}'
}

# taken n: so many callbacks have come into the store, each once.
taken() {
	[ "$(sql "SELECT count(*), count(DISTINCT params) FROM webhook_logs
		WHERE status = 'success'" 2>/dev/null)" = "$1|$1" ]
}

# loaded n connections: posts n callbacks, from so many clients at once; sets
# bad, how many of them were not answered with 2xx
loaded() {
	local trust= clients=$2
	built load
	[[ $WEBHOOK_BASE_URL != https:* ]] || trust=cert.pem
	set -- $(bodies "$1" | "$BATS_FILE_TMPDIR/load" ${trust:+-C "$trust"} \
		"$WEBHOOK_BASE_URL${CALLBACK_PATH-/api/webhooks/twilio}" "$2")
	echo "$*"
	[ $# -eq 6 ]
	bad=$6
	[ -z "${ALL-}" ] || printf '# %s, %d at once%s: %s\n' \
		"$BATS_TEST_DESCRIPTION" "$clients" "${slow:+, 200 slow}" "$*" >&3
}

# serves [peer]: callbacks from 64 clients at once, more of them than any of
# the default limits takes, are answered and kept; so is one whose client has
# another address, as which the log knows it unless it is said to be peer.
serves() {
	local n=300
	[ -z "${ALL-}" ] || n=5000
	until_true 10 healthy || { cat ./*.err ./*.out; return 1; }
	loaded $n 64
	[ "$bad" -eq 0 ]
	[ "$(post_callback "MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=sent" \
		--interface 127.0.0.2)" = 200 ]
	until_true 30 taken $((n + 1))
	[ "$(sql 'SELECT peer FROM webhook_logs ORDER BY id DESC LIMIT 1')" = \
		"${1-127.0.0.2}" ]
	[ "$(sql 'PRAGMA integrity_check')" = ok ]
}

# beside_slow_ones: one client after the other is answered while 200 others
# never come to the end of their request.
beside_slow_ones() {
	local slow='' n=50
	[ -z "${ALL-}" ] || n=1000
	[ -z "${ALL-}" ] || loaded $n 1  # to compare with
	built drip
	start "$BATS_FILE_TMPDIR/drip" "$PORT" 200
	slow=$STARTED_PID
	until_true 30 grep -q ready drip.out
	loaded $n 1
	[ "$bad" -eq 0 ]
	kill -0 "$slow"
	stop "$slow"
}

# half_close: a client that ends its side at once is answered all the same.
half_close() {
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' |
		socat -t 10 - "TCP:127.0.0.1:$PORT" | grep -q '^HTTP/1.1 200'
}

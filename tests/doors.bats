# sms-hook under each server that starts it for one connection or ends TLS for
# it: the file of examples/ for that server, run.  Those that start it by CGI
# are in tests/web.bats, those that hand it a listening socket in
# tests/listen.bats.

load helper
load servers

setup() {
	common_setup
	servers_setup
}

teardown() {
	common_teardown
}

@test "socat" {
	example socat.sh
	start ./socat.sh
	serves
	beside_slow_ones
	half_close
}

@test "tcpserver" {
	example tcpserver.run
	start ./tcpserver.run
	serves
	beside_slow_ones
	half_close
}

@test "tcpsvd" {
	example tcpsvd.run
	start ./tcpsvd.run
	serves
	beside_slow_ones
	half_close
}

@test "openbsd-inetd" {
	example inetd.conf
	start inetd -i "$PWD/inetd.conf"
	serves
	beside_slow_ones
	half_close
}

# It sleeps for a second after a child has ended, so there is no file for it; but
# who has it loses nothing.
@test "inetutils-inetd" {
	example inetd.conf
	start inetutils-inetd -d "$PWD/inetd.conf"
	until_true 10 healthy
	loaded 20 20
	[ "$bad" -eq 0 ]
	until_true 10 taken 20
	[ "$(sql 'SELECT DISTINCT peer FROM webhook_logs')" = 127.0.0.1 ]
	half_close
}

@test "xinetd" {
	example xinetd.conf
	start xinetd -dontfork -f "$PWD/xinetd.conf" -pidfile "$PWD/pid"
	serves
	beside_slow_ones
	half_close
}

@test "systemd, Accept=yes" {
	example systemd/sms-hook.socket
	grep -qx 'Accept=yes' sms-hook.socket
	start systemd-socket-activate -a --inetd \
		-l "$(sed -n 's/^ListenStream=//p' sms-hook.socket)" "$PWD/sms-hook"
	serves
	beside_slow_ones
	half_close
}

@test "socat with TLS" {
	certified
	example socat-tls.sh https
	start ./socat-tls.sh
	serves
}

@test "stunnel" {
	certified
	example stunnel.conf https
	start stunnel "$PWD/stunnel.conf"
	serves
}

# One sms-hook for all, which others hand connections on to, on port BEHIND.
waits_behind() {
	example inetd-wait.conf
	start inetd -i "$PWD/inetd-wait.conf"
	INETD_PID=$STARTED_PID
	BEHIND=$PORT
}

# Nothing is lost when the sms-hook behind ends and another one begins.
renewed() {
	local i load pid ended=
	bodies 500 >more
	"$BATS_FILE_TMPDIR/load" -C cert.pem \
		"$WEBHOOK_BASE_URL/api/webhooks/twilio" 16 \
		<more >result 3>&- &
	load=$!
	for i in 1 2 3; do
		sleep 0.2
		pid=$(ps -A -o pid=,ppid= |
			awk -v p="$INETD_PID" '$2 == p { print $1 }')
		! kill -TERM $pid || ended=$ended$i
	done
	wait $load
	cat result
	[ -n "$ended" ]
	[ "$(cut -d ' ' -f 1,6 result)" = '500 0' ]
}

@test "stunnel in front of inetd" {
	certified
	waits_behind
	example stunnel-front.conf https
	start stunnel "$PWD/stunnel-front.conf"
	serves 127.0.0.1
	renewed
}

@test "nginx with TLS in front of inetd" {
	certified
	waits_behind
	example nginx-tls.conf https
	nginx_with nginx-tls.conf
	serves 127.0.0.1
	renewed
}

@test "nginx with TLS in front of s6-ipcserver" {
	certified
	example s6-ipcserver.run
	start ./s6-ipcserver.run
	example nginx-tls.conf https
	sed -i "s|127.0.0.1:$PORT;|unix:$PWD/hook.sock;|" nginx-tls.conf
	grep -q 'server unix:' nginx-tls.conf
	nginx_with nginx-tls.conf
	serves local
}

@test "haproxy with TLS in front of inetd" {
	certified
	waits_behind
	example haproxy.cfg https
	start haproxy -db -f haproxy.cfg
	serves 127.0.0.1
	renewed
}

@test "caddy with TLS in front of inetd" {
	certified
	waits_behind
	example Caddyfile https
	start caddy run --config Caddyfile --adapter caddyfile
	serves 127.0.0.1
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: other' \
		"$WEBHOOK_BASE_URL/healthz")" = 421 ]
	renewed
}

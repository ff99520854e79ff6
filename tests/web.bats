# sms-hook under each web server that starts it by CGI: the file of examples/
# for that server, run.
load helper
load servers

SID=SM0123456789abcdef0123456789abcdef

setup() {
	common_setup
	servers_setup
}

teardown() {
	common_teardown
}

# What a server does with bodies that are large, in chunks, or refused.
passes_on() {
	url=$WEBHOOK_BASE_URL${CALLBACK_PATH-/api/webhooks/twilio}
	# refused by sms-hook, and by the server if that has a limit
	for i in 200000 200000 200000 300000 300000; do
		head -c "$i" /dev/zero | tr '\0' a >big
		[ "$(curl -s -o /dev/null -w '%{http_code}' --data-binary @big \
			-H Expect: "$url")" = 413 ]
	done
	for i in $(seq 20); do
		[ "$(curl -s -o /dev/null -w '%{http_code}' -d a=b \
			-H "Proxy: http://127.0.0.1:9" "$url")" = 401 ]
	done
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=plus+%26+%C3%A9")" = 200 ]
	until_true 10 logged 'N=plus+%26'
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=chunks" \
		-H 'Transfer-Encoding: chunked')" = "${CHUNKS-200}" ]
	store_held
	[ "$(post_callback "MessageSid=$SID&MessageStatus=sent&N=busy" -m 5)" = 200 ]
	store_released
	until_true 10 logged N=busy
}

# The requests of tests/fixtures/requests.tsv: many a server mends some of them,
# or refuses them itself.  What it passes on is answered as it should be, and
# no request is taken for two.
conforms() {
	local status reason request what got ran n=0 passed=0 bad=0
	sed -i "2i printf x >>$PWD/ran" sms-hook
	while IFS=$'\t' read -r status reason request what; do
		: >ran
		got=$(printf %b "$request" |
			socat -t 1 - "TCP:127.0.0.1:$PORT" | tr -d '\0')
		got=${got#HTTP/1.[01] }
		read -r ran <ran || :
		n=$((n + 1)) passed=$((passed + ${#ran}))
		case ${#ran},$status,${got:0:3} in
		1,"${got:0:3}",*|1,*,200|1,4*,4*) ;;
		# asked without a version, nginx answers without a status
		1,400,ok) ;;
		0,200,4*|0,[45]*,5[0-9][15]|0,[45]*,[!5]*|0,[45]*,) ;;
		*)
			echo "$what: ${got:0:3} instead of $status, ran ${#ran} times"
			bad=$((bad + 1)) ;;
		esac
	done < <(grep -v '^#' "$ROOT/tests/fixtures/requests.tsv" | grep .)
	sed -i 2d sms-hook
	echo "$passed of $n requests were passed on"
	[ "$n" -ge 150 ]
	[ "$passed" -ge 15 ]
	[ "$bad" -eq 0 ]
}

logged() {
	[ "$(sql "SELECT peer FROM webhook_logs
		WHERE instr(params, '$1') > 0")" = 127.0.0.1 ]
}

@test "nginx with fcgiwrap" {
	example nginx-fcgiwrap.conf
	start fcgiwrap -c 8 -s "unix:$PWD/fcgi.sock"
	until_true 10 test -S fcgi.sock
	nginx_with nginx-fcgiwrap.conf
	serves
	beside_slow_ones
	passes_on
	conforms
}

@test "lighttpd" {
	example lighttpd.conf
	start lighttpd -D -m "$SERVERS/usr/lib/lighttpd" -f lighttpd.conf
	serves
	beside_slow_ones
	passes_on
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$WEBHOOK_BASE_URL/hook.conf")" = 403 ]
	conforms
}

@test "busybox httpd" {
	example busybox-httpd.sh
	export CALLBACK_PATH=/cgi-bin/sms-hook PROBE=/cgi-bin/sms-hook PROBED=405
	echo "TWILIO_STATUS_CALLBACK=$WEBHOOK_BASE_URL$CALLBACK_PATH" >>hook.conf
	start ./busybox-httpd.sh
	serves
	CHUNKS=411 passes_on
}

@test "Apache httpd" {
	local as=
	# it refuses to be root, and nobody else reaches this folder
	[ "$(id -u)" -ne 0 ] || as='unshare --user --map-user=1 --map-group=1'
	example apache.conf
	{
		for module in mpm_event alias authz_core cgid reqtimeout; do
			echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
		done
		cat <<-END
		ServerRoot $PWD
		ServerName localhost
		DefaultRuntimeDir $PWD
		PidFile $PWD/apache.pid
		ScriptSock $PWD/cgid.sock
		ErrorLog $PWD/apache.err
		Include $PWD/apache.conf
		END
	} >httpd.conf
	start $as apache2 -DFOREGROUND -f "$PWD/httpd.conf"
	serves
	beside_slow_ones
	CHUNKS=411 passes_on
	conforms
}

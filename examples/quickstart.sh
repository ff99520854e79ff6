#!/bin/sh
# The whole pipeline on one machine, without an account: ten messages to a
# simulated Twilio, its callbacks over real sockets, some of them lost on
# purpose, and what became of the lost ones.
#
#	sh examples/quickstart.sh
#
# Installs what is missing with apt-get (and says so), builds in place, and
# writes nothing outside this tree and a temporary folder.

set -eu
cd "$(dirname "$0")/.."
need='gcc make libc6-dev libsqlite3-dev libssl-dev libcurl4-openssl-dev
	curl socat sqlite3'

say() {
	echo
	printf '%s\n' "$@"
}

# By itself it does not wait while an sms-hook that ends has the database.
sqlite3() {
	command sqlite3 -cmd '.timeout 5000' "$@"
}

# Prints a command as one would type it, then runs it.
show() {
	printf '\n$ %s\n' "$1"
	eval "$1"
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

mkdir -p build
missing=
if command -v dpkg-query >/dev/null; then
	for p in $need; do
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || :) in
		*' installed') ;;
		*) missing="$missing $p" ;;
		esac
	done
	if [ -n "$missing" ] && ! as_root true 2>/dev/null; then
		echo 'These packages are missing, and installing them takes root:'
		for p in $missing; do echo "	$p"; done
		echo 'Install them, then run this again:'
		echo "	sudo apt-get install --no-install-recommends$missing"
		exit 1
	fi
	if [ -n "$missing" ]; then
		echo "Installing these packages with apt-get:$missing"
		# shellcheck disable=SC2086
		{ as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends $missing; } \
			>build/quickstart.log 2>&1 || {
			tail -n 20 build/quickstart.log
			exit 1
		}
	fi
else
	for p in cc make curl socat sqlite3; do
		command -v "$p" >/dev/null || missing="$missing $p"
	done
	echo 'This is not Debian.  Needed are a C compiler, make, curl, socat,'
	echo 'sqlite3, and the headers of libsqlite3, libcrypto and libcurl; on'
	# shellcheck disable=SC2086
	echo "Debian:" $need
	if [ -n "$missing" ]; then
		echo "Not found:$missing"
		exit 1
	fi
fi
echo 'Building.'
make >build/quickstart.log 2>&1 || { cat build/quickstart.log; exit 1; }

# Nothing below may reach a real account.
real=${TWILIO_ACCOUNT_SID:+yes}
for name in $(env | sed -n 's/^\(TWILIO_[A-Z_a-z0-9]*\)=.*/\1/p'); do
	unset "$name"
done
unset WEBHOOK_BASE_URL NEXT_PUBLIC_SITE_URL NEXT_PUBLIC_APP_URL VERCEL_URL \
	SMS_ENV SMS_DB SMS_HOOK_PATH SKIP_TWILIO_SIGNATURE_VALIDATION \
	CRON_SECRET http_proxy HTTP_PROXY ALL_PROXY all_proxy

PATH=$PWD/bin:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/smspipe.XXXXXX")
servers=
finish() {
	trap - EXIT INT TERM
	for p in $servers; do
		kill "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	rm -rf "$dir"
}
trap finish EXIT
trap 'finish; exit 130' INT TERM
cd "$dir"

# wait_for file pattern: until a server has said where it listens
wait_for() {
	i=0
	until grep -q "$2" "$1"; do
		i=$((i + 1))
		[ $i -lt 100 ] || { cat "$1"; exit 1; }
		sleep 0.1
	done
}

say 'One file of settings for all tools; real ones come from your account.'
cat >settings <<'END'
TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001
TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef
TWILIO_PHONE_NUMBER=+15005550006
END
echo "SMS_DB=$dir/sms.db" >>settings
chmod 600 settings
export SMS_CONF="$dir/settings"

: >sim.url
sms-sim -d sim.db -S 12 -s 40 -f drop=35,error=25 >sim.url 2>sim.log &
servers=$!
wait_for sim.url '^http'
sim=$(cat sim.url)
echo "TWILIO_API_URL=$sim" >>settings

: >hook.log
socat -d -d TCP-LISTEN:0,bind=127.0.0.1,reuseaddr,fork \
	EXEC:sms-hook,nofork 2>hook.log &
servers="$servers $!"
wait_for hook.log 'listening on'
port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' hook.log | head -n 1)
echo "WEBHOOK_BASE_URL=http://127.0.0.1:$port" >>settings
cat settings

say 'sms-sim plays Twilio on the first URL and loses a third of its callbacks.' \
	'socat listens on the second one and starts an sms-hook for each callback.'

say 'SEND.  Ten records: to, body, and our own id of the message.'
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf '+141555501%02d\tYour table is booked, code %d\tbooking-%d\n' \
		$i $((i * 111)) $i
done >messages
show 'head -n 3 messages'
show 'sms-send <messages >sent'
say 'Each has become a status record, sms-record(5):'
show 'sms-send -H </dev/null; head -n 1 sent'
say 'Its columns sid, status, to and our id, of all ten:'
show 'cut -f 1,2,6,12 sent'

say 'CALLBACK.  Minutes pass; Twilio reports how each message fares.' \
	'What its callbacks told us, and what they did not:'
curl -fsS -o /dev/null -d advance=10m "$sim/sim/clock"
i=0
until [ "$(curl -fsS "$sim/sim/pending")" = 0 ] || [ $i -gt 300 ]; do
	i=$((i + 1))
	sleep 0.1
done
show "sqlite3 sms.db \"SELECT status, count(*) FROM messages GROUP BY status\""
show "sqlite3 sms.db \"SELECT status, count(*) FROM webhook_logs GROUP BY status\""

say 'RECONCILE.  Three hours later some are still not done: their callbacks' \
	'are lost.  sms-stuck finds them, sms-fetch asks Twilio for each, sms-apply' \
	'takes the answers in.'
curl -fsS -o /dev/null -d advance=3h "$sim/sim/clock"
now=$(curl -fsS "$sim/sim/clock" | sed 's/.*"now": *"\([^"]*\)".*/\1/')
show "sms-stuck -t $now | cut -f 1,2,4,6,12"
show "sms-stuck -t $now | sms-fetch | cut -f 1,2,3,4,5,12,14"
say 'With sms-apply at its end each line says: sid, outcome, old, new, code, id.' \
	'-n only says what would happen:'
show "sms-stuck -t $now | sms-fetch | sms-apply -n"
say 'sms-reconcile does the same for good; it is what crontab runs.'
show "sms-reconcile -t $now"

say 'What our database says now, and what the simulated Twilio knows:'
show "sqlite3 -separator ' ' sms.db \\
	\"SELECT status, error_code, count(*) FROM messages GROUP BY 1, 2\""
show "sqlite3 -separator ' ' sim.db \\
	\"SELECT status, error_code, count(*) FROM truth GROUP BY 1, 2\""
ours=$(sqlite3 sms.db 'SELECT twilio_message_sid, status, error_code
	FROM messages ORDER BY 1')
theirs=$(sqlite3 sim.db 'SELECT sid, status, error_code FROM truth ORDER BY 1')
if [ "$ours" = "$theirs" ]; then
	say 'They agree on every message.'
else
	say 'THEY DIFFER: this is a fault in smspipe.'
	exit 1
fi

say 'Next: man ./man/sms.7, or README.md.  To do the same for real, put your own' \
	'settings into ~/.config/smspipe/env (see examples/env) and serve sms-hook to' \
	'the internet (examples/ has it for inetd, socat, tcpserver and systemd).'
if [ -n "$real" ]; then
	cat <<'END'

TWILIO_ACCOUNT_SID is set in your environment, and nothing above used it.
These commands send one real message, and reconcile it an hour later:

	export WEBHOOK_BASE_URL=https://sms.example.org	# where sms-hook is
	bin/sms-send +15551234567 'Hello from smspipe'
	bin/sms-reconcile
END
fi

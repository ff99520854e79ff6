#!/bin/sh
# What was sent behind our back: messages at Twilio that the store has no row
# for, and those that were sent without a callback URL, or whose callbacks do
# not arrive.
#
#	sh examples/audit.sh 7d
#	sms-fetch -a 7d | sh examples/audit.sh
#
# The first asks Twilio for every message of the last seven days; the second
# takes records of them.  One line for each that is found, its fields separated
# by TABs: "no-row" or "no-callback", SID, status, when it was made, recipient
# (masked) and error code.  Exit status 1 if there are any, so cron can mail
# them.
#
# A message younger than fifteen minutes may still have its callbacks to come
# and is left out.  SMS_DB names the store.  It knows callbacks for as long as
# its webhook log is kept, so ask for no more than that.

set -eu
: "${SMS_DB:=${XDG_DATA_HOME:-$HOME/.local/share}/smspipe/sms.db}"
if [ ! -e "$SMS_DB" ]; then
	echo "audit.sh: no database at '$SMS_DB': set SMS_DB" >&2
	exit 78
fi

dir=$(mktemp -d)
# shellcheck disable=SC2154
trap 's=$?; rm -rf "$dir"; exit $s' EXIT
trap 'exit 130' INT TERM

# callbacks that wait in the spool have arrived
sms-apply </dev/null
if [ $# -gt 0 ]; then
	sms-fetch -a "$1" >"$dir/told"
else
	cat >"$dir/told"
fi
awk -F '\t' -v OFS='\t' '!/^#/ && NF > 0 { print $1, $2, $3, $6, $8, $13 }' \
	"$dir/told" >"$dir/fields"

sqlite3 -bail -cmd '.timeout 10000' "$SMS_DB" >"$dir/found" <<END
CREATE TEMP TABLE told (sid, status, code, recipient, direction, made_at);
.mode ascii
.separator "\t" "\n"
.import '$dir/fields' told
SELECT DISTINCT iif(m.id IS NULL, 'no-row', 'no-callback'), t.sid, t.status,
  t.made_at, '***' || substr(t.recipient, -4), t.code
FROM told AS t LEFT JOIN messages AS m ON m.twilio_message_sid = t.sid
WHERE t.direction <> 'inbound'
  AND (t.made_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-15 minutes')
    OR t.made_at IN ('\\N', ''))
  AND (m.id IS NULL OR NOT EXISTS (
    SELECT 1 FROM webhook_logs
    WHERE twilio_message_sid = t.sid AND status = 'success'))
ORDER BY t.made_at, t.sid;
END
cat "$dir/found"
[ ! -s "$dir/found" ] || exit 1

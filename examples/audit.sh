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
# them, or if there were lines without a SID, which are counted on standard
# error.
#
# A message younger than fifteen minutes may still have its callbacks to come
# and is left out.  One that is scheduled has none before it is due, and one
# that was canceled has none at all.  SMS_DB names the store.  It knows
# callbacks for as long as its webhook log is kept, so ask for no more than
# that.

set -eu
export LC_ALL=C
case $#:${1-} in
0:|1:[!-]*) ;;
*)	echo 'usage: audit.sh [age]' >&2
	exit 64 ;;
esac
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
# masked as by the tools: +1415…199
awk -F '\t' -v OFS='\t' -v said="$dir/said" '
	function mask(s,    out, n, keep) {
		while (match(s, /[0-9][0-9][0-9][0-9][0-9][0-9][0-9]+/)) {
			n = RLENGTH
			keep = n < 11 ? n - 7 : 4
			out = out substr(s, 1, RSTART - 1 + keep) "…" \
				substr(s, RSTART + n - 3, 3)
			s = substr(s, RSTART + n)
		}
		return out s
	}
	/^#/ || /^$/ { next }
	length($1) != 34 || $1 !~ /^[SM]M[0-9A-Fa-f]+$/ { bad++; next }
	{ print $1, $2, $3, mask($6), $8, $13 }
	END {
		printf "" >said
		if (bad > 0)
			print "audit.sh: lines without a SID: " bad >said
	}' "$dir/told" >"$dir/fields"

sqlite3 -bail -cmd '.timeout 10000' "$SMS_DB" >"$dir/found" <<END
CREATE TEMP TABLE told (sid, status, code, recipient, direction, made_at);
.mode ascii
.separator "\t" "\n"
.import '$dir/fields' told
SELECT DISTINCT iif(m.id IS NULL, 'no-row', 'no-callback'), t.sid, t.status,
  t.made_at, t.recipient, t.code
FROM told AS t LEFT JOIN messages AS m ON m.twilio_message_sid = t.sid
WHERE t.direction <> 'inbound'
  AND (t.made_at < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-15 minutes')
    OR t.made_at IN ('\\N', ''))
  AND (m.id IS NULL OR lower(t.status) NOT IN ('scheduled', 'canceled')
    AND NOT EXISTS (
      SELECT 1 FROM webhook_logs
      WHERE twilio_message_sid = t.sid AND status = 'success'))
ORDER BY t.made_at, t.sid;
END
cat "$dir/found"
cat "$dir/said" >&2
[ ! -s "$dir/found" ] && [ ! -s "$dir/said" ] || exit 1

#!/bin/sh
#
# sms-reconcile - ask Twilio about stuck messages and correct their status
#
# What crontab(5) runs: two pipelines, with a lock, an eye on each stage and a
# summary.  At a prompt, without these, it is
#
#	sms-stuck | sms-fetch | sms-apply
#	sms-stuck -ax | sms-apply

usage='usage: sms-reconcile [-nq] [-m limit] [-t now]'

# So many are asked about one by one.  Of more, pages of 1000 are read where
# that takes fewer requests (sms-fetch -l): a page is worth as many as this in
# what it costs Twilio, us and the line.
few=10

unset limit
dry='' now='' quiet=''
while getopts :Vhm:nqt: c
do
	case $c in
	V) echo 'sms-reconcile @VERSION@'; exit 0;;
	h) echo "$usage"; exit 0;;
	m) limit=$OPTARG;;
	n) dry=-n;;
	q) quiet=y;;
	t) now=$OPTARG;;
	*) echo "$usage" >&2; exit 64;;
	esac
done
[ $OPTIND -gt $# ] || { echo "$usage" >&2; exit 64; }
case ${limit-0} in
'' | *[!0-9]* | ??????????*) echo "$usage" >&2; exit 64;;
esac

cannot_write() {
	echo 'sms-reconcile: cannot write standard output' >&2
}
{ true 4>&1; } 2>/dev/null || { cannot_write; exit 74; }

# Without a store there is nothing to repair, nor a place for a lock, and
# sms-apply, which starts at the same time as sms-stuck, must not make an empty
# one.
#
# One at a time: become ourselves again, holding a lock that ends with us.  A
# second one ends at once, with nothing to say.
if [ -z "$SMS_RECONCILE_LOCKED" ]
then
	sms-stuck -c ${now:+-t "$now"} >/dev/null || exit
	SMS_RECONCILE_LOCKED=y
	export SMS_RECONCILE_LOCKED
	exec sms-lock -n -e 0 reconcile "$0" "$@"
fi
unset SMS_RECONCILE_LOCKED
ran=${SMS_LOCK_FILE%.lock}.ran

# Leaves a trace for sms-stat and sms-check: when, with which status, what;
# before it the last that did well.
leave() {
	if [ -z "$dry" ]
	then
		{
			[ "$1" -eq 0 ] || [ ! -e "$ran" ] ||
				awk -F '\t' '$2 == "0"' "$ran" | tail -n 1
			printf '%s\t%s\t%s\n' \
				"${now:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}" "$1" "$2"
		} >"$ran.new" && mv -f "$ran.new" "$ran"
	fi
	exit "$1"
}

# The exit status of a pipeline is that of its last stage, so each stage tells
# its own on descriptor 3, in a line that begins with its place.
stage() {
	place=$1
	shift
	"$@"
	echo "$place $?" >&3
}

# Outcome records in; "count", how many, and how many of each kind, out.  A
# message that is delivery_unknown now counts as that, whatever asked for it;
# one that stays ambiguous has nothing new.  A dry run shows what it would
# change on descriptor 4; on a terminal a number in a ref, the last field, is
# masked.
show='cat'
[ ! -t 1 ] || show="sed 's/[0-9]\{4,\}\([0-9]\{3\}[^	]*\)\$/…\1/'"
count() {
	show=$show awk -F '\t' -v dry="$dry" '
		dry && $2 == "applied" { print | (ENVIRON["show"] " >&4") }
		{ n++; kind = $2 }
		kind == "applied" && $4 == "delivery_unknown" { kind = "unknown" }
		kind == "applied" && $4 == "ambiguous" { kind = "same" }
		kind == "conflict" { kind = "stale" }
		kind == "invalid" { kind = "failed" }
		{ k[kind]++ }
		END { print "count", n + 0, k["applied"] + 0, k["same"] + 0,
			k["stale"] + 0, k["unknown"] + 0, k["failed"] + 0 }'
}

set -- ${now:+-t "$now"}

# What callbacks left in the spool is no reason to ask.
[ -n "$dry" ] || sms-apply "$@" </dev/null || leave $? ''
stuck=$(sms-stuck -c "$@") || leave $? ''
pages=''
if [ "$stuck" -gt $few ]
then
	pages=-l
	limit=${limit:-0}
fi

exec 4>&1
told=$(
	exec 3>&1
	stage 1 sms-stuck ${limit:+-n "$limit"} "$@" |
		stage 2 sms-fetch $pages "$@" |
		stage 3 sms-apply $dry "$@" |
		count
	stage 4 sms-stuck -ax "$@" |
		stage 5 sms-apply $dry "$@" |
		count
)

# The first stage that failed decides, and one that did not come to its end
# has failed.  A stage that only lost its reader (SIGPIPE) is not the cause.
summary=$(printf '%s\n' "$told" | awk '
	$1 == "count" {
		if (passes++ == 0)
			checked = $2
		for (i = 3; i <= 7; i++)
			n[i] += $i
		next
	}
	{ status[$1] = $2; told++ }
	END {
		for (i = 5; i >= 1; i--)
			if (status[i] != 0 && (status[i] != 141 || worst == 0))
				worst = status[i]
		if (worst == 0 && (told != 5 || passes != 2))
			worst = 71
		print worst + 0, "checked", checked + 0, "applied", n[3] + 0,
			"same", n[4] + 0, "stale", n[5] + 0,
			"unknown", n[6] + 0, "failed", n[7] + 0
	}')
{ [ -n "$quiet" ] || echo "${summary#* }"; } 2>/dev/null || {
	cannot_write
	leave 74 "${summary#* }"
}
leave "${summary%% *}" "${summary#* }"

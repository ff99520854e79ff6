load helper

setup() {
	common_setup
	S=SM00000000000000000000000000000001
	T=SM00000000000000000000000000000002
}
teardown() { common_teardown; }

# row sid [ref [status]]: a message, as sms-send leaves it
row() {
	[ -e "$SMS_DB" ] || sms-apply </dev/null
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, status,
		created_at, updated_at) VALUES (nullif('$1', ''), nullif('$2', ''),
		'outbound-api', '${3:-queued}', '2025-08-21T08:00:00Z',
		'2025-08-21T08:00:00Z')"
}

apply() { printf "$@" | sms-apply; }

@test "a record moves its message and the history says so" {
	row $S
	run apply "$S\tsent\t\\\\N\t2025-08-21T08:00:05Z\thook\n"
	[ "$output" = "$S	applied	queued	sent	\\N	\\N" ]
	[ "$(sql 'SELECT status, sent_at FROM messages')" = 'sent|2025-08-21T08:00:05Z' ]
	[ "$(sql 'SELECT old_status, status, outcome, source, at FROM message_delivery_status')" = \
		'queued|sent|applied|hook|2025-08-21T08:00:05Z' ]
}

@test "a late \"sent\" does not undo \"delivered\", and its time is kept" {
	row $S
	apply "$S\tdelivered\n" >/dev/null
	run apply "$S\tsent\t\\\\N\t2025-08-21T08:00:05Z\n"
	[ "$output" = "$S	stale	delivered	delivered	\\N	\\N" ]
	[ "$(sql 'SELECT status, sent_at FROM messages')" = 'delivered|2025-08-21T08:00:05Z' ]
}

@test "the same record twice is applied, then same, and adds no history" {
	row $S
	run apply "$S\tsent\n$S\tSENT\n"
	[ "$(cut -f 2 <<<"$output" | xargs)" = 'applied same' ]
	[ "$(sql 'SELECT count(*) FROM message_delivery_status')" = 1 ]
}

@test "a second final status is a conflict: kept once, changes nothing" {
	row $S
	run apply "$S\tdelivered\n$S\tfailed\t30003\n$S\tfailed\t30003\n"
	[ "$(cut -f 2 <<<"$output" | xargs)" = 'applied conflict conflict' ]
	[ "$(sql 'SELECT status, error_code, failed_at FROM messages')" = 'delivered||' ]
	[ "$(sql "SELECT status, error_code FROM message_delivery_status
		WHERE outcome = 'conflict'")" = 'failed|30003' ]
}

@test "an error code is not wiped by a later blank, nor by a lower status" {
	row $S
	apply "$S\tundelivered\t30005\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\tUnknown\n" >/dev/null
	apply "$S\tundelivered\n$S\tsent\t30024\n" >/dev/null
	[ "$(sql 'SELECT error_code, error_message FROM messages')" = '30005|Unknown' ]
}

@test "a price that comes late is added to a final message" {
	row $S
	apply "$S\tdelivered\n" >/dev/null
	run apply "$S\tdelivered\t\\\\N\t2030-01-01T00:00:00Z\tfetch\t\\\\N\t\\\\N\t\\\\N\t2\t-0.0075\tUSD\n"
	[ "$(cut -f 2 <<<"$output")" = same ]
	[ "$(sql 'SELECT segments, price, currency FROM messages')" = '2|-0.0075|USD' ]
}

@test "a word that the ladder does not know is kept and moves nothing" {
	row $S
	run apply "$S\treceived\n$S\tteleported\n$S\tteleported\n"
	[ "$status" -eq 0 ]
	[ "$(cut -f 2 <<<"$output" | sort -u)" = stale ]
	[ "$(sql 'SELECT status FROM messages')" = queued ]
	[ "$(sql 'SELECT status, rank FROM message_delivery_status' | xargs)" = 'received|-1 teleported|-1' ]
}

@test "a record without a message waits and takes effect when its row gets the SID" {
	sms-apply </dev/null
	run apply "$S\tdelivered\n$S\tsent\t\\\\N\t2025-08-21T08:00:05Z\n$S\tsent\n"
	[ "$(cut -f 2 <<<"$output" | sort -u)" = unknown ]
	row '' r1 pending
	run apply "$S\tqueued\t\\\\N\t\\\\N\tsend\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\tr1\n"
	[ "$(sql 'SELECT twilio_message_sid, status, sent_at FROM messages')" = "$S|delivered|2025-08-21T08:00:05Z" ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
}

@test "a row that another program made takes in what came before it" {
	sms-apply </dev/null
	apply "$S\tdelivered\n" >/dev/null
	row $S
	sms-apply </dev/null
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
}

@test "one ref has one SID: a second message gets no row" {
	row $S r1 sent
	run apply "$T\tdelivered\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\tr1\n"
	[ "$(cut -f 2 <<<"$output")" = unknown ]
	[ "$(sql 'SELECT twilio_message_sid, status FROM messages')" = "$S|sent" ]
}

@test "a ref alone names its message" {
	row '' r1 pending
	run apply "\\\\N\tfailed\t21211\t\\\\N\tsend\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\t\\\\N\tr1\n"
	[ "$output" = "\\N	applied	pending	failed	21211	r1" ]
}

@test "bad lines are named, the others applied, and the status is 65" {
	row $S
	{
		printf 'SMxyz\tsent\n'
		printf '# a comment\n\n'
		printf '%s\tsent\tabc\n' $S
		printf '%s\tsent\t\\N\tyesterday\n' $S
		printf '%s\tsent\\q\n' $S
		printf '%s\tse\377nt\n' $S
		printf '%s\tse\0nt\n' $S
		head -c 10000000 /dev/zero | tr '\0' x
		printf '\n%s\tdelivered\n' $S
		printf '%s\tfail' $S
	} >in
	run -65 --separate-stderr sms-apply <in
	[ "$(cut -f 2 <<<"$output" | xargs)" = \
		'invalid invalid invalid invalid invalid invalid invalid applied invalid' ]
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
	diff - <(echo "$stderr") <<-'EOF'
	sms-apply: line 1 does not begin with a message SID
	sms-apply: line 4 has an error code that is no number
	sms-apply: line 5 has a time that is not like 2025-08-21T08:34:39Z
	sms-apply: line 6 has an escape other than \t \n \r \\ \N
	sms-apply: line 7 is not UTF-8
	sms-apply: line 8 has a NUL byte
	sms-apply: line 9 longer than 65536 bytes
	sms-apply: line 11 cut short: no newline at its end
	EOF
}

@test "-n says what would happen and changes nothing" {
	row $S
	run -0 sms-apply -Hn <<<"$S	sent"$'\n'"$S	delivered"
	[ "$output" = "#sid	outcome	old	new	error_code	ref
$S	applied	queued	sent	\\N	\\N
$S	applied	sent	delivered	\\N	\\N" ]
	[ "$(sql 'SELECT status FROM messages')" = queued ]
	[ "$(sql 'SELECT count(*) FROM message_delivery_status')" = 0 ]
}

@test "an outcome is written as soon as its record is durable" {
	row $S
	mkfifo in out
	sms-apply <in >out 3>&- &
	pid=$!
	exec 7>in 8<out
	printf '%s\tsent\n' $S >&7
	read -r -t 20 -u 8 line
	[ "$line" = "$S	applied	queued	sent	\\N	\\N" ]
	# while it waits for more, others can write
	[ "$(apply "$S\tdelivered\n" | cut -f 2)" = applied ]
	exec 7>&-
	wait "$pid"
	exec 8<&-
}

@test "every order, with repetition, of five statuses ends in the same state" {
	sms-apply </dev/null
	# all 3125 sequences of length 5; messages with the same set of statuses
	# must end alike
	sql "INSERT INTO messages (twilio_message_sid, direction, status, created_at,
		updated_at) WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM
		c WHERE n < 3124) SELECT printf('SM%032d', n), 'outbound-api', 'pending',
		'', '' FROM c"
	awk 'BEGIN {
		split("accepted queued sending sent delivered", word)
		split("30001 \\N 30002 30024 \\N", code)
		for (n = 0; n < 3125; n++) {
			k = n
			for (i = 0; i < 5; i++) {
				s = k % 5 + 1
				k = int(k / 5)
				printf "SM%032d\t%s\t%s\t2025-08-21T08:00:0%dZ\n", n,
					word[s], code[s], s
			}
		}
	}' >in
	sms-apply <in >out
	[ "$(wc -l <out)" -eq 15625 ]
	sort -u in | awk -F '\t' '{ set[$1] = set[$1] $2 " " }
		END { for (s in set) print s "|" set[s] }' | sort >sets
	sql "SELECT twilio_message_sid, status, error_code, sent_at, delivered_at
		FROM messages ORDER BY 1" >ends
	# one end for each set, and as many sets as 5 things have non-empty subsets
	join -t '|' sets ends | cut -d '|' -f 2- | sort -u >kinds
	[ "$(wc -l <kinds)" -eq 31 ]
	[ "$(cut -d '|' -f 1 kinds | sort -u | wc -l)" -eq 31 ]
	# and no row of the history goes down the ladder
	[ "$(sql "SELECT count(*) FROM message_delivery_status AS h
		JOIN ladder AS o ON o.status = h.old_status
		WHERE outcome = 'applied' AND h.rank <= o.rank")" = 0 ]
}

@test "random records with errors and times, in random orders, end alike" {
	# 400 sets of records, each applied to six messages in an order of its own
	awk 'BEGIN {
		srand(11)
		n = split("scheduled accepted queued sending sent delivery_unknown " \
			"read received teleported", word)
		split("delivered undelivered failed canceled", last)
		split("\\N \\N \\N \\N 30003 30005 30008", code)
		for (set = 0; set < 400; set++) {
			size = 0
			for (i = 1; i <= n; i++)
				for (k = int(rand() * 4) - 1; k > 0; k--)
					kind[size++] = word[i]
			final = last[int(rand() * 4) + 1]
			for (k = int(rand() * 4) - 1; k > 0; k--)
				kind[size++] = final
			for (i = 0; i < size; i++) {
				c = code[int(rand() * 7) + 1]
				record[i] = sprintf("%s\t%s\t2025-08-21T08:00:%02dZ" \
					"\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t%s",
					kind[i], c, rand() * 60, c == "\\N" ? c : "m" c)
			}
			for (m = 0; m < 6; m++)
				for (i = size - 1; i >= 0; i--) {
					k = int(rand() * (i + 1))
					t = record[i]; record[i] = record[k]; record[k] = t
					printf "SM%032x\t%s\n", set * 6 + m, record[i]
				}
		}
	}' >in
	sms-apply </dev/null
	sql "INSERT INTO messages (twilio_message_sid, direction, status, created_at,
		updated_at) WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM
		c WHERE n < 2399) SELECT printf('SM%032x', n), 'outbound-api', 'pending',
		'', '' FROM c"
	sms-apply <in >/dev/null
	[ "$(sql "SELECT count(*) FROM (SELECT (id - 1) / 6 AS a, count(DISTINCT
		quote(status) || quote(error_code) || quote(error_message) ||
		quote(sent_at) || quote(delivered_at) || quote(failed_at)) AS ends
		FROM messages GROUP BY a HAVING ends <> 1)")" = 0 ]
}

@test "all pairs of statuses obey the ladder of sms(7)" {
	sms-apply </dev/null
	sql "SELECT o.status, n.status, CASE WHEN n.rank > o.rank THEN 'applied'
		WHEN o.status = n.status THEN 'same' WHEN n.rank = o.rank THEN 'conflict'
		ELSE 'stale' END FROM ladder AS o, ladder AS n" | tr '|' '\t' >pairs
	[ "$(wc -l <pairs)" -eq 196 ]
	sql "INSERT INTO messages (twilio_message_sid, direction, status, created_at,
		updated_at) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM
		c WHERE n < 196) SELECT printf('SM%032d', n), 'outbound-api', 'x', '', ''
		FROM c"
	awk -F '\t' '{ printf "UPDATE messages SET status = '\''%s'\'' WHERE id = %d;\n", $1, NR }' pairs | sql
	awk -F '\t' '{ printf "SM%032d\t%s\n", NR, toupper($2) }' pairs | sms-apply | cut -f 2 >got
	cut -f 3 pairs | diff - got
	# the page has the same ranks
	mandoc -T utf8 -O width=200 "$ROOT/man/sms.7" | col -bx |
		sed -n '/The status ladder/,/The store/p' >page
	sql 'SELECT rank, status FROM ladder' >ranks
	while IFS='|' read -r rank word; do
		grep -E "^ *$rank .*\b$word\b" page
	done <ranks
}

@test "the two dashboard queries of the web application run as they stand" {
	row $S
	apply "$S\tfailed\t30003\n" >/dev/null
	run -0 sql "SELECT
  DATE(created_at) as date,
  status,
  COUNT(*) as count
FROM messages
WHERE direction IN ('outbound', 'outbound-api')
GROUP BY DATE(created_at), status
ORDER BY date DESC, status;"
	[ "$output" = '2025-08-21|failed|1' ]
	run -0 sql "SELECT
  error_code,
  error_message,
  COUNT(*) as occurrences
FROM messages
WHERE error_code IS NOT NULL
GROUP BY error_code, error_message
ORDER BY occurrences DESC;"
	[ "$output" = '30003||1' ]
}

@test "twenty tools at once make one database" {
	for i in $(seq 20); do
		printf 'SM%032d\tsent\n' "$i"
	done | xargs -P 20 -d '\n' -n 1 sh -c 'printf "%s\n" "$1" | sms-apply' - >out 2>err
	[ ! -s err ]
	[ "$(wc -l <out)" -eq 20 ]
	[ "$(sql 'PRAGMA integrity_check; SELECT count(*) FROM early_status')" = $'ok\n20' ]
}

@test "a store that is busy, missing, foreign or newer is told apart" {
	SMS_DB=$PWD/no/such/sms.db run -78 --separate-stderr sms-apply </dev/null
	[ "$stderr" = "sms-apply: cannot open database '$PWD/no/such/sms.db': No such file or directory" ]
	sqlite3 other.db 'CREATE TABLE t (x)'
	SMS_DB=$PWD/other.db run -78 --separate-stderr sms-apply </dev/null
	[[ "$stderr" == *'is the database of another program' ]]
	head -c 8192 /dev/urandom >noise
	SMS_DB=$PWD/noise run -74 --separate-stderr sms-apply </dev/null
	[[ "$stderr" == *'file is not a database' ]]
	sms-apply </dev/null
	sqlite3 sms.db 'PRAGMA user_version = 9999'
	run -78 --separate-stderr sms-apply </dev/null
	[[ "$stderr" == *'was made by a newer smspipe'* ]]
}

@test "the file is for its owner alone" {
	umask 022
	sms-apply </dev/null
	[ "$(stat -c %a sms.db)" = 600 ]
}

@test "a full disk at standard output is status 74" {
	row $S
	run -74 --separate-stderr sh -c 'printf "%s\tsent\n" "$1" | sms-apply >/dev/full' - $S
	[ "$stderr" = 'sms-apply: cannot write standard output: No space left on device' ]
}

@test "a wrong call says how to call it" {
	run -64 --separate-stderr sms-apply -z
	[[ "$stderr" == *'usage: sms-apply'* ]]
	run -64 --separate-stderr sms-apply extra
	run -64 --separate-stderr sms-apply -t tomorrow
	[[ "$stderr" == *"-t takes a time such as 2025-08-21T08:34:39Z, not 'tomorrow'" ]]
}

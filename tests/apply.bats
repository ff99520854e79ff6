load helper

setup() {
	common_setup
	S=SM00000000000000000000000000000001
	T=SM00000000000000000000000000000002
}
teardown() {
	local status=0
	common_teardown || status=1
	fixed_store_gone
	return $status
}

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

@test "-n makes no store and brings none up to date" {
	for call in '-n' '-cn' '-nu 1'; do
		SMS_DB=$PWD/no.db run -78 --separate-stderr sms-apply $call </dev/null
		[ "$stderr" = "sms-apply: no database at '$PWD/no.db': SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it" ]
		[ -z "$(find . -name 'no.db*')" ]
	done
	sql <"$ROOT/sql/schema.sql"
	sql 'PRAGMA user_version = 1'
	sql .dump >before
	run -78 --separate-stderr sms-apply -n <<<"$S	sent"
	[ "$stderr" = "sms-apply: '$SMS_DB' was made by an older smspipe: sms-apply </dev/null brings it up to date" ]
	sql .dump | diff before -
	[ "$(sql 'PRAGMA user_version')" = 1 ]
}

@test "-n where one may not write says so, and what to do" {
	row $S
	apply "$S\tsent\n" >/dev/null
	fixed_store
	for call in '-n' '-nu 1'; do
		run -74 --separate-stderr as_nobody sms-apply $call <<<"$S	delivered"
		[ -z "$output" ]
		[ "$stderr" = "sms-apply: cannot write to database '$SMS_DB': Permission denied (a dry run writes, and takes it back: run it as who may, or with SMS_DB a copy)" ]
	done
	cp "$SMS_DB" copy.db
	chmod 600 copy.db
	[ "$(SMS_DB=$PWD/copy.db sms-apply -nu 1 | cut -f 2)" = undone ]
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

@test "-c makes the rows that do not exist, and the rest stays as it is" {
	row $T '' sent
	run -0 sms-apply -c <<-EOF
	$S	delivered	\\N	2025-08-21T08:00:09Z	list	+14155550100	+15005550006	\\N	2	-0.0150	USD	\\N	2025-08-21T08:00:00Z
	$T	delivered
	$S	sent	\\N	2025-08-21T08:00:05Z
	EOF
	[ "$output" = "$S	applied	\\N	delivered	\\N	\\N
$T	applied	sent	delivered	\\N	\\N
$S	stale	delivered	delivered	\\N	\\N" ]
	[ "$(sql "SELECT direction, to_number, from_number, status, segments, price,
		currency, created_at, sent_at, delivered_at FROM messages
		WHERE twilio_message_sid = '$S'")" = 'outbound-api|+14155550100|+15005550006|delivered|2|-0.0150|USD|2025-08-21T08:00:00Z|2025-08-21T08:00:05Z|2025-08-21T08:00:09Z' ]
	[ "$(sql "SELECT old_status, h.status, outcome FROM message_delivery_status AS h
		JOIN messages AS m ON m.id = message_id WHERE twilio_message_sid = '$S'
		ORDER BY h.id" | xargs)" = 'none|delivered|applied delivered|sent|stale' ]
	# without -c as ever
	[ "$(printf 'SM%032d\tsent\n' 9 | sms-apply | cut -f 2)" = unknown ]
	# and what waited takes effect when -c makes the row
	printf 'SM%032d\tqueued\t\\N\t2025-08-21T07:00:00Z\n' 9 | sms-apply -c
	[ "$(sql "SELECT status, created_at FROM messages
		WHERE twilio_message_sid = printf('SM%032d', 9)")" = 'sent|2025-08-21T07:00:00Z' ]
}

@test "-c makes inbound rows, rows with a ref alone, and none for what is no state" {
	run -0 sms-apply -c <<-EOF
	$S	received	\\N	\\N	list	+15005550006	+14155550100	inbound
	$T	receiving
	$T	received
	SM00000000000000000000000000000003	teleported
	SM00000000000000000000000000000004	received	\\N	\\N	\\N	\\N	\\N	outbound-api
	\\N	failed	21211	\\N	send	\\N	\\N	\\N	\\N	\\N	\\N	r1
	SM00000000000000000000000000000005	sent	\\N	\\N	\\N	\\N	\\N	\\N	\\N	\\N	\\N	r2
	SM00000000000000000000000000000006	sent	\\N	\\N	\\N	\\N	\\N	\\N	\\N	\\N	\\N	r2
	$S	delivered
	EOF
	[ "$(cut -f 2-4 <<<"$output" | tr '\t' ' ')" = 'applied \N received
applied \N receiving
applied receiving received
unknown \N \N
unknown \N \N
applied \N failed
applied \N sent
unknown \N \N
stale received received' ]
	[ "$(sql 'SELECT twilio_message_sid IS NOT NULL, ref, direction, status, error_code
		FROM messages ORDER BY id')" = '1||inbound|received|
1||inbound|received|
0|r1|outbound-api|failed|21211
1|r2|outbound-api|sent|' ]
}

@test "a large batch in random order is what the same records are one by one" {
	# with refs, rows yet unknown, rows to be made, words that are none
	awk 'BEGIN {
		srand(3)
		n = split("accepted queued sending sent delivered failed read teleported", word)
		for (i = 0; i < 4000; i++)
			printf "SM%032x\t%s\t%s\t2025-08-21T08:%02d:%02dZ\n",
				int(rand() * 600) * 7919, word[int(rand() * n) + 1],
				rand() < 0.2 ? 30000 + int(rand() * 9) : "\\N",
				rand() * 60, rand() * 60
	}' >in
	for db in one all; do
		export SMS_DB=$PWD/$db.db
		sms-apply </dev/null
		sql "INSERT INTO messages (twilio_message_sid, direction, status, created_at,
			updated_at) WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1
			FROM c WHERE n < 299) SELECT printf('SM%032x', n * 7919),
			'outbound-api', 'queued', '', '' FROM c ORDER BY n % 17"
	done
	# fewer than are sorted at a time
	split -l 50 in part.
	for f in part.*; do
		SMS_DB=$PWD/one.db sms-apply -t 2025-08-22T00:00:00Z <"$f"
	done >one
	SMS_DB=$PWD/all.db sms-apply -t 2025-08-22T00:00:00Z <in >all
	diff one all
	for db in one all; do
		SMS_DB=$PWD/$db.db sql "SELECT twilio_message_sid, status, error_code,
			sent_at, delivered_at, failed_at FROM messages ORDER BY 1;
			SELECT sid, status, error_code FROM early_status ORDER BY 1, 2, 3;
			SELECT twilio_message_sid, old_status, h.status, outcome, at FROM
			message_delivery_status AS h JOIN messages AS m ON m.id = message_id
			ORDER BY 1, h.id" >$db.state
	done
	diff one.state all.state
	[ "$(wc -l <all.state)" -gt 1000 ]
	# and with -c
	cut -f 1 in | sort -u | wc -l >sids
	SMS_DB=$PWD/one.db
	for f in part.*; do
		sms-apply -c -t 2025-08-22T00:00:00Z <"$f"
	done | cut -f 1,2,4 >one
	SMS_DB=$PWD/all.db
	sms-apply -c -t 2025-08-22T00:00:00Z <in | cut -f 1,2,4 >all
	diff one all
}

@test "a record that tells a row its SID keeps the order of a large batch" {
	row '' r1 pending
	{
		seq -f '%g' 200 | awk '{ printf "SM%032d\tsent\n", $1 + 1000 }'
		printf '%s\tdelivered\n' $S
		printf '\\N\tambiguous\t\\N\t\\N\tsend\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr1\n'
		printf '%s\tqueued\t\\N\t\\N\tsend\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tr1\n' $S
		printf '%s\tread\n' $S
	} >in
	sms-apply <in | tail -n 4 | cut -f 2-4 >out
	diff out - <<-'EOF'
	unknown	\N	\N
	applied	pending	ambiguous
	stale	delivered	delivered
	applied	delivered	read
	EOF
	[ "$(sql 'SELECT twilio_message_sid, status FROM messages')" = "$S|read" ]
}

@test "-n over a message that comes twice, with -c, tells what a real run tells" {
	row $T '' queued
	for i in 1 2 3; do
		printf '%s\tsent\n%s\tqueued\n%s\tsent\n%s\tdelivered\n' $S $T $T $S
	done >in
	sms-apply -cn <in >tried
	[ "$(sql 'SELECT count(*) FROM messages')" = 1 ]
	[ "$(sql 'SELECT count(*) FROM batches')" = 0 ]
	sms-apply -c <in >done
	diff tried done
	[ "$(cut -f 2-4 done | head -n 4)" = 'applied	\N	sent
same	queued	queued
applied	queued	sent
applied	sent	delivered' ]
}

@test "-n holds nobody up while it waits for its input" {
	row $S
	mkfifo in
	sms-apply -n <in >out 3>&- &
	pid=$!
	exec 7>in
	printf '%s\tsent\n' $S >&7
	[ "$(apply "$S\tdelivered\n" | cut -f 2)" = applied ]
	exec 7>&-
	wait "$pid"
	[ "$(cut -f 2,3 out)" = 'stale	delivered' ]
}

@test "a run that changes something is a batch, and -l lists it" {
	row $S
	row $T
	run -0 --separate-stderr sms-apply -v -t 2025-08-22T00:00:00Z <<<"$S	sent"
	[ "$stderr" = 'sms-apply: batch 1' ]
	run -0 --separate-stderr sms-apply -v <<<"$S	sent"
	[ "$stderr" = '' ]
	run -0 --separate-stderr sms-apply -vn <<<"$S	delivered"
	[ "$stderr" = '' ]
	printf 'SM%032d\tsent\n' 3 4 | sms-apply -t 2025-08-22T01:00:00Z >/dev/null
	printf 'SM%032d\tsent\n' 1 2 3 5 | sms-apply -c -t 2025-08-22T02:00:00Z >/dev/null
	run -0 sms-apply -lH
	[ "$output" = '#batch	created_at	changed	made	kept	undone_at
3	2025-08-22T02:00:00Z	2	2	0	\N
2	2025-08-22T01:00:00Z	1	0	2	\N
1	2025-08-22T00:00:00Z	1	0	0	\N' ]
}

# Everything that undo has to bring back.
whole() {
	sql "SELECT id, twilio_message_sid, ref, direction, to_number, from_number,
		status, error_code, error_message, error_rank, segments, price, currency,
		sent_at, delivered_at, failed_at FROM messages ORDER BY id;
		SELECT sid, status FROM early_status; SELECT recipient, sender FROM optouts"
}

@test "-u takes a batch back: every field is as before" {
	row $S r1 queued
	row $T r2 sent
	row '' r3 pending
	sql "UPDATE messages SET to_number = '+14155550100', sender = 'MG1',
		from_number = 'MG1', segments = 1 WHERE id = 1;
		UPDATE messages SET sent_at = '2025-08-21T09:00:00Z', to_number = '+14155550101',
		from_number = '+15005550006', error_code = '30024', error_message = 'odd',
		error_rank = 6 WHERE id = 2"
	whole >before
	run -0 --separate-stderr sms-apply -cv <<-EOF
	$S	sent	\\N	2025-08-21T08:30:00Z	fetch	+14155550100	+15005550009	\\N	3	-0.0150	USD
	$S	undelivered	21610	2025-08-21T08:30:09Z	fetch	\\N	\\N	\\N	4	\\N	\\N	\\N	\\N	STOP
	$S	delivered
	$T	sent	\\N	2025-08-21T08:20:00Z
	$T	failed	30003	2025-08-21T08:40:00Z
	SM00000000000000000000000000000003	queued	\\N	\\N	\\N	+14155550102	\\N	\\N	\\N	\\N	\\N	r3
	SM00000000000000000000000000000004	delivered
	SM00000000000000000000000000000005	teleported
	EOF
	[ "$stderr" = 'sms-apply: batch 1' ]
	[ "$(sql "SELECT status FROM messages ORDER BY id" | xargs)" = 'undelivered failed queued delivered' ]
	[ "$(sql 'SELECT count(*) FROM optouts')" = 1 ]
	whole >after
	# a dry run tells it and does nothing
	sms-apply -nu 1 >tried
	whole | diff after -
	sms-apply -u 1 >undone
	diff tried undone
	whole | diff before -
	[ "$(cut -f 2-4 undone | tr '\t' ' ')" = 'undone undelivered queued
undone failed sent
undone queued pending
undone delivered \N' ]
	# the history still says what happened
	[ "$(sql "SELECT count(*) FROM message_delivery_status")" = 6 ]
	[ "$(sql "SELECT DISTINCT outcome, batch FROM message_delivery_status")" = 'undone|1' ]
	[ -n "$(sms-apply -l | cut -f 6 | grep -v N)" ]
	# once is enough
	[ -z "$(sms-apply -u 1)" ]
	# and the records can be applied again, conflicts too
	[ "$(printf '%s\tundelivered\n%s\tdelivered\n' $S $S | sms-apply | cut -f 2 | xargs)" = 'applied conflict' ]
}

@test "-u leaves what something newer has come to, says so, and ends with 1" {
	for i in 1 2 3 4 5 6; do row "$(printf 'SM%032d' $i)"; done
	printf 'SM%032d\tsent\t\\N\t2025-08-21T08:00:00Z\n' 1 2 3 4 5 6 7 8 |
		sms-apply -ct 2025-08-22T00:00:00Z >/dev/null
	# a change by somebody else
	printf 'SM%032d\tdelivered\n' 1 | sms-apply >/dev/null
	# a callback that only says the same
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, status, answer)
		VALUES ('2025-08-22T00:00:00Z', printf('SM%032d', 2), 'success', 200)"
	# Twilio was asked and said the same
	printf 'SM%032d\tsent\t\\N\t2025-08-21T08:00:00Z\tfetch\n' 3 7 |
		sms-apply -t 2025-08-22T00:00:01Z >/dev/null
	# a final status that lost
	printf 'SM%032d\tdelivered\n' 4 | sms-apply >/dev/null
	printf 'SM%032d\tfailed\n' 4 | sms-apply >/dev/null
	# one that was taken back does not count
	printf 'SM%032d\tdelivered\n' 5 | sms-apply >/dev/null
	sms-apply -u "$(sms-apply -l | head -n 1 | cut -f 1)" >/dev/null
	run -1 --separate-stderr sms-apply -u 1
	[ "$(cut -f 1,2 <<<"$output" | sed 's/SM0*//' | tr '\t\n' '  ')" = \
		'1 newer 2 newer 3 newer 4 newer 5 undone 6 undone 7 newer 8 undone ' ]
	[ "$stderr" = 'sms-apply: 5 of 8 messages not taken back, as something newer has come' ]
	[ "$(sql 'SELECT status FROM messages ORDER BY id' | xargs)" = \
		'delivered sent sent delivered queued queued sent' ]
	# when the newer is gone too, so can this
	sms-apply -u 2 >/dev/null
	run -1 --separate-stderr sms-apply -u 1
	[ "$(grep -c undone <<<"$output")" = 1 ]
}

@test "what waited for its row is taken back too, before and after it took effect" {
	sms-apply </dev/null
	printf '%s\tdelivered\n' $S $T | sms-apply >/dev/null
	row $S
	sms-apply </dev/null
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
	[ "$(sms-apply -u 1 | cut -f 2-4)" = 'undone	delivered	queued' ]
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
	run -64 --separate-stderr sms-apply -u 7
	[ "$stderr" = 'sms-apply: there is no batch 7: sms-apply -l lists them' ]
}

@test "an opt-out goes with the message that brought it, also if the batch made it" {
	sms-apply </dev/null
	printf '%s\tundelivered\t21610\t\\N\tfetch\t+447700900123\t+15005550006\n' $S |
		sms-apply -c >/dev/null
	[ "$(sql 'SELECT count(*) FROM optouts')" = 1 ]
	sms-apply -u 1 >/dev/null
	[ "$(sql 'SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM optouts)')" = '0|0' ]
}

@test "what a batch had kept is kept again when the one that made the row is taken back" {
	sms-apply </dev/null
	printf '%s\tdelivered\t\\N\t2025-08-21T09:00:00Z\n' $S | sms-apply >/dev/null
	printf '%s\tsent\t\\N\t2025-08-21T08:00:00Z\n' $S | sms-apply -c >/dev/null
	[ "$(sql 'SELECT status FROM messages')" = delivered ]
	# the row is the other batch's, and nothing would be left of it
	run -1 --separate-stderr sms-apply -u 1
	[ "$(cut -f 2-4 <<<"$output")" = 'newer	delivered	delivered' ]
	[ "$(sms-apply -l | cut -f 6 | sort -u)" = '\N' ]
	[ "$(sms-apply -u 2 | cut -f 2-4)" = 'undone	delivered	\N' ]
	[ "$(sql 'SELECT count(*) FROM messages')" = 0 ]
	[ "$(sql 'SELECT sid, status, at, batch FROM early_status')" = \
		"$S|delivered|2025-08-21T09:00:00Z|1" ]
	sms-apply -u 1
	[ "$(sql 'SELECT count(*) FROM early_status')" = 0 ]
	refute grep -q '\\N$' <(sms-apply -l)
}

@test "no message is left without a status by an undo" {
	sms-apply </dev/null
	printf '%s\tsent\n' $S | sms-apply >/dev/null
	printf '%s\tsent\n' $S | sms-apply -c >/dev/null
	run -1 --separate-stderr sms-apply -u 1
	[ "$(cut -f 2-4 <<<"$output")" = 'newer	sent	sent' ]
	[ "$(sql 'SELECT status FROM messages')" = sent ]
	sms-apply -u 2 >/dev/null
	sms-apply -u 1
	[ "$(sql 'SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM early_status)')" = '0|0' ]
}

@test "callbacks in the spool belong to no batch, and are newer than what was applied" {
	hook_start
	row $S
	apply "$S\tdelivered\n" >/dev/null
	[ "$(post_callback "MessageSid=$S&MessageStatus=delivered&AccountSid=$TWILIO_ACCOUNT_SID")" = 200 ]
	run -1 --separate-stderr sms-apply -u 1
	[ "$(cut -f 2 <<<"$output")" = newer ]
	[ "$(sms-apply -l | wc -l)" -eq 1 ]
}

@test "lost callbacks are counted by hour and status, and late ones are not lost" {
	hook_start
	for i in 1 2 3 4 5 6; do row "$(printf 'SM%032d' $i)"; done
	printf 'SM%032d\tdelivered\t\\N\t2025-08-21T08:59:59Z\tfetch\n' 1 2 | sms-apply >/dev/null
	printf 'SM%032d\tdelivered\t\\N\t2025-08-21T09:00:00Z\tlist\n' 3 | sms-apply >/dev/null
	printf 'SM%032d\tfailed\t30003\t2025-08-21T09:30:00Z\tlist\n' 4 | sms-apply >/dev/null
	# no callback would have told this, nor that of a message of somebody else
	printf 'SM%032d\tdelivery_unknown\t20404\t2025-08-21T09:30:00Z\tfetch\n' 5 | sms-apply >/dev/null
	printf 'SM%032d\tdelivered\t\\N\t2025-08-21T09:30:00Z\tlist\n' 7 | sms-apply -c >/dev/null
	printf 'SM%032d\tsent\t\\N\t2025-08-21T09:30:00Z\thook\n' 6 | sms-apply >/dev/null
	[ "$(sql 'SELECT * FROM lost_callbacks')" = '2025-08-21T08:00:00Z|delivered|2
2025-08-21T09:00:00Z|delivered|1
2025-08-21T09:00:00Z|failed|1' ]
	post_callback "MessageSid=SM00000000000000000000000000000002&MessageStatus=delivered&AccountSid=$TWILIO_ACCOUNT_SID"
	# another status of the same message says nothing about this one
	post_callback "MessageSid=SM00000000000000000000000000000003&MessageStatus=sent&AccountSid=$TWILIO_ACCOUNT_SID"
	settled
	[ "$(sql 'SELECT * FROM lost_callbacks' | head -n 2)" = '2025-08-21T08:00:00Z|delivered|1
2025-08-21T09:00:00Z|delivered|1' ]
	# what is taken back was never there
	sms-apply -u 1 >/dev/null || :
	[ "$(sql "SELECT count(*) FROM lost_callbacks WHERE hour < '2025-08-21T09'")" = 0 ]
	# and some hours of it are found without reading all
	sql "EXPLAIN QUERY PLAN SELECT * FROM lost_callbacks WHERE hour >= '2025'" |
		grep 'USING INDEX message_delivery_status_lost_idx (<expr>>?)'
}

@test "a store of version 4 goes on where it was" {
	for f in schema schema-2 error-codes schema-4; do
		cat "$ROOT/sql/$f.sql"
	done | sql
	sql "PRAGMA journal_mode = WAL; PRAGMA user_version = 4; INSERT INTO messages
		(twilio_message_sid, direction, status, created_at, updated_at) VALUES
		('$S', 'outbound-api', 'queued', '2025-08-21T08:00:00Z', ''),
		('$T', 'outbound-api', 'sent', '2025-08-21T08:00:00Z', '');
		INSERT INTO message_delivery_status (message_id, created_at, old_status, status,
		rank, outcome, at, source) VALUES (1, '2025-08-21T08:00:05Z', 'queued',
		'sent', 6, 'applied', '2025-08-21T08:00:05Z', 'fetch');
		INSERT INTO early_status (created_at, sid, status) VALUES
		('2025-08-21T08:00:05Z', 'SM00000000000000000000000000000003', 'sent')" >/dev/null
	[ "$(apply "$S\tdelivered\n$T\tundelivered\t30003\nSM%032d\tqueued\n" 3 | cut -f 2 | xargs)" = \
		'applied applied unknown' ]
	[ "$(sql 'SELECT status, sent_at, error_code FROM messages' | xargs)" = \
		'delivered|2025-08-21T08:00:05Z| undelivered||30003' ]
	[ "$(sql 'SELECT * FROM lost_callbacks')" = '2025-08-21T08:00:00Z|sent|1' ]
	[ "$(sms-apply -u 1 | cut -f 2 | sort -u)" = undone ]
	# of the same shape as a new one
	sql '.schema' | tr -s ' \n' ' ' >old.schema
	SMS_DB=$PWD/new.db sms-apply </dev/null
	sqlite3 new.db '.schema' | tr -s ' \n' ' ' | diff old.schema -
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

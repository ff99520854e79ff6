load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

report() { sms-report -t $NOW "$@"; }

# row n status created-at [column value]...
row() {
	local n=$1
	sql "INSERT INTO messages (id, twilio_message_sid, direction, to_number, from_number, status, segments, created_at, updated_at)
		VALUES ($n, printf('SM%032d', $n), 'outbound-api', '+447700900123', '+15005550006', '$2', 1, '$3', '$3')"
	shift 3
	while [ $# -gt 0 ]; do
		sql "UPDATE messages SET $1 = '$2' WHERE id = $n"
		shift 2
	done
}

some() {
	row 1 delivered 2025-08-20T08:00:00Z delivered_at 2025-08-20T08:00:10Z price -0.0079 currency USD
	row 2 delivered 2025-08-20T08:10:00Z delivered_at 2025-08-20T08:20:00Z price -0.0158 currency USD segments 2
	row 3 failed 2025-08-20T23:59:59Z error_code 30003 error_message 'Unreachable'
	row 4 undelivered 2025-08-21T08:00:00Z error_code 30007 error_message 'To +447700900123 filtered'
	row 5 sent 2025-08-21T09:00:00Z to_number +14155550100
	row 6 read 2025-08-21T10:00:00Z to_number +14165550100 from_number +447700900999 delivered_at 2025-08-21T10:00:03Z
	row 7 received 2025-08-21T11:00:00Z direction inbound
	row 8 failed 2025-08-21T11:00:00Z direction outbound-reply error_code 30003 error_message 'Unreachable'
}

@test "daily and errors give the rows of SPEC.md's dashboard queries" {
	some
	for i in $(seq 20 120); do
		echo "INSERT INTO messages (direction, status, error_code, error_message, created_at, updated_at) VALUES (
			CASE $i % 4 WHEN 0 THEN 'outbound' WHEN 1 THEN 'inbound' ELSE 'outbound-api' END,
			CASE $i % 3 WHEN 0 THEN 'failed' WHEN 1 THEN 'delivered' ELSE 'sent' END,
			CASE $i % 6 WHEN 0 THEN '30003' WHEN 3 THEN '30007' END, CASE $i % 12 WHEN 0 THEN 'a' END,
			strftime('%Y-%m-%dT%H:%M:%SZ', '$NOW', '-' || $i || ' hours'), '$NOW');"
	done | sql
	sql -separator "$(printf '\t')" "SELECT DATE(created_at) as date, status, COUNT(*) as count FROM messages
		WHERE direction IN ('outbound', 'outbound-api') GROUP BY DATE(created_at), status ORDER BY date DESC, status;" >want
	report -P daily >got
	diff want got
	[ "$(wc -l <got)" -gt 10 ]
	sql -nullvalue '\N' -separator "$(printf '\t')" "SELECT error_code, error_message, COUNT(*) as occurrences FROM messages
		WHERE error_code IS NOT NULL GROUP BY error_code, error_message ORDER BY occurrences DESC;" >want
	report -P errors >got
	diff <(sort want) <(sort got)
	diff <(cut -f 3 want) <(cut -f 3 got)
	[ "$(report -S 1d -U 2025-08-21T09:30:00Z daily | wc -l)" -gt 1 ]
	[ "$(report -S 2025-08-20T23:59:59Z -U 2025-08-21T00:00:00Z -H daily)" = '#date	status	count
2025-08-20	failed	1' ]
}

@test "latency, cost, hours" {
	some
	[ "$(report latency)" = '2025-08-21	1	3	3	3	3	100.0
2025-08-20	2	10	600	600	600	50.0' ]
	[ "$(report cost | head -n 3)" = '2025-08-21	\N	4	4	\N	4
2025-08-20	\N	1	1	\N	1
2025-08-20	USD	2	3	0.0237	0' ]
	[ "$(report hours)" = '08	3	2	1	66.67
09	1	0	0	\N
10	1	1	0	100.0
11	1	0	1	0.0
23	1	0	1	0.0' ]
}

@test "sender, customer and errors are masked, and -P is noted" {
	some
	sql "INSERT INTO optouts VALUES ('+447700900123', '+15005550006', '$NOW', 'manual')"
	[ "$(report sender)" = '+1500…006	6	2	3	40.0	2	7
+4477…999	1	1	0	100.0	0	1' ]
	report -H customer >got
	[ "$(sed -n 2p got)" = '+4477…123	5	2	3	40.0	2025-08-21T11:00:00Z	2025-08-20T08:20:00Z	30003	1' ]
	[ "$(report errors | tail -n 1)" = '30007	To +4477…123 filtered	1' ]
	for name in $(report -l | cut -f 1); do
		run ! grep -E '\+?[0-9]{7}' <(report "$name")
	done
	[ "$(sql 'SELECT count(*) FROM access_log')" = 0 ]
	[ "$(report -P customer | head -n 1 | cut -f 1)" = +447700900123 ]
	[ "$(sql 'SELECT command FROM access_log')" = "sms-report -t $NOW -P customer" ]
}

@test "country by the longest prefix" {
	some
	row 10 delivered $NOW to_number +12425550100
	row 11 delivered $NOW to_number whatsapp:+4915550100
	row 12 delivered $NOW to_number +77015550100
	row 13 delivered $NOW to_number +79015550100
	row 14 delivered $NOW to_number 12345
	report country | cut -f 1,2 | sort | tr '\n\t' '  ' >got; cat got
	[ "$(cat got)" = 'BS 1 CA 1 DE 1 GB 2 GB 3 KZ 1 RU 1 US 1 \N 1 ' ]
}

@test "loss and carrier" {
	some
	printf 'SM%032d\tdelivered\t\\N\t2025-08-21T09:05:00Z\tfetch\n' 5 | sms-apply -t $NOW >/dev/null
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, status, outcome, answer, params) VALUES
		('2025-08-21T10:00:00Z', printf('SM%032d', 6), 'success', 'applied', 200, 'MessageSid=x&Carrier=Some+Net&To=y'),
		('2025-08-21T10:00:00Z', printf('SM%032d', 4), 'success', 'applied', 200, 'MccMnc=23415'),
		('2025-08-21T10:00:01Z', printf('SM%032d', 4), 'success', 'applied', 200, 'MessageSid=x&MccMnc=23415')"
	[ "$(report loss)" = '2025-08-21	delivered	1	3' ]
	[ "$(report carrier)" = '23415	1	0	1	0.0
Some Net	1	1	0	100.0' ]
}

@test "a carrier is one however its name is encoded" {
	local i=0 name
	while read -r name; do
		i=$((i + 1))
		row $i delivered $NOW
		sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, status,
			outcome, answer, params) VALUES ('$NOW', printf('SM%032d', $i),
			'success', 'applied', 200, 'MessageSid=x&Carrier=$name&To=y')"
	done <<-'END'
	AT%26T
	A%54%26T
	AT%26%54
	T-Mobile+US%2c+Inc%2E
	T%2DMobile%20US%2C%20Inc.
	Caf%c3%a9
	Caf%C3%A9
	100%
	%2B1%2541%7f%0a%
	END
	report carrier | cut -f 1,2 >got
	diff got - <<-'END'
	AT&T	3
	Caf%C3%A9	2
	T-Mobile US, Inc.	2
	+1%41%7F%0A%	1
	100%	1
	END
}

@test "-l lists all reports, and each has a place in the page" {
	[ "$(report -l | cut -f 1,2)" = "$(cd "$ROOT/sql/report" && ls *.sql | sed 's/.sql$/\tsmspipe/')" ]
	for name in $(report -l | cut -f 1); do
		grep -qx ".It Cm $name" "$ROOT/man/sms-report.1"
		report -l | grep -q "^$name	smspipe	[A-Z]"
		# each is to be run with sqlite3, too
		sqlite3 "$SMS_DB" <"$ROOT/sql/report/$name.sql"
	done
}

@test "reports of one's own, in two places" {
	some
	mkdir -p .config/smspipe/report mine
	cat >.config/smspipe/report/open-ones.sql <<-'E'
		-- How many are open.
		SELECT count(*) AS n, max(to_number) AS number, 12345678 AS big
		FROM messages WHERE status = 'sent' AND created_at >= coalesce(:since, '')
			AND created_at <= :now; -- done
	E
	[ "$(report -H open-ones)" = '#n	number	big
1	+1415…100	12345678' ]
	[ "$(report -S 1h open-ones | cut -f 1)" = 0 ]
	[ "$(report -l | tail -n 1)" = "open-ones	$PWD/.config/smspipe/report	How many are open." ]
	export SMS_REPORTS=$PWD/mine
	run -64 report open-ones
	printf '%s\n' '-- Mine.' "SELECT 'mine'" >mine/two.sql
	[ "$(report two)" = mine ]
}

@test "a report can only read, and its faults are named" {
	mkdir mine
	export SMS_REPORTS=$PWD/mine
	while read -r name text; do
		printf '%s\n' '-- A report.' "$text" >"mine/$name.sql"
		run -65 --separate-stderr sms-report "$name"
		echo "$stderr"
		[ -z "$output" ]
		[[ $stderr == "sms-report: report '$name': "* ]]
	done <<-'E'
		write DELETE FROM webhook_logs
		two SELECT 1; SELECT 2
		drop SELECT 1; DROP TABLE messages
		pragma PRAGMA journal_mode = DELETE
		attach ATTACH 'other.db' AS x
		wrong SELEC 1
		column SELECT nothing FROM messages
		none -- a comment
	E
	[ ! -e other.db ]
	sql 'SELECT 1 FROM messages'
	mkdir mine/dir.sql
	run -74 sms-report dir
}

@test "a report of one's own begins with a comment" {
	mkdir mine
	export SMS_REPORTS=$PWD/mine
	for text in 'SELECT 1' '' '--' $'-- \nSELECT 1' '/* One. */ SELECT 1' $'SELECT 1\n-- One.'; do
		printf '%s\n' "$text" >mine/one.sql
		run -65 --separate-stderr report one
		[ -z "$output" ]
		[ "$stderr" = "sms-report: report 'one': it does not begin with a comment: write what it shows into its first line, as in '-- Messages by hour.'" ]
		[ "$(report -l | tail -n 1)" = "one	$PWD/mine	\N" ]
	done
	for text in $'-- One.\nSELECT 1' $'--One.\nSELECT 1' $'--- One.\n--\n\nSELECT 1'; do
		printf '%s\n' "$text" >mine/one.sql
		[ "$(report one)" = 1 ]
		[ "$(report -l | tail -n 1)" = "one	$PWD/mine	One." ]
	done
}

@test "a report of one's own shows no text of a message, with -P or without" {
	some
	sql "UPDATE messages SET body = 'a secret', body_sha256 = 'hash';
		INSERT INTO webhook_logs (created_at, params, status, answer) VALUES ('$NOW', 'Body=secret', 'success', 200)"
	mkdir mine
	export SMS_REPORTS=$PWD/mine
	while IFS=: read -r column text; do
		printf '%s\n' '-- A report.' "$text" >mine/one.sql
		for full in '' -P; do
			run -65 --separate-stderr sms-report $full one
			[ -z "$output" ]
			[ "$stderr" = "sms-report: report 'one': it reads $column: texts of messages are shown by sms-list -v -P alone" ]
		done
	done <<-'E'
		messages.body:SELECT body FROM messages
		messages.body:SELECT * FROM Messages
		messages.body:SELECT length("BODY") FROM main.messages AS m
		messages.body:WITH t AS (SELECT body AS b FROM messages) SELECT b FROM t
		messages.body:SELECT status FROM messages WHERE body LIKE 'a%'
		messages.body:SELECT body FROM (SELECT NULL AS body) AS n RIGHT JOIN messages USING (body)
		webhook_logs.params:SELECT params FROM webhook_logs
		webhook_logs.params:SELECT m.id, l.* FROM messages AS m, webhook_logs AS l
	E
	for join in 'FULL JOIN messages USING (body)' $'natural full\n\touter join messages'; do
		printf '%s\n' '-- A report.' "SELECT body FROM (SELECT NULL AS body) AS n $join" >mine/one.sql
		run -65 --separate-stderr sms-report one
		[ -z "$output" ]
		[ "$stderr" = "sms-report: report 'one': a FULL JOIN takes ON here, not USING or NATURAL" ]
	done
	printf '%s\n' '-- A report.' 'SELECT count(*), max(body_sha256), max(l.status) FROM messages, webhook_logs AS l' >mine/one.sql
	[ "$(report one)" = '8	hash	success' ]
	# a built-in one reads the parameters, and shows the carrier
	report carrier
}

@test "a name leads nowhere but to a report" {
	mkdir mine
	echo 'SELECT 1' >evil.sql
	export SMS_REPORTS=$PWD/mine
	for name in ../evil "$PWD/evil" mine/../../evil . .. '' 'a b' evil.sql 'x;y' "x'y" daily/ "$(printf 'a\nb')" "$(printf %065d 1)"; do
		run -64 --separate-stderr sms-report -- "$name"
		[[ $stderr == *"is no name of a report: sms-report -l lists them" ]]
	done
	run -64 --separate-stderr sms-report evil
	[ "$stderr" = "sms-report: no report 'evil': sms-report -l lists them" ]
}

@test "wrong calls, a missing store, a full disk and a reader that has gone" {
	run -64 sms-report
	run -64 sms-report -l daily
	run -64 sms-report daily errors
	run -64 sms-report -S yesterday daily
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-report daily
	[[ $stderr == "sms-report: no database at '$PWD/none.db':"* ]]
	some
	for call in 'sms-report daily' 'sms-report -l'; do
		run -74 --separate-stderr bash -c "$call >/dev/full"
		[[ $stderr == 'sms-report: cannot write standard output: No space'* ]]
		run -0 --separate-stderr bash -c "$call | head -n 1"
		[ -z "$stderr" ]
	done
}

# sms-stat: each metric is counted once more, by SQL of its own on the tables
# themselves, in a store that the simulator filled.  ALL=1 makes that one of
# 100,000 messages: last on November 29, 2026, at 85cc6a0, eight minutes.

load helper

setup() {
	common_setup
	NOW=2025-08-21T12:34:56Z
	MONITOR=${ROOT%/build/sanitized}/build/servers/usr/bin
}
teardown() { common_teardown; }

stat() { sms-stat -t $NOW "$@"; }

# value name: of one metric, with its labels
value() { awk -F '\t' -v name="$1" '$1 == name { print $2 }' stat; }

# is name query: the metric has that value, or is not there if it is none
is() {
	local want
	want=$(sql "$2")
	echo "$1: $(value "$1"), counted $want"
	[ "$(value "$1")" = "$want" ]
}

# near name query: the same, of numbers with a fraction
near() {
	local want
	want=$(sql "$2")
	echo "$1: $(value "$1"), counted $want"
	awk -v a="$(value "$1")" -v b="$want" 'BEGIN { d = a - b; exit !((a == "") == (b == "") && d < 1e-9 && d > -1e-9) }'
}

# each_metric since: all that stands in the file "stat"
each_metric() {
	local since=$1 w status day p
	w="created_at >= '$since' AND created_at <= '$NOW'"
	for status in received ambiguous queued sent delivered failed undelivered; do
		is "sms_messages{status=\"$status\"}" \
			"SELECT nullif(count(*), 0) FROM messages WHERE status = '$status'"
	done
	for status in queued sending sent; do
		is "sms_stuck_messages{status=\"$status\"}" "SELECT count(*) FROM messages
			WHERE status = '$status' AND created_at <= strftime('%Y-%m-%dT%H:%M:%SZ', '$NOW', '-2 hours')"
	done
	is sms_ambiguous_messages "SELECT count(*) FROM messages WHERE status = 'ambiguous'"
	is sms_conflicting_messages "SELECT count(*) FROM messages AS m WHERE EXISTS (
		SELECT 1 FROM message_delivery_status WHERE message_id = m.id AND outcome = 'conflict')"
	is sms_oldest_open_seconds "SELECT strftime('%s', '$NOW') - strftime('%s', min(created_at))
		FROM messages WHERE status IN ('pending', 'ambiguous', 'accepted', 'queued', 'sending', 'sent')"
	near sms_delivery_ratio "SELECT sum(status IN ('delivered', 'read')) * 1.0 / count(*)
		FROM messages WHERE $w AND direction LIKE 'outbound%'
		AND status IN ('delivered', 'read', 'failed', 'undelivered')"
	for p in 50 95 99; do
		is "sms_delivery_seconds{percentile=\"$p\"}" "SELECT cast(round((julianday(delivered_at) - julianday(created_at)) * 86400) AS INTEGER) AS s
			FROM messages WHERE $w AND delivered_at IS NOT NULL ORDER BY s LIMIT 1 OFFSET (SELECT (count(*) * $p + 99) / 100 - 1
				FROM messages WHERE $w AND delivered_at IS NOT NULL)"
		near "sms_callback_seconds{percentile=\"$p\"}" "SELECT took_us / 1e6 FROM webhook_logs
			WHERE $w AND status = 'success' ORDER BY took_us LIMIT 1 OFFSET (SELECT (count(*) * $p + 99) / 100 - 1
				FROM webhook_logs WHERE $w AND status = 'success')"
	done
	for day in today,${NOW%T*} yesterday,$(date -u -d "$NOW - 1 day" +%F); do
		is "sms_segments{day=\"${day%,*}\"}" "SELECT sum(segments) FROM messages
			WHERE date(created_at) = '${day#*,}' AND created_at <= '$NOW' AND direction <> 'inbound'"
		near "sms_spend{currency=\"USD\",day=\"${day%,*}\"}" "SELECT round(-sum(price), 6) FROM messages
			WHERE date(created_at) = '${day#*,}' AND created_at <= '$NOW' AND currency = 'USD'"
	done
	for status in success bad_signature no_signature; do
		is "sms_webhook_requests{result=\"$status\"}" "SELECT nullif(count(*), 0)
			FROM webhook_logs WHERE $w AND status = '$status'"
	done
	near sms_webhook_success_ratio "SELECT (SELECT count(*) FROM webhook_logs WHERE $w AND status = 'success') * 1.0 /
		(SELECT count(*) FROM webhook_logs WHERE $w)"
	is sms_refused_requests "SELECT coalesce(sum(requests), 0) FROM webhook_refused WHERE minute BETWEEN '$since' AND '$NOW'"
	is sms_last_callback_timestamp_seconds "SELECT strftime('%s', max(created_at)) FROM webhook_logs WHERE status = 'success' AND created_at <= '$NOW'"
	is 'sms_lost_callbacks{status="delivered"}' "SELECT count(*) FROM message_delivery_status
		WHERE source IN ('fetch', 'list') AND outcome = 'applied' AND status = 'delivered'
		AND called_at IS NULL AND at >= '$since' AND at <= '$NOW'"
	near sms_callback_loss_ratio "SELECT l * 1.0 / (l + c) FROM
		(SELECT count(*) AS l FROM message_delivery_status WHERE source IN ('fetch', 'list') AND outcome = 'applied'
			AND status <> 'received' AND called_at IS NULL AND at >= '$since' AND at <= '$NOW'),
		(SELECT count(*) AS c FROM webhook_logs WHERE $w AND status = 'success' AND outcome = 'applied')"
	is sms_window_seconds "SELECT strftime('%s', '$NOW') - strftime('%s', '$since')"
}

# Messages as sms-sim has them, by sms-apply -c, spread over three days, with
# a callback for each change but the lost ones.
fill() {
	local n=$1 pad
	pad="printf('%032x', i)"
	sqlite3 :memory: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $n)
		SELECT 'SM' || $pad, CASE WHEN i % 50 = 7 THEN 'failed' WHEN i % 50 = 9 THEN 'undelivered'
			WHEN i % 40 = 3 THEN 'sent' WHEN i % 200 = 5 THEN 'queued' ELSE 'delivered' END,
		CASE WHEN i % 50 = 7 THEN '30003' WHEN i % 50 = 9 THEN '30005' ELSE '\\N' END,
		strftime('%Y-%m-%dT%H:%M:%SZ', min(t + i * 7 % 300, strftime('%s', '$NOW') + 0), 'unixepoch'), CASE WHEN i % 20 THEN 'hook' ELSE 'fetch' END,
		'+4477009' || printf('%05d', i % 1000), '+15005550006', iif(i % 10, 'outbound-api', 'outbound-reply'),
		1 + i % 3, '-0.0079', 'USD', 'r' || i, strftime('%Y-%m-%dT%H:%M:%SZ', t, 'unixepoch')
		FROM (SELECT i, strftime('%s', '$NOW') - 259200 + (i * 259200 + $n - 1) / $n AS t FROM n)" |
		tr '|' '\t' >records
	# rows as a send leaves them, then what came of them
	awk -F '\t' -v OFS='\t' '{ $2 = "queued"; $3 = "\\N"; $4 = $13; $5 = "send"; print }' records |
		sms-apply -c -t $NOW >/dev/null
	sms-apply -t $NOW <records >/dev/null
	sql "INSERT INTO webhook_logs (created_at, twilio_message_sid, status, outcome, answer, took_us, source)
		SELECT at, twilio_message_sid, 'success', 'applied', 200, h.id * 7919 % 100003, 'hook'
		FROM message_delivery_status AS h JOIN messages AS m ON m.id = message_id WHERE source = 'hook';
		INSERT INTO webhook_logs (created_at, status, answer) SELECT created_at, 'bad_signature', 401
		FROM webhook_logs WHERE id % 17 = 0;
		INSERT INTO webhook_refused VALUES ('2025-08-21T09:00:00Z', 70), ('2025-08-20T09:00:00Z', 5);
		UPDATE messages SET status = 'ambiguous' WHERE id % 997 = 1"
	# contradictions
	awk -F '\t' -v OFS='\t' '$2 == "failed" && ++n % 4 == 0 { print $1, "delivered" }' records |
		sms-apply -t $NOW >/dev/null
	printf '%s\treceived\t\\N\t%s\tfetch\t+15005550006\t+447700900123\tinbound\n' SM"$(printf %032d 0)" $NOW |
		sms-apply -c -t $NOW >/dev/null
}

@test "each metric is what an independent count in SQL says" {
	fill "$([ -z "$ALL" ] && echo 2000 || echo 100000)"
	stat >stat
	each_metric 2025-08-20T12:00:00Z
	stat -S 3d >stat
	each_metric 2025-08-18T12:00:00Z
	[ "$(stat -S 2025-08-18T12:59:59Z)" = "$(cat stat)" ]
	run ! grep -E '\+[0-9]{7}|447700' stat
}

@test "so it is of messages that went through the simulator, with lost callbacks" {
	local n=200
	[ -z "$ALL" ] || n=100000
	sim_start -s 20 -f drop=10,error=5,stuck=2,double=5,reorder=3
	hook_start
	for i in $(seq "$n"); do
		printf '+4477009%05d\tyour table is ready\tr%d\n' $((i % 1000)) "$i"
	done | sms-send -q >/dev/null
	sim_settled 1200
	settled
	sms-stuck -q 0s -s 0s -n 0 | sms-fetch -d 0 -j 8 | sms-apply >/dev/null
	curl -sS -o answer -d 'MessageSid=SM1' "$WEBHOOK_BASE_URL/api/webhooks/twilio"
	NOW=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	[ "$(sql 'SELECT count(*) FROM messages')" = "$n" ]
	stat >stat
	each_metric "$(date -u -d '1 day ago' +%Y-%m-%dT%H:00:00Z)"
	grep -q '^sms_lost_callbacks' stat
}

@test "promtool finds nothing wrong with -p, and node_exporter reads the file" {
	fill 300
	mkdir textfile
	stat -p -o textfile/sms.prom
	[ "$(ls textfile)" = sms.prom ]
	[ "$(find textfile -perm 644 -name sms.prom)" ]
	run -0 "$MONITOR/promtool" check metrics <textfile/sms.prom
	[ -z "$output" ]
	# the same names, labels and values as without -p
	stat | tr '\t' ' ' >plain
	diff plain <(grep -v '^#' textfile/sms.prom)
	awk '{ printf "%s %.15g\n", $1, $2 }' plain >numbers
	start "$MONITOR/prometheus-node-exporter" --collector.disable-defaults \
		--collector.textfile --collector.textfile.directory="$PWD/textfile" \
		--web.disable-exporter-metrics --web.listen-address=127.0.0.1:0
	until_true 10 exporter_port
	curl -sS "http://127.0.0.1:$PORT/metrics" >got
	grep -qx 'node_textfile_scrape_error 0' got
	diff <(sort numbers) <(grep '^sms_' got | awk '{ printf "%s %.15g\n", $1, $2 }' | sort)
}

# The exporter does not say which port the kernel gave it.
exporter_port() {
	PORT=$(ss -Hltnp 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$STARTED_PID,.*/\1/p")
	[ -n "$PORT" ]
}

@test "the spool is measured, also what is set aside" {
	sms-apply </dev/null
	stat >stat
	[ "$(value sms_spool_lines)" = 0 ]
	printf '\n#1755779000.5.1\nSMa\tsent\n\n#x\nSMb\tsent\n' >sms.db.spool.taking
	printf '\n#1755779600.5.1\nSMc\tsent\n' >sms.db.spool
	stat >stat
	[ "$(value sms_spool_lines)" = 3 ]
	[ "$(value sms_spool_bytes)" = "$(cat sms.db.spool sms.db.spool.taking | wc -c)" ]
	[ "$(value sms_spool_oldest_seconds)" = 696 ]
	[ -e sms.db.spool.taking ]
}

@test "what sms-reconcile did last is told" {
	sms-apply </dev/null
	run ! grep reconcile <(stat)
	printf '2025-08-21T10:17:03Z\t0\tchecked 1\n2025-08-21T11:17:03Z\t75\tchecked 0\n' >sms.db.reconcile.ran
	stat >stat
	[ "$(value sms_reconcile_last_run_timestamp_seconds)" = "$(date -d 2025-08-21T11:17:03Z +%s)" ]
	[ "$(value sms_reconcile_last_success_timestamp_seconds)" = "$(date -d 2025-08-21T10:17:03Z +%s)" ]
	[ "$(value sms_reconcile_last_status)" = 75 ]
	for bad in '' 'x' $'yesterday\t0' $'2025-08-21T10:17:03Z\tx'; do
		printf '%s\n' "$bad" >sms.db.reconcile.ran
		run ! grep reconcile <(stat)
	done
}

@test "-o leaves the old file as it was when something fails" {
	sms-apply </dev/null
	mkdir out
	echo old >out/sms.prom
	SMS_DB=$PWD/none.db run -78 --separate-stderr sms-stat -p -o out/sms.prom
	mkdir sms.db.spool
	run -74 --separate-stderr sms-stat -p -o out/sms.prom
	[[ $stderr == "sms-stat: cannot read the spool '$SMS_DB.spool':"* ]]
	rmdir sms.db.spool
	(ulimit -f 0; trap '' XFSZ; run -74 sms-stat -p -o out/sms.prom)
	[ "$(cat out/sms.prom)" = old ]
	[ "$(ls out)" = sms.prom ]
	run -74 --separate-stderr sms-stat -o none/sms.prom
	[[ $stderr == "sms-stat: cannot write beside 'none/sms.prom': No such file"* ]]
	run -64 sms-stat -o /dev/null
}

@test "wrong calls, a missing store, a full disk and a reader that has gone" {
	run -64 sms-stat -x
	run -64 sms-stat one
	run -64 sms-stat -S yesterday
	run -78 --separate-stderr sms-stat
	[[ $stderr == "sms-stat: no database at '$SMS_DB':"* ]]
	[ ! -e "$SMS_DB" ]
	sms-apply </dev/null
	run -0 --separate-stderr bash -c 'sms-stat | head -n 1'
	[ -z "$stderr" ]
	run -74 --separate-stderr bash -c 'sms-stat >/dev/full'
	[ "$stderr" = 'sms-stat: cannot write standard output: No space left on device' ]
}

# The pictures: examples/dashboard.sh, the dashboard of Grafana and the alerts
# of Prometheus.  What the page looks like a browser has to show: tests/look.sh.
load helper

EXAMPLES=$ROOT/examples
MONITOR=${ROOT%/build/sanitized}/build/servers/usr/bin

setup() {
	common_setup
}

teardown() {
	common_teardown
}

month() {
	settled
	sql <"$ROOT/tests/fixtures/month.sql"
}

dashboard() {
	sh "$EXAMPLES/dashboard.sh" "$@"
}

# what of the page: its value by XPath; also says whether it is well-formed
what() {
	xmllint --nonet --xpath "$1" page.html
}

# own: nothing runs in the page, comes from elsewhere, or tells a number
own() {
	run ! grep -niE '<script|<use|<image|<link|javascript:|https?:|//[a-z]|url\(|@import| on[a-z]+=' page.html
	run ! grep -E '\+[0-9]{7,}' page.html
}

@test "each report is a picture with its figures below" {
	local name
	month
	dashboard page.html
	own
	[ "$(what 'count(//section)')" = 5 ]
	[ "$(what 'count(//section[count(svg[@role = "img" and @aria-label and @viewBox]) = 1
		and count(details//table) = 1 and count(h2) = 1])')" = 5 ]
	# something is drawn in each: bars, or a line with its points
	[ "$(what 'count(//section[svg//polygon or count(svg//circle) > 20])')" = 5 ]
	# colours are those of the page alone
	run ! grep -E 'rgb\(|"(black|white)"|font-family' page.html
	[ "$(what 'count(//svg//*[@fill and not(contains("none currentColor", @fill))])')" = 0 ]
	[ "$(what 'count(//svg//*[@stroke and not(contains("none currentColor", @stroke))])')" = 0 ]
	# ids of which there are two would be one
	[ "$(what 'count(//svg//@id)')" = 0 ]
	for name in daily errors latency cost; do
		sms-report -HS "$(date -u -d '-29 days' +%Y-%m-%dT00:00:00Z)" $name >$name
		[ "$(wc -l <$name)" -gt 3 ]
	done
	[ "$(what 'count(//section[1]//tr)')" -eq "$(wc -l <daily)" ]
	[ "$(what 'count(//section[2]//tr)')" -eq 29 ]
	[ "$(what 'count(//section[3]//tr)')" -eq "$(wc -l <latency)" ]
	[ "$(what 'count(//section[4]//tr)')" -eq "$(wc -l <errors)" ]
	[ "$(what 'count(//section[5]//tr)')" -eq "$(wc -l <cost)" ]
	[ "$(what 'string(//section[4]//td[starts-with(., "Filtered")])')" = \
		'Filtered <b>&</b> dropped' ]
	# what came without words has Twilio's
	[ "$(what 'string(//section[4]//tr[td[1] = "30003"]/td[2])')" = \
		"$(sms-explain 30003 | cut -f 2)" ]
}

@test "the sums are those of the store" {
	month
	sql "DELETE FROM messages WHERE status = 'sent'"
	dashboard page.html 30
	[ "$(what 'string(//ul[@class = "sums"]/li[1]/b)')" = \
		"$(sql 'SELECT count(*) FROM messages')" ]
	[ "$(what 'string(//ul[@class = "sums"]/li[2]/b)')" = \
		"$(sql "SELECT printf('%.1f %%', 100.0 * sum(status = 'delivered') / count(*))
			FROM messages WHERE status IN ('delivered', 'undelivered', 'failed')")" ]
	[ "$(what 'string(//ul[@class = "sums"]/li[3]/b)')" = \
		"$(sql "SELECT printf('%.2f', -sum(price)) FROM messages")" ]
	dashboard page.html 7
	[ "$(what 'string(//ul[@class = "sums"]/li[1]/b)')" = \
		"$(sql "SELECT count(*) FROM messages
			WHERE date(created_at) > date('now', '-7 days')")" ]
}

@test "a bar is as high as the messages of its day are many" {
	month
	sql "DELETE FROM messages WHERE date(created_at) < date('now', '-2 days')
		OR status <> 'delivered'"
	dashboard page.html 3
	# x y x y ...: heights of the bars of that colour, from left to right
	what '//section[1]/svg//polygon[@class = "f1"]/@points' |
		sed -n 's/.*points="\([^"]*\)".*/\1/p' | tr ',' ' ' |
		awk '{ print $1, $2 - $6 }' | sort -n | cut -d ' ' -f 2 >heights
	sql 'SELECT count(*) FROM messages GROUP BY date(created_at)' >counts
	[ "$(wc -l <heights)" -eq 3 ]
	paste -d ' ' heights counts | awk '{ r = $1 / $2 }
		NR > 1 && (r / last > 1.02 || r / last < 0.98) { exit 1 }
		{ last = r }'
}

@test "an empty store gives a page that says so" {
	settled
	dashboard page.html
	own
	[ "$(what 'count(//svg)')" = 0 ]
	grep -q 'No messages in this time' page.html
	# messages without an error, a price or an end
	sql "INSERT INTO messages (ref, direction, to_number, status, created_at, updated_at)
		SELECT 'r', 'outbound-api', '+14155550100', 'queued', at, at
		FROM (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now') AS at)"
	dashboard page.html
	own
	[ "$(what 'count(//section)')" = 5 ]
	[ "$(what 'count(//section[p])')" -ge 3 ]
}

@test "a page is replaced whole, or not at all" {
	run -78 --separate-stderr dashboard page.html
	[ ! -e page.html ]
	[ -n "$stderr" ]
	month
	umask 022
	dashboard page.html
	[ "$(find page.html -perm 644)" ]
	before=$(stat -c %i page.html)
	dashboard page.html
	[ "$(stat -c %i page.html)" != "$before" ]
	cp page.html good
	mkdir broken
	printf '#!/bin/sh\nexit 1\n' >broken/gnuplot
	chmod 755 broken/gnuplot
	PATH=$PWD/broken:$PATH run ! dashboard page.html
	cmp page.html good
	SMS_DB=/nowhere run -78 dashboard page.html
	cmp page.html good
	[ "$(ls page.html*)" = page.html ]
}

@test "nothing is said where all went at once and cost nothing" {
	month
	sql "UPDATE messages SET sent_at = created_at, delivered_at = created_at
		WHERE status = 'delivered'"
	sql 'UPDATE messages SET price = 0'
	run -0 --separate-stderr dashboard page.html
	[ -z "$output$stderr" ]
	own
	[ "$(what 'count(//section[svg])')" = 5 ]
	# and the axis of what took long reaches it
	sql "UPDATE messages SET delivered_at = strftime('%Y-%m-%dT%H:%M:%SZ',
		created_at, '+7 hours') WHERE status = 'delivered'"
	run -0 --separate-stderr dashboard page.html
	[ -z "$output$stderr" ]
	[ "$(what 'count(//section[3]//text()[contains(., "6 h")])')" = 1 ]
	[ "$(what 'count(//section[3]//svg//circle)')" -gt 20 ]
}

@test "a wrong call is status 64" {
	mkdir directory
	for to in directory directory/ .; do
		run -64 --separate-stderr dashboard "$to"
		[ "$stderr" = "dashboard.sh: '$to' is a directory: name a file in it" ]
	done
	[ -z "$(ls directory)" ]
	run -64 dashboard
	run -64 dashboard a b
	run -64 dashboard a 0
	run -64 dashboard a 1 2
	[ "$output" = 'usage: dashboard.sh file [days]' ]
}

# metrics: a store of which each metric has something to tell, and the names of
# all that sms-stat -p writes
metrics() {
	local body='MessageSid=SM00000000000000000000000000000001&MessageStatus=sent'
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	sim_start -s 20 -f drop=100
	sms-send +14155550100 'A table for two' >/dev/null
	sim_clock 1h
	sql "UPDATE messages SET created_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now',
		'-3 hours')"
	sms-reconcile -q
	{
		printf 'POST /api/webhooks/twilio HTTP/1.1\r\nHost: x\r\n'
		printf 'Content-Type: application/x-www-form-urlencoded\r\n'
		printf 'X-Twilio-Signature: %s\r\n' "$(printf %s "$body" |
			sms-sign "$WEBHOOK_BASE_URL/api/webhooks/twilio")"
		printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
	} | sms-hook >answer
	settled
	sms-stat -p | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >written
	[ -s written ]
}

# named: the words of that text that are names of ours
named() {
	grep -oE '\bsms_[a-z_]+' | sort -u
}

@test "the dashboard of Grafana is JSON and asks for what sms-stat writes" {
	[ "$(sqlite3 :memory: "SELECT json_valid(readfile('$EXAMPLES/grafana.json'))")" = 1 ]
	sqlite3 :memory: "SELECT json_extract(t.value, '\$.expr')
		FROM json_each(readfile('$EXAMPLES/grafana.json'), '\$.panels') AS p,
			json_each(p.value, '\$.targets') AS t" >expressions
	[ "$(wc -l <expressions)" -ge 18 ]
	metrics
	named <expressions >asked
	diff <(comm -23 asked written) /dev/null
	# and leaves nothing out but how long the window and the spool are
	comm -13 asked written >left
	diff left <(printf 'sms_spool_bytes\nsms_window_seconds\n')
}

@test "promtool finds nothing wrong with the alerts, which know what is written" {
	run -0 "$MONITOR/promtool" check rules "$EXAMPLES/alerts.yml"
	echo "$output"
	[[ $output == *'9 rules found'* ]]
	metrics
	sed -n 's/^ *#.*//; s/description:.*//; p' "$EXAMPLES/alerts.yml" | named >asked
	[ "$(wc -l <asked)" -ge 8 ]
	diff <(comm -23 asked written) /dev/null
	# each part of sms-trouble(7) that they name is there
	sed -n "s/.*sms-trouble(7), \(.*\)'/\1/p" "$EXAMPLES/alerts.yml" | sort -u >parts
	[ "$(wc -l <parts)" -ge 6 ]
	while read -r part; do
		grep -qxF ".Ss $part" "$ROOT/man/sms-trouble.7"
	done <parts
}

# state [series values [and series values]]: two days of a healthy store, but
# for these series; at their end no alert is expected
state() {
	printf '  - interval: 10m\n    input_series:\n'
	awk -F '\t' -v but="$*" '
		BEGIN {
			n = split(but, part, " and ")
			for (i = 1; i <= n; i++) {
				sub(/ /, FS, part[i])
				split(part[i], b)
				values[b[1]] = b[2]
			}
		}
		{ printf "      - {series: '\''%s'\'', values: '\''%s'\''}\n",
			$1, $1 in values ? values[$1] : $2 }' <<-'END'
	sms_messages{status="sent"}	10+0x288
	sms_stuck_messages{status="sent"}	10+0x288
	sms_ambiguous_messages	0+0x288
	sms_oldest_open_seconds	7000+0x288
	sms_delivery_ratio	0.95+0x288
	sms_webhook_success_ratio	0.95+0x288
	sms_last_callback_timestamp_seconds	0+600x288
	sms_callback_loss_ratio	0.05+0x288
	sms_reconcile_last_success_timestamp_seconds	0+600x288
	sms_spool_oldest_seconds	300+0x288
	node_textfile_mtime_seconds{file="/a/sms.prom"}	0+600x288
	END
	printf '    alert_rule_test:\n'
	sed -n "s|^ *- alert: \(.*\)|      - {eval_time: 2d, alertname: \1, exp_alerts: []}|p" \
		"$EXAMPLES/alerts.yml"
}

@test "each alert fires at what it is for, and at nothing else" {
	local name series values
	{
		printf 'rule_files: [%s]\nevaluation_interval: 10m\ntests:\n' \
			"$EXAMPLES/alerts.yml"
		state
		# never: nothing is wrong while there is nothing
		state 'sms_last_callback_timestamp_seconds _ and sms_oldest_open_seconds 0+0x288'
		state 'sms_reconcile_last_success_timestamp_seconds _ and sms_messages{status="sent"} 0+0x288'
		# nor when the first messages are of the last hours
		state 'sms_reconcile_last_success_timestamp_seconds _ and sms_messages{status="sent"} 0+0x271 10+0x17'
		while read -r name series values; do
			echo "$name" >>fire
			state "$series" "$values"
		done <<-'END'
		SmsCallbacksRefused sms_webhook_success_ratio 0.94+0x288
		SmsStuck sms_stuck_messages{status="sent"} 11+0x288
		SmsDeliveryRateFell sms_delivery_ratio 0.95+0x280 0.7+0x7
		SmsNoCallbacks sms_last_callback_timestamp_seconds 0+0x288
		SmsNoCallbacks sms_last_callback_timestamp_seconds _
		SmsNoCallbacks sms_last_callback_timestamp_seconds -2000000000+0x288
		SmsCallbacksLost sms_callback_loss_ratio 0.06+0x288
		SmsReconcileNotRun sms_reconcile_last_success_timestamp_seconds 0+0x288
		SmsReconcileNotRun sms_reconcile_last_success_timestamp_seconds _
		SmsReconcileNotRun sms_reconcile_last_success_timestamp_seconds -2000000000+0x288
		SmsSpoolGrows sms_spool_oldest_seconds 301+0x288
		SmsAmbiguous sms_ambiguous_messages 1+0x288
		SmsNotMeasured node_textfile_mtime_seconds{file="/a/sms.prom"} 0+0x288
		SmsNotMeasured sms_messages{status="sent"} _
		END
	} >states.yml
	# promtool names each that fired though none was expected, in order
	run -1 "$MONITOR/promtool" test rules states.yml
	echo "$output"
	diff fire <(sed -n 's/.*alertname: *\([A-Za-z]*\),.*/\1/p' <<<"$output")
	# the words fit: a time since 1970 means never
	for name in 'No callback ever, and messages are open' \
	    'No callback for 2d 0h 0m 0s, and messages are open' \
	    'sms-reconcile never succeeded' \
	    'sms-reconcile last succeeded 2d 0h 0m 0s ago'; do
		grep -qF "summary=\"$name\"" <<<"$output"
	done
	[ "$(sort -u fire | wc -l)" -eq "$(grep -c 'alert: ' "$EXAMPLES/alerts.yml")" ]
}

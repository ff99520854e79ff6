load helper

setup() {
	common_setup
	sms-apply </dev/null
	NOW=2025-08-21T12:00:00Z
	SERVICE=MG0123456789abcdef0123456789abcdef
}
teardown() { common_teardown; }

ago() { date -u -d "2025-08-21 12:00 UTC - $1 minutes" +%Y-%m-%dT%H:%M:%SZ; }

# row ref status code [minutes since it failed [column=value ...]]
row() {
	local ref=$1 status=$2 code=$3 at c
	at=$(ago "${4:-30}")
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
		from_number, sender, body, status, error_code, created_at,
		updated_at, failed_at) VALUES (printf('SM%032x', abs(random())),
		'$ref', 'outbound-api', '+14155550100', '+15005550006',
		'+15005550006', 'Hello', '$status', nullif('$code', ''), '$at',
		'$at', '$at')"
	for c in "${@:5}"; do
		sql "UPDATE messages SET $c WHERE ref = '$ref'"
	done
}

refs() { sms-retry -t $NOW "$@" | cut -f 3 | xargs; }

@test "the table of error codes is what its source says, row by row" {
	sql -separator $'\t' 'SELECT code, title, class, explanation
		FROM error_codes ORDER BY code' >table
	grep -v '^#' "$ROOT/tests/fixtures/error-codes.tsv" | LC_ALL=C sort | diff - table
	[ "$(wc -l <table)" -eq 249 ]
	[ "$(cut -f 3 table | sort -u | xargs)" = 'account permanent transient' ]
}

@test "a store of version 2 gets the table" {
	export SMS_DB=$PWD/two.db
	cat "$ROOT/sql/schema.sql" "$ROOT/sql/schema-2.sql" | sql
	sql 'PRAGMA user_version = 2'
	sms-retry
	[ "$(sql 'SELECT count(*) FROM error_codes')" = 249 ]
}

@test "a transient error is tried again, text and media as they were" {
	row one undelivered 30008
	row two failed 30003 30 "body = 'a' || char(9) || 'b\\c' || char(10) || 'd'" \
		"media_url = 'https://example.com/a.png'" "to_number = 'whatsapp:+14155550101'"
	row three failed 30001 30 'body = NULL' "media_url = 'https://example.com/b.png'"
	run -0 --separate-stderr sms-retry -H -t $NOW
	[ "$stderr" = '' ]
	diff - <(echo "$output") <<-'EOF'
		#to	body	ref	media_url
		+14155550100	Hello	one~2	\N
		whatsapp:+14155550101	a\tb\\c\nd	two~2	https://example.com/a.png
		+14155550100	\N	three~2	https://example.com/b.png
	EOF
}

@test "what never reached Twilio is tried again" {
	row lost failed '' 30 'twilio_message_sid = NULL' "error_message = 'never reached Twilio'"
	row odd failed ''
	row other undelivered '' 30 'twilio_message_sid = NULL'
	[ "$(refs)" = 'lost~2' ]
}

@test "permanent, account and unknown errors are never tried again" {
	row permanent undelivered 30006
	row account failed 30002
	row stop failed 21610
	row unknown failed 39999
	row none undelivered ''
	[ "$(sql "SELECT group_concat(class) FROM error_codes WHERE code IN ('30002', '30006', '21610')" |
		tr , '\n' | sort -u | xargs)" = 'account permanent' ]
	[ "$(refs)" = '' ]
}

@test "without a final status there is no retry, however old" {
	for s in pending ambiguous scheduled accepted queued sending sent \
		delivery_unknown delivered canceled partially_delivered read; do
		row $s $s 30008
	done
	[ "$(refs -u 9w -w 0s)" = '' ]
}

@test "each pause is four times the one before, from the last failure on" {
	row a failed 30008 4
	row b failed 30008 5
	[ "$(refs)" = 'b~2' ]
	[ "$(refs -w 4m)" = 'b~2 a~2' ]
	row c failed 30008 60
	row 'c~2' failed 30008 19
	[ "$(refs)" = 'b~2' ]
	sql "UPDATE messages SET failed_at = '$(ago 20)' WHERE ref = 'c~2'"
	[ "$(refs)" = 'c~3 b~2' ]
	row d failed 30008 600
	row 'd~2' failed 30008 600
	row 'd~3' failed 30008 79
	[ "$(refs -n 9)" = 'c~3 b~2' ]
	sql "UPDATE messages SET failed_at = '$(ago 80)' WHERE ref = 'd~3'"
	[ "$(refs -n 9)" = 'd~4 c~3 b~2' ]
}

@test "at most three tries, or as many as -n says" {
	row a failed 30008 600
	row 'a~2' failed 30008 600
	[ "$(refs)" = 'a~3' ]
	[ "$(refs -n 2)" = '' ]
	row 'a~3' failed 30008 600
	[ "$(refs)" = '' ]
	[ "$(refs -n 4)" = 'a~4' ]
	row b failed 30008
	[ "$(refs -n 1)" = '' ]
}

@test "a ref that ends like a try is one of its own unless it has a first" {
	row 'order~2024' failed 30008
	row '~7' failed 30008
	row 'x~' failed 30008
	[ "$(refs)" = 'order~2024~2 ~7~2 x~~2' ]
	row 'order~2024~2' failed 30008 25
	[ "$(refs -w 1m)" = '~7~2 x~~2 order~2024~3' ]
}

@test "a message without a ref goes by its SID" {
	row a failed 30008 30 "twilio_message_sid = printf('SM%032d', 1)" 'ref = NULL'
	ref=SM$(printf %032d 1)
	[ "$(refs)" = "$ref~2" ]
	row "$ref~2" failed 30008 30
	[ "$(refs)" = "$ref~3" ]
}

@test "a try that is there already is not asked for again" {
	row a failed 30008
	row 'a~2' queued ''
	[ "$(refs)" = '' ]
	row b failed 30008
	row 'b~2' ambiguous ''
	row c failed 30008
	row 'c~2' failed 30006
	row d failed 30008
	row 'd~2' delivered ''
	row e delivered ''
	row 'e~2' failed 30008
	[ "$(refs -w 0s)" = '' ]
}

@test "who has opted out of the sender is left alone" {
	row a failed 30008
	sms-optout -a +14155550100 $SERVICE
	[ "$(refs)" = 'a~2' ]
	sms-optout -a +14155550100
	[ "$(refs)" = '' ]
	sms-optout -d +14155550100
	[ "$(refs)" = 'a~2' ]
}

@test "a blanked text is not sent again" {
	row a failed 30008 30 'body = NULL'
	row b failed 30008 30 'body = NULL' "media_url = 'https://example.com/a.png'" "body_sha256 = 'x'"
	[ "$(refs)" = '' ]
}

@test "where Twilio contradicted itself nobody is written to twice" {
	row a sent '' 30 "twilio_message_sid = printf('SM%032d', 1)"
	printf 'SM%032d\tundelivered\t30008\t%s\n' 1 "$(ago 30)" | sms-apply -t $NOW >/dev/null
	[ "$(refs)" = 'a~2' ]
	row 'a~2' failed 30008 25
	[ "$(refs)" = 'a~3' ]
	printf 'SM%032d\tdelivered\n' 1 | sms-apply -t $NOW >out
	[ "$(cut -f 2 out)" = conflict ]
	[ "$(refs)" = '' ]
}

@test "a callback that waits in the spool is heard first" {
	export SMS_SPOOL=$PWD/spool
	hook_start
	row a sent '' 30 "twilio_message_sid = printf('SM%032d', 1)"
	printf 'SM%032d\tundelivered\t30008\t%s\n' 1 "$(ago 30)" | sms-apply -t $NOW >/dev/null
	[ "$(refs)" = 'a~2' ]
	[ "$(post_callback "MessageSid=SM$(printf %032d 1)&MessageStatus=delivered&AccountSid=$TWILIO_ACCOUNT_SID")" -lt 300 ]
	[ "$(refs)" = '' ]
}

@test "after a day it is given up, counted from the first try or its hour" {
	row a failed 30008 1440
	row b failed 30008 1441
	[ "$(refs)" = 'a~2' ]
	[ "$(refs -u 2d)" = 'b~2 a~2' ]
	row c failed 30008 100 "created_at = '$(ago 1441)'"
	row 'd~2' failed 30008 100
	row d failed 30008 1500
	row e failed 30008 100 "created_at = '$(ago 43200)'" "send_at = '$(ago 120)'"
	[ "$(refs)" = 'a~2 e~2' ]
}

@test "only what the same sender sent" {
	row a failed 30008
	row b failed 30008 30 "sender = '$SERVICE'"
	row c failed 30008 30 "sender = 'Shop'"
	row d failed 30008 30 'sender = NULL'
	[ "$(refs)" = 'a~2 d~2' ]
	[ "$(refs -m $SERVICE)" = 'b~2' ]
	[ "$(TWILIO_MESSAGING_SERVICE_SID=$SERVICE refs)" = 'b~2' ]
	[ "$(refs -f Shop)" = 'c~2' ]
	unset TWILIO_PHONE_NUMBER
	[ "$(refs -f +15005550006)" = 'a~2 d~2' ]
	run -78 --separate-stderr sms-retry
	[[ $stderr == *'no sender'* ]]
}

@test "a ref without room for a number is left alone" {
	long=$(printf '%098d' 1)
	row "$long" failed 30008
	row "0$long" failed 30008
	[ "$(refs)" = "$long~2" ]
}

@test "wrong calls are 64, a missing store 78" {
	for args in '-n 0' '-n 11' '-n x' '-u 5' '-w 5' '-t now' '-m MG1' '-f +1' \
		"-f Shop -m $SERVICE" 'operand' '-x'; do
		run -64 --separate-stderr sms-retry $args
		[ "$output" = '' ]
		[ -n "$stderr" ]
	done
	rm sms.db*
	run -78 --separate-stderr sms-retry
	[[ $stderr == *'no database at'* ]]
}

@test "sms-retry | sms-send goes round until the message is through, and once each" {
	sim_start
	hook_start
	again() { sms-retry -w 0s -n 9 | sms-send >sent; settled; }
	fail() {
		sql "UPDATE messages SET status = 'failed', error_code = '30008',
			failed_at = updated_at WHERE status <> 'failed'"
	}
	sms-send -r first +14155550100 Hello >/dev/null
	[ "$(sms-retry -w 0s)" = '' ]
	sim_clock 1h
	sim_settled
	settled
	fail
	again
	[ "$(cut -f 12 sent)" = 'first~2' ]
	again
	[ ! -s sent ]
	sim_clock 1h
	sim_settled
	settled
	fail
	# two at once: the ref is the same, so it is sent once
	sms-retry -w 0s >records
	cat records records | sms-send >/dev/null || :
	[ "$(sql 'SELECT group_concat(ref) FROM messages')" = 'first,first~2,first~3' ]
	[ "$(simsql 'SELECT count(*) FROM message')" = 3 ]
}

load helper

setup() { common_setup; }
teardown() { common_teardown; }

@test "a code, its title, its class, a sentence and the next step, without a store" {
	run -0 --separate-stderr sms-explain -H 30007 21610 30003 30034
	[ -z "$stderr" ]
	[ "${lines[0]}" = '#code	title	class	meaning	step' ]
	[ "$(cut -f 1,3 <<<"$output" | tail -n +2 | xargs)" = '30007 permanent 21610 permanent 30003 retry 30034 account' ]
	[ "$(cut -f 2 <<<"${lines[3]}")" = 'Unreachable destination handset' ]
	[ ! -e sms.db ]
}

@test "every code that the store knows has all five, and the class of sms-retry" {
	sms-apply </dev/null
	sql 'SELECT code FROM error_codes ORDER BY code' | xargs sms-explain >told
	[ "$(awk -F '\t' 'NF != 5 || /\\N/ || $4 !~ /\.$/ || $5 !~ /\.$/' told)" = '' ]
	diff <(cut -f 1,3 told | sed 's/retry$/transient/') \
		<(sql -separator '	' 'SELECT code, class FROM error_codes ORDER BY code')
	[ "$(wc -l <told)" -ge 240 ]
}

@test "an unknown code is said to be unknown, and that is no error" {
	run -0 --separate-stderr sms-explain 12345 0
	[ "${lines[0]}" = '12345	unknown code	unknown	This code is unknown here.	See https://www.twilio.com/docs/api/errors/12345' ]
	[ -z "$stderr" ]
}

@test "as a filter it gives words to codes that stand without" {
	printf '%s\n' 'SM1	failed	30003' \
		'SM2	failed	30003	\N	\N	\N	\N	\N	\N	\N	\N	r	\N	so\tit is' \
		'SM3	failed	99999' '# a comment' 'SM4	delivered' \
		'SM5	a	30006	4	5	6	7	8	9	10	11	12	13		15	16	17\\' |
		sms-explain >told
	[ "$(cut -f 1-3,14 told)" = 'SM1	failed	30003	Unreachable destination handset
SM2	failed	30003	so\tit is
SM3	failed	99999	\N
SM4	delivered	\N	\N
SM5	a	30006	Landline or unreachable carrier' ]
	[ "$(tail -n 1 told | cut -f 15-)" = '15	16	17\\' ]
	run -65 --separate-stderr sms-explain < <(printf 'SM1\\q\nSM2\tsent\nSM3')
	[ "$(cut -f 1 <<<"$output")" = SM2 ]
	[ "${stderr_lines[0]}" = 'sms-explain: line 1 has an escape other than \t \n \r \\ \N' ]
	[[ ${stderr_lines[1]} == 'sms-explain: line 3 cut short'* ]]
	[ "$(sms-explain -H </dev/null | cut -f 1-3)" = '#sid	status	error_code' ]
}

@test "-u counts the codes of our own messages" {
	run -78 --separate-stderr sms-explain -u
	[[ $stderr == "sms-explain: no database at '$SMS_DB': "* ]]
	sms-apply </dev/null
	[ "$(sms-explain -u)" = '' ]
	for code in 30003 30007 30003 99999 NULL; do
		echo "INSERT INTO messages (direction, status, error_code, created_at,
			updated_at) VALUES ('outbound-api', 'failed', $code,
			'2025-01-01T00:00:00Z', '2025');"
	done | sql
	[ "$(sms-explain -Hu | cut -f 1-4)" = '#messages	code	title	class
2	30003	Unreachable destination handset	retry
1	30007	Message filtered	permanent
1	99999	unknown code	unknown' ]
}

@test "at a terminal it is text" {
	script -qec true /dev/null </dev/null >/dev/null || {
		echo '# no terminal to be had: the text was not tried' >&3
		return 0
	}
	script -qec 'sms-explain 30003' /dev/null </dev/null | tr -d '\r' >told
	[ "$(sed -n 1p told)" = '30003  Unreachable destination handset (retry)' ]
	grep '^    The phone is switched off' told
}

@test "wrong calls, a full disk, a reader that goes away" {
	for bad in -x 3000x -1 '-u 30003' 1e9 1000000000; do
		run -64 --separate-stderr sms-explain $bad
	done
	run -64 --separate-stderr sms-explain abc
	[ "$stderr" = "sms-explain: 'abc' is no error code" ]
	run -74 --separate-stderr bash -c 'sms-explain 30003 >/dev/full'
	[ "$stderr" = 'sms-explain: cannot write standard output: No space left on device' ]
	run -0 --separate-stderr bash -c 'yes "SM	failed	30003" | sms-explain | head -n 1'
	[ -z "$stderr" ]
}

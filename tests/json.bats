load helper

setup() { common_setup; }
teardown() { common_teardown; }

@test "a status record becomes an object with all its fields" {
	run -0 sms-json < <(printf 'SM1\tfailed\t30003\t2025-08-21T08:34:39Z\thook\t+14155550100\t\\N\toutbound-api\t2\t-0.00750\n')
	[ "$output" = '{"sid":"SM1","status":"failed","error_code":30003,"at":"2025-08-21T08:34:39Z","source":"hook","to":"+14155550100","from":null,"direction":"outbound-api","segments":2,"price":"-0.00750","currency":null,"ref":null,"created_at":null,"error_message":null,"body_sha256":null}' ]
	[ "$(jq -r '.error_code + .segments' <<<"$output")" = 30005 ]
	[ "$(sms-json -r <<<"$output")" = 'SM1	failed	30003	2025-08-21T08:34:39Z	hook	+14155550100	\N	outbound-api	2	-0.00750	\N	\N	\N	\N	\N' ]
}

@test "what comes back is the record as it was, whatever is in it, also by way of jq" {
	# every character but NUL, in a field of its own line, and odd numbers
	perl -CO -e '
		my %escape = ("\\" => "\\\\", "\t" => "\\t", "\n" => "\\n", "\r" => "\\r");
		print "#sid\terror_code\tsegments\tref\todd \"name\"\\\n";
		for my $n (1 .. 0x7ff, 0x2028, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0x1f600, 0x10ffff) {
			my $c = chr $n;
			$c = $escape{$c} // $c;
			print join("\t", "SM1", "030003", "0", "a${c}b", $c), "\n";
		}
		print join("\t", "\\N", $_, $_, $_, "\\N"), "\n" for qw(0 00 -1 1e3 1.0
			999999999 12345678901234567890 true null {});
	' >records
	sms-json <records >json
	[ "$(wc -l <json)" -eq $(($(wc -l <records) - 1)) ]
	sms-json -r -H <json | diff records -
	jq -c . json | sms-json -r -H | diff records -
	jq -e -n '[inputs | select(.ref == "999999999")][0] | .error_code == 999999999 and .segments == 999999999' json
}

@test "records of every kind go there and back, with names of their own" {
	printf 'SM1\tapplied\tsent\tdelivered\t\\N\tr1\n' >records
	sms-json -n sid,outcome,old,new,error_code,ref <records >json
	[ "$(cat json)" = '{"sid":"SM1","outcome":"applied","old":"sent","new":"delivered","error_code":null,"ref":"r1"}' ]
	sms-json -r <json | diff records -
	# jq gives keys in any order and leaves some away
	[ "$(sms-json -r <<<'{"body": "x", "to": "+1"}')" = '+1	x	\N	\N' ]
	[ "$(sms-json -r <<<'{"status": "sent", "sid": "SM1"}' | cut -f 1-4)" = 'SM1	sent	\N	\N' ]
	[ "$(sms-json -r <<<'{"new": "sent", "sid": "SM1"}')" = 'SM1	\N	\N	sent	\N	\N' ]
	[ "$(printf '%s\n' '{"day":1.50,"n":true}' '' '{"n":null}' | sms-json -H -r)" = '#day	n
1.50	true
\N	\N' ]
	[ "$(sms-json -n x,day -r -H <<<'{"day":"1"}')" = '#x	day
\N	1' ]
	[ "$(printf '# no names\n#a\tb\n# later\n1\t2\n#c\td\n' | sms-json)" = '{"a":"1","b":"2"}' ]
}

@test "a line that cannot be turned is named, and the others are" {
	run -65 --separate-stderr sms-json < <(printf 'SM1\\q\nSM2\nSM3\n%s\nSM5\tcut' "$(seq -s '	' 16)")
	[ "$(jq -r .sid <<<"$output" | xargs)" = 'SM2 SM3' ]
	[ "${stderr_lines[0]}" = 'sms-json: line 1 has an escape other than \t \n \r \\ \N' ]
	[ "${stderr_lines[1]}" = 'sms-json: line 4 has more fields than there are names' ]
	[[ ${stderr_lines[2]} == 'sms-json: line 5 cut short'* ]]
	printf '%s\n' '{"sid":"SM1"}' '{"sid":' '[1]' '"SM1"' '{"sid":{}}' \
		'{"more":1}' '{"sid":"\\\u0000"}' '{"sid":"\ud800"}' '{} {}' nonsense \
		$'{"sid":"\xff"}' "{\"sid\":\"$(printf '%070000d')\"}" \
		'{"sid":"SM13","status":"\ud83d\ude00\u0041"}' >json
	run -65 --separate-stderr sms-json -r <json
	[ "$(cut -f 1,2 <<<"$output")" = 'SM1	\N
SM13	😀A' ]
	[ "$(grep -c '' <<<"$stderr")" -eq 11 ]
	[ "${stderr_lines[3]}" = 'sms-json: line 5 has a field that is an object or array' ]
	[ "$(sms-json -r <<<'{"sid":"\\u0000"}' | cut -f 1)" = '\\u0000' ]
	[ "${stderr_lines[4]}" = 'sms-json: line 6 has a field that the records have not' ]
	run -65 --separate-stderr sms-json -r <<<'{}'
	[ "$stderr" = 'sms-json: line 1 has no fields, too many, or one without a name' ]
	run -65 sms-json -r <<<'{"a\tb":1}'
	run -65 sms-json < <(printf '#%s\n' "$(seq -s '	' 33)")
}

@test "wrong calls, a full disk, a reader that goes away" {
	for bad in -x file '-n' '-n a,,b' '-n ,' -H; do
		run -64 sms-json $bad
	done
	run -74 --separate-stderr bash -c 'echo SM1 | sms-json >/dev/full'
	[ "$stderr" = 'sms-json: cannot write standard output: No space left on device' ]
	run -0 --separate-stderr bash -c 'yes SM1 | sms-json | head -n 1'
	[ -z "$stderr" ]
	run -0 --separate-stderr bash -c "yes '{\"sid\":1}' | sms-json -r | head -n 1"
	[ -z "$stderr" ]
	[ "$(sms-json </dev/null)" = '' ]
}

load helper

setup() {
	common_setup
	SERVICE=MG0123456789abcdef0123456789abcdef
	NOW=2025-08-21T12:00:00Z
}
teardown() { common_teardown; }

pairs() { sms-optout "$@" | cut -f 1,2 | tr '\t' ' '; }

@test "a pair that was added is listed, and one that was deleted is not" {
	sms-optout -a -t $NOW +14155550100 +15005550006
	sms-optout -a -t $NOW +14155550100 $SERVICE
	sms-optout -a -t $NOW whatsapp:+14155550101 Shop
	run -0 --separate-stderr sms-optout -H
	[ "$stderr" = '' ]
	diff - <(echo "$output") <<-EOF
		#recipient	sender	created_at	source
		+14155550100	+15005550006	$NOW	manual
		+14155550100	$SERVICE	$NOW	manual
		whatsapp:+14155550101	Shop	$NOW	manual
	EOF
	[ "$(pairs +14155550100 $SERVICE)" = "+14155550100 $SERVICE" ]
	[ "$(pairs +14155550100 | wc -l)" -eq 2 ]
	[ "$(pairs +14155550199)" = '' ]
	sms-optout -d +14155550100 $SERVICE
	[ "$(pairs +14155550100)" = '+14155550100 +15005550006' ]
	sms-optout -a +14155550100 $SERVICE
	sms-optout -d +14155550100
	[ "$(pairs)" = 'whatsapp:+14155550101 Shop' ]
}

@test "the default sender is that of sms-send" {
	sms-optout -a +14155550100
	TWILIO_MESSAGING_SERVICE_SID=$SERVICE sms-optout -a +14155550100
	[ "$(pairs)" = "+14155550100 +15005550006
+14155550100 $SERVICE" ]
	unset TWILIO_PHONE_NUMBER
	run -78 --separate-stderr sms-optout -a +14155550101
	[[ $stderr == *'no sender: neither TWILIO_MESSAGING_SERVICE_SID nor'* ]]
	# who names the sender, or removes, needs none
	sms-optout -a +14155550101 Shop
	sms-optout -d +14155550100
}

@test "a pair that is there already stays as it is" {
	sms-optout -a -t $NOW +14155550100
	sms-optout -a +14155550100
	[ "$(sms-optout | cut -f 3,4)" = "$NOW	manual" ]
}

@test "error 21610 puts recipient and sender on the list, by hook or by crook" {
	sms-apply </dev/null
	sql "INSERT INTO messages (twilio_message_sid, direction, to_number, sender,
		from_number, status, created_at, updated_at) VALUES
		(printf('SM%032d', 1), 'outbound-api', '+14155550100', '$SERVICE',
		'+15005550009', 'sent', '$NOW', '$NOW')"
	printf 'SM%032d\tundelivered\t21610\n' 1 | sms-apply -t $NOW >/dev/null
	[ "$(sms-optout)" = "+14155550100	$SERVICE	$NOW	error" ]
	# adding by hand does not change what is known about its origin
	sms-optout -a +14155550100 $SERVICE
	[ "$(sms-optout | cut -f 4)" = error ]
}

@test "lines hold a recipient and perhaps a sender; the list itself is such lines" {
	printf '%s\n' +14155550100 '# a comment' '' +14155550101$'\t'Shop | sms-optout -a
	[ "$(pairs)" = '+14155550100 +15005550006
+14155550101 Shop' ]
	sms-optout >list
	sms-optout | sms-optout -d
	[ "$(sms-optout)" = '' ]
	sms-optout -a <list
	[ "$(pairs)" = "$(cut -f 1,2 list | tr '\t' ' ')" ]
	cut -f 1 list | sms-optout -d
	[ "$(sms-optout)" = '' ]
	sms-optout -a </dev/null
	seq -f '+1415555%04g' 2500 | sms-optout -a
	[ "$(sms-optout | wc -l)" -eq 2500 ]
}

@test "a bad line is named, the others are taken, 65" {
	run -65 --separate-stderr sms-optout -a < <(printf '%s\n' +14155550100 \
		0415 '\N' +14155550101$'\t'+1 'bad\x' +14155550102; printf +14155550103)
	[ "$output" = '' ]
	diff - <(echo "$stderr") <<-'EOF'
		sms-optout: line 2: recipient is not + and 7 to 15 digits, nor a channel address
		sms-optout: line 3 has no recipient
		sms-optout: line 4: sender is no number, sender id or messaging service
		sms-optout: line 5 has an escape other than \t \n \r \\ \N
		sms-optout: line 7 cut short: no newline at its end
	EOF
	[ "$(pairs)" = '+14155550100 +15005550006
+14155550102 +15005550006' ]
}

@test "deleting what is not there is 1, and the number is masked" {
	sms-optout -a +14155550100
	run -1 --separate-stderr sms-optout -d +14155550101
	[ "$output" = '' ]
	[ "$stderr" = "sms-optout: '+1415…101' is not on the list" ]
	run -1 --separate-stderr sms-optout -d +14155550100 Shop
	run -1 --separate-stderr sms-optout -d < <(printf '%s\n' +14155550101 +14155550100)
	[ "$stderr" = "sms-optout: line 1: '+1415…101' is not on the list" ]
	[ "$(sms-optout)" = '' ]
}

@test "wrong calls are 64" {
	for args in '-a -d +14155550100' '-x' '-t yesterday' 'a b c' \
		'-a 0415' '-a +14155550100 +1'; do
		run -64 --separate-stderr sms-optout $args
		[ "$output" = '' ]
		[ -n "$stderr" ]
	done
	[ ! -e sms.db ]
}

@test "without a store there is nothing to list or delete, and -a makes one" {
	run -78 --separate-stderr sms-optout
	[[ $stderr == *"no database at '$SMS_DB'"* ]]
	run -78 sms-optout -d +14155550100
	[ ! -e sms.db ]
	sms-optout -a +14155550100
	[ -e sms.db ]
}

@test "a full disk is 74" {
	sms-optout -a +14155550100
	run -74 --separate-stderr bash -c 'sms-optout >/dev/full'
	[[ $stderr == *'standard output'* ]]
}

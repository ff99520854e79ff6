# What holds for all tools alike: without a store, with nobody to read what
# they write, on a full disk, with descriptors closed, and once installed.
# (-h, -V and wrong options: man.bats.)

load helper

setup() {
	common_setup
	export WEBHOOK_BASE_URL=http://127.0.0.1:9
	# what has just been asked about is stuck again then
	TOMORROW=$(date -u -d '1 day' +%Y-%m-%dT%H:%M:%SZ)
	export TOMORROW
}
teardown() {
	local status=0
	common_teardown || status=1
	fixed_store_gone
	return $status
}

commands() {
	local f
	for f in "$ROOT"/bin/*.c "$ROOT"/bin/*.sh; do
		basename "${f%.*}"
	done
}

# So many messages that what is written of them fills each buffer and pipe,
# a third each of them delivered, worth a retry, and stuck.
many() {
	local at
	at=$(date -u -d '4 hours ago' +%Y-%m-%dT%H:%M:%SZ)
	sms-apply </dev/null
	sql "WITH RECURSIVE n(i) AS
			(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
		INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
			from_number, sender, body, status, error_code, created_at,
			updated_at, failed_at)
		SELECT printf('SM%032d', i), 'r' || i, 'outbound-api',
			'+447700900101', '+15005550006', '+15005550006', 'hello',
			CASE i % 3 WHEN 0 THEN 'sent' WHEN 1 THEN 'failed'
				ELSE 'delivered' END,
			CASE i % 3 WHEN 1 THEN '30003' END, '$at', '2025-08-21T08:00:00Z', '$at'
			FROM n;
		INSERT INTO webhook_logs (created_at, twilio_message_sid, params,
			status, answer) SELECT created_at, twilio_message_sid,
			'MessageStatus=sent&MessageSid=' || twilio_message_sid,
			'success', 200 FROM messages"
	seq -f '+447700%06.0f' 3000 | sms-optout -a
	sms-list >records
	cut -f 1,2 records >short
	cut -f 6 records | sed 's/$/	hello/' >sends
}

# Calls that write, of each tool that does; "much": more than a pipe holds.
writers() {
	cat <<-'X'
		sms-apply much <short
		sms-apply much -n <short
		sms-apply little -l
		sms-check little stuck
		sms-explain much <records
		sms-explain little -u
		sms-explain little 30003
		sms-json much <records
		sms-json much -n to,body <sends
		sms-list much
		sms-list much -i
		sms-list little -c
		sms-list much -v $(cut -f 1 records)
		sms-log much
		sms-log much -r
		sms-optout much
		sms-report little daily
		sms-report little -l
		sms-report little -H errors
		sms-retry much -w 0s
		sms-send much -n <sends
		sms-sign little http://x/ <sends
		sms-stat little
		sms-stat little -p
		sms-stuck much -n 0 -t "$TOMORROW"
		sms-stuck little -c
		sms-wait much <records
		sms-wait little r2
	X
}

# each_writer redirection command...: runs that for each call there is, in a
# shell that knows it as $call; a failure is named.
each_writer() {
	local name size rest
	while read -r name size rest; do
		[ -x "$ROOT/bin/$name" ] || continue
		export name size call="$name $rest"
		"$@" || { echo "failed: $call"; return 1; }
	done < <(writers)
}

ends_with() {
	local want=$1 status=0
	shift
	timeout 30 "$@" 2>said </dev/null || status=$?
	[ "$status" -eq "$want" ] || { echo "$status, not $want"; cat said; false; }
}

@test "each tool is among those that are tried here, or writes no records" {
	diff <(commands | sort) <({ writers | cut -d ' ' -f 1
		printf 'sms-%s\n' cancel fetch hook lock prune reconcile sim
		} | sort -u | while read -r name; do
			[ ! -e "$ROOT/bin/$name" ] || echo "$name"; done)
}

full() {
	ends_with 74 sh -c "$call >/dev/full" &&
		[ "$(cat said)" = "$name: cannot write standard output: No space left on device" ]
}

closed() {
	ends_with 74 sh -c "$call >&-" &&
		[ "$(cat said)" = "$name: cannot write standard output: Bad file descriptor" ]
}

@test "a full disk is 74 and a message, and so is a closed standard output" {
	many
	each_writer full
	each_writer closed
}

# A reader of one line, and none at all where nobody is killed by SIGPIPE.
head_1() {
	[ "$size" = much ] || return 0
	ends_with 141 bash -o pipefail -c "$call | head -n 1 >line" &&
		[ ! -s said ] && [ -s line ]
}

nobody() {
	mkfifo fifo &&
		ends_with 141 bash -c "trap '' PIPE; exec 5<>fifo 6>fifo 5>&-
			$call >&6 6>&-" && [ ! -s said ] && rm fifo
}

@test "a reader that goes away is not spoken of" {
	many
	each_writer head_1
	each_writer nobody
}

@test "those that ask Twilio lose nothing in silence either" {
	local call
	sim_start
	sms-send -q +447700900101 hello >sent
	sms-send -q -m MG0123456789abcdef0123456789abcdef \
		-a "$(date -u -d '2 hours' +%Y-%m-%dT%H:%M:%SZ)" \
		+447700900100 hello >scheduled
	for call in 'sms-send +447700900101 hello' 'sms-fetch <sent' \
		'sms-fetch -l <sent' 'sms-cancel <scheduled'; do
		echo "$call"
		name=${call%% *}
		full
		closed
		ends_with 141 bash -c "mkfifo fifo; trap '' PIPE
			exec 5<>fifo 6>fifo 5>&-; rm fifo; $call >&6 6>&-"
		[ ! -s said ]
	done
	ends_with 74 sh -c 'sms-reconcile >/dev/full'
	[ "$(cat said)" = 'sms-reconcile: cannot write standard output' ]
	ends_with 74 sh -c 'sms-reconcile >&-'
	[ "$(cat said)" = 'sms-reconcile: cannot write standard output' ]
	ends_with 0 sh -c 'sms-reconcile -q >/dev/full'
	[ ! -s said ]
}

# Some find it empty, some cannot read it; none reads what else it has open.
@test "a closed standard input is empty, or 74 and a message" {
	local call status
	many
	sim_start
	for call in sms-apply sms-cancel sms-explain sms-fetch sms-json \
		'sms-json -r' 'sms-optout -a' sms-send 'sms-send -n' \
		'sms-send +14155550100' 'sms-sign http://x/' sms-wait; do
		echo "$call"
		status=0
		timeout 30 sh -c "$call <&- >out" 2>said || status=$?
		case $status in
		0) [ ! -s said ] ;;
		65) [ "$call" = 'sms-send +14155550100' ] ;;
		74) grep -q "^${call%% *}: cannot read standard input:" said ;;
		*) cat said; false ;;
		esac
		[ ! -s out ]
	done
}

@test "without a store the way out is told, and none is made" {
	local call
	for call in 'sms-apply -l' 'sms-apply -u 1' 'sms-check' \
		'sms-explain -u' sms-list 'sms-list -P' 'sms-list -v r1' \
		sms-log 'sms-log -P' sms-optout 'sms-optout -d +14155550100' \
		sms-prune sms-reconcile 'sms-report daily' 'sms-report -P daily' \
		sms-retry 'sms-sign -d -l 1' sms-stat sms-stuck 'sms-stuck -ax' \
		'sms-wait r1'; do
		[ -x "$ROOT/bin/${call%% *}" ] || continue
		echo "$call"
		# a plugin of Nagios has four statuses, and one line for all
		if [ "${call%% *}" = sms-check ]; then
			ends_with 3 sh -c "$call >>said"
		else
			ends_with 78 sh -c "$call >out"
			[ ! -s out ]
		fi
		grep -qF "no database at '$SMS_DB': SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it" said
		[ ! -e "$SMS_DB" ]
	done
}

@test "README.md and sms(7) list each tool, and nothing that is not there" {
	diff <(commands | sort) \
		<(sed -n 's/^| `\(sms-[a-z]*\)` |.*/\1/p' "$ROOT/README.md" | sort)
	diff <(commands | sort) \
		<(sed -n 's/^\.It Xr \(sms-[a-z]*\) [18]$/\1/p' "$ROOT/man/sms.7" | sort)
	printf 'include Makefile\nlist:\n\t@echo $(PROGS) $(SCRIPTS)\n' >list.mk
	diff <(make -s -C "$ROOT" -f "$PWD/list.mk" list | tr ' ' '\n' |
		sed 's|bin/||' | sort) <(commands | sort)
	# each page is referred to by another
	for page in "$ROOT"/man/*.[1-8]; do
		name=$(basename "$page")
		[ "$name" = sms.7 ] ||
			grep -qE "^\.Xr ${name%.*} |^\.It Xr ${name%.*} " "$ROOT/man/sms.7"
	done
}

@test "install copies all there is, uninstall takes it away" {
	(
		cd "$ROOT"
		commands | sed 's|^|bin/|'
		for page in man/*.[1-8]; do
			echo "share/man/man${page##*.}/${page#man/}"
		done
		find sql -name '*.sql' | sed 's|^|share/smspipe/|'
		find examples -type f | sed 's|^|share/smspipe/|'
	) | sort >wanted
	make -s -C "$ROOT" install PREFIX=/usr DESTDIR="$PWD/root" >log
	(cd root/usr && find . -type f | sed 's|^\./||' | sort) >found
	diff wanted found
	for name in $(commands); do
		[ -x "root/usr/bin/$name" ]
	done
	root/usr/bin/sms-list -V
	make -s -C "$ROOT" uninstall PREFIX=/usr DESTDIR="$PWD/root"
	[ -z "$(find root -type f)" ]
	[ ! -e root/usr/share/smspipe ]
}

# same_to_nobody call...: another user is told what we are of our own copy.
same_to_nobody() {
	SMS_DB=$ours "$@" >want
	as_nobody "$@" >got 2>err || { echo "$*: $?"; cat err; return 1; }
	diff want got
	[ ! -s err ] || { echo "$*"; cat err; return 1; }
}

all_that_look() {
	same_to_nobody sms-stuck -t "$TOMORROW"
	[ "$(cut -f 12 want | xargs)" = 'lost one' ]
	same_to_nobody sms-stuck -t "$TOMORROW" -c
	same_to_nobody sms-stuck -t "$TOMORROW" -i
	same_to_nobody sms-stuck -t "$TOMORROW" -p
	same_to_nobody sms-stuck -t "$TOMORROW" -x -u 1h
	[ -s want ]
	same_to_nobody sms-apply -l
	[ "$(wc -l <want)" -eq 1 ]
	same_to_nobody sms-optout
	[ -s want ]
	run -77 as_nobody sms-sign -d -l 1
	[[ $output == 'signed for none of '* ]]
	same_to_nobody sms-list
	same_to_nobody sms-log
	same_to_nobody sms-report daily
	for call in 'sms-list -vP' 'sms-log -P' 'sms-report -P customer'; do
		run -74 --separate-stderr as_nobody $call
		[ -z "$output" ]
		[ "$stderr" = "${call%% *}: not shown, as -P cannot be noted: cannot write to database '$SMS_DB': Permission denied" ]
	done
	as_nobody sms-fetch -a open -j 1 -d 0 -t "$TOMORROW" >got
	[ "$(cut -f 1 got)" = SM00000000000000000000000000000001 ]
	SMS_DB=$ours sms-stuck -t "$TOMORROW" | as_nobody sms-fetch -j 1 -d 0 -t "$TOMORROW" >got
	[ "$(cut -f 12 got | xargs)" = 'lost one' ]
}

@test "who may only read the store sees all that only looks, and leaves nothing there" {
	sms-apply </dev/null
	at=$(date -u -d '5 hours ago' +%Y-%m-%dT%H:%M:%SZ)
	sql "INSERT INTO messages (twilio_message_sid, ref, direction, to_number,
			body_sha256, status, created_at, sent_at, updated_at) VALUES
		('SM00000000000000000000000000000001', 'one', 'outbound-api',
			'+14155550100', NULL, 'sent', '$at', '$at', ''),
		(NULL, 'lost', 'outbound-api', '+14155550100', 'x', 'ambiguous', '$at', NULL, '');
		INSERT INTO webhook_logs (created_at, params, status, answer, host, target, signature)
			VALUES ('$at', 'a=b', 'bad_signature', 401, 'x', '/', 'AAAA');
		INSERT INTO optouts VALUES ('+14155550100', '+15005550006', '$at', 'manual')"
	echo 'SM00000000000000000000000000000002	sent' | sms-apply >/dev/null
	sim_start
	ours=$SMS_DB
	fixed_store
	all_that_look
	[ "$(find "$FIXED" -name 'sms.db*')" = "$SMS_DB" ]
	# and while another one writes
	chmod 755 "$FIXED"
	chmod 644 "$SMS_DB"
	store_held
	all_that_look
	store_released
}

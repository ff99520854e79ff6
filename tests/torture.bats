# sms-hook is killed or refused by its system wherever it calls that, and finds
# its store in any state; what it has answered with 200 is there all the same,
# once.  With ALL=1 no system call is left out (tests/torture/README).
load helper
load torture

setup() {
	common_setup
	torture_setup
}

teardown() {
	! [ -v holder ] || store_released
	common_teardown
}

# killed shape few: at the system calls of a run.
killed() {
	local n=0 killed=0 acknowledged=0 name k
	begun "$1"
	calls
	while read -r name k _; do
		again
		traced -qq -e "trace=$name" -e "inject=$name:signal=KILL:when=$k"
		! grep -q 'killed by SIGKILL' trace || killed=$((killed + 1))
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken by a kill at $name $k"; return 1; }
		n=$((n + 1))
	done < <(spread calls "$2")
	note "$1: $n points, $killed killed, $acknowledged acknowledged"
	# (how often it polls is not always the same)
	[ "$killed" -gt $((n * 7 / 10)) ]
	[ "$acknowledged" -gt 0 ]
	[ "$SHAPE" = settling ] || [ "$acknowledged" -lt "$n" ]
}

# troubled shape few: a system call fails, each with what it could say.
troubled() {
	local n=0 acknowledged=0 name k error
	begun "$1"
	calls
	# who cannot even unlock waits for himself, and no more is to be seen;
	# brk and rt_sigreturn never return an error
	awk -v all="$ALL" '!$3 && $1 !~ /^(brk|rt_sigreturn)$/ &&
		(all || $1 ~ /^(openat|write|writev|fdatasync|fsync|rename|unlink|fcntl|pwrite64|ftruncate|accept|poll|read|clone|pipe2)$/) {
			n = split("ENOSPC EIO EINTR EMFILE ENOMEM", error)
			for (i = 1; i <= n; i++)
				if (all || i == NR % n + 1) print $1, $2, error[i]
		}' calls >points
	while read -r name k error; do
		again
		traced -qq -e "trace=$name" -e "inject=$name:error=$error:when=$k"
		alive ||
			{ echo "$status by $error of $name $k"; return 1; }
		! grep -E 'killed by SIG(ABRT|BUS|FPE|ILL|SEGV|SYS)' trace ||
			{ echo "by $error of $name $k"; return 1; }
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken by $error of $name $k"; return 1; }
		n=$((n + 1))
	done < <(spread points "$2")
	note "$1: $n points, $acknowledged acknowledged"
	[ "$n" -gt 10 ]
	[ "$acknowledged" -gt 5 ]
}

@test "killed at any system call: a process for a connection" {
	killed connection 20
}

@test "killed at any system call: by CGI" {
	killed cgi 10
}

@test "killed at any system call: a process that listens" {
	killed listening 20
}

@test "killed at any system call: who takes in beside it" {
	killed settling 15
}

@test "any system call fails: a process for a connection" {
	troubled connection 20
}

@test "any system call fails: by CGI" {
	troubled cgi 12
}

@test "any system call fails: a process that listens" {
	troubled listening 20
}

@test "any system call fails: who takes in beside it" {
	troubled settling 15
}

# --- a store that is not as it should be ---

# What somebody else does with the store, and how it ends.
spoilt() {
	rm -f sms.db*
	case $1 in
	absent) ;;
	older|migrating)
		sql 'PRAGMA journal_mode = WAL' >/dev/null
		sql <"$ROOT/sql/schema.sql"
		sql 'PRAGMA user_version = 1' ;;
	*) settled ;;
	esac
	case $1 in
	newer) sql 'PRAGMA user_version = 9999' ;;
	migrating|held) store_held ;;
	held_alone)
		mkfifo lock
		sqlite3 "$SMS_DB" <lock >held 3>&- &
		holder=$!
		exec 8>lock
		echo 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;
			SELECT 1;' >&8
		until_true 10 test -s held ;;
	broken) mv sms.db kept; echo 'no database, but some text' >sms.db ;;
	directory) mv sms.db kept; mkdir sms.db ;;
	esac
}

mended() {
	case $1 in
	newer) sql "PRAGMA user_version = $version" ;;
	broken) mv kept sms.db ;;
	directory) rmdir sms.db; mv kept sms.db ;;
	migrating)
		# what another smspipe would do, and then it is done
		{ cat "$ROOT/sql/schema-2.sql"; echo 'PRAGMA user_version = 2;
			COMMIT;'; } >&8 ;;
	esac
	! [ -v holder ] || store_released
	unset holder
	rm -f lock held
}

@test "whatever is wrong with the store, the callback is taken and gets there" {
	settled
	version=$(sql 'PRAGMA user_version')
	built door
	request "MessageSid=$SID&MessageStatus=delivered&N=second" >second
	for SHAPE in connection cgi listening; do
		for state in absent older migrating newer held held_alone \
			broken directory; do
			spoilt $state
			rm -f answer
			served 8>&- 3>&- &
			hook=$!
			until_true 10 answered answer 2>/dev/null ||
				{ echo "$SHAPE, $state: no answer"; return 1; }
			mended $state
			wait $hook
			settled
			gone
			[ "$(times N=second)" = 1 ]
			[ "$(sql 'PRAGMA user_version')" = "$version" ]
			[ "$(sql 'PRAGMA integrity_check')" = ok ]
		done
	done
}

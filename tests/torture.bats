# sms-hook is killed, denied memory, lied to by its system and attacked; what it
# has answered with 200 is there all the same, once.  Each test takes a sample;
# with ALL=1 it takes all there is (tests/torture/README).
load helper
load torture

setup() {
	common_setup
	torture_setup
}

teardown() {
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
	echo "$1: $n points, $killed killed, $acknowledged acknowledged"
	[ "$killed" -gt $((n * 9 / 10)) ]
	[ "$acknowledged" -gt 0 ]
	[ "$SHAPE" = settling ] || [ "$acknowledged" -lt "$n" ]
}

# It has ended by itself, or because it was told to before it could hear that.
alive() {
	[ "$status" -lt 124 ] || [ "$status" -eq 143 ]
}

# troubled shape few: a system call fails, each with what it could say.
troubled() {
	local n=0 acknowledged=0 name k error
	begun "$1"
	calls
	# who cannot even unlock waits for himself, and no more is to be seen;
	# before main, which begins with an fcntl, the C library may just crash
	[ "$SHAPE" = settling ] && begun=1 || begun=
	awk -v all="$ALL" -v begun=$begun '$1 == "fcntl" { begun = 1 }
		begun && !$3 && (all || $1 ~ /^(openat|write|writev|fdatasync|fsync|rename|unlink|fcntl|pwrite64|ftruncate|accept|poll|read|clone|pipe2)$/) {
			n = split("ENOSPC EIO EINTR EMFILE ENOMEM", error)
			for (i = 1; i <= n; i++)
				if (all || i == NR % n + 1) print $1, $2, error[i]
		}' calls >points
	while read -r name k error; do
		again
		traced -qq -e "trace=$name" -e "inject=$name:error=$error:when=$k"
		alive ||
			{ echo "$status by $error of $name $k"; return 1; }
		! grep 'killed by' trace
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken by $error of $name $k"; return 1; }
		n=$((n + 1))
	done < <(spread points "$2")
	echo "$1: $n points, $acknowledged acknowledged"
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

# starved shape few: memory runs out at one allocation.
starved() {
	local most n=0 acknowledged=0 at
	begun "$1"
	rm -f counted
	served env LD_PRELOAD="$PWD/fail.so" FAIL_LOG="$PWD/counted" FAIL_AT=0
	answered answer
	most=$(sort -n counted | tail -n 1)
	[ "$most" -gt 100 ]
	# the first ones are those before the answer
	{
		spread <(seq 60) "$2"
		spread <(seq 61 "$most") "$2"
	} >points
	while read -r at; do
		again
		rm -f counted
		served env LD_PRELOAD="$PWD/fail.so" FAIL_LOG="$PWD/counted" \
			FAIL_AT="$at"
		alive || { echo "$status at $at"; return 1; }
		[ -s counted ] || { echo "none failed at $at"; return 1; }
		! answered answer || acknowledged=$((acknowledged + 1))
		promise_kept || { echo "broken at allocation $at"; return 1; }
		n=$((n + 1))
	done <points
	echo "$1: $n of $most points, $acknowledged acknowledged"
	[ "$acknowledged" -gt 0 ]
	[ "$acknowledged" -lt "$n" ]
}

@test "memory runs out at any allocation" {
	dynamic
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -shared -fPIC -o fail.so \
		"$ROOT/tests/torture/fail.c"
	starved connection 15
	starved cgi 10
	starved listening 15
}

@test "without syncs the test of their order fails" {
	dynamic
	for shape in connection listening cgi; do
		begun $shape
		rm sms.db.spool.taking
		[ "$(order)" = 'name line synced answer ' ]
		again
		rm sms.db.spool.taking
		[ "$(order -E LD_PRELOAD=libeatmydata.so)" = 'line answer ' ]
	done
}

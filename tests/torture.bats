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

# troubled shape few: a system call fails, each with what it could say.
troubled() {
	local n=0 acknowledged=0 name k error
	begun "$1"
	calls
	# (who cannot even unlock waits for himself, and no more is to be seen)
	awk -v all="$ALL" '!$3 && (all || $1 ~ /^(openat|write|writev|fdatasync|fsync|rename|unlink|fcntl|pwrite64|ftruncate|accept|poll|read|clone|pipe2)$/) {
			n = split("ENOSPC EIO EINTR EMFILE ENOMEM", error)
			for (i = 1; i <= n; i++)
				if (all || i == NR % n + 1) print $1, $2, error[i]
		}' calls >points
	while read -r name k error; do
		again
		traced -qq -e "trace=$name" -e "inject=$name:error=$error:when=$k"
		[ "$status" -lt 124 ] ||
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
	killed connection 30
}

@test "killed at any system call: by CGI" {
	killed cgi 15
}

@test "killed at any system call: a process that listens" {
	killed listening 30
}

@test "killed at any system call: who takes in beside it" {
	killed settling 20
}

@test "any system call fails: a process for a connection" {
	troubled connection 30
}

@test "any system call fails: by CGI" {
	troubled cgi 15
}

@test "any system call fails: a process that listens" {
	troubled listening 30
}

@test "any system call fails: who takes in beside it" {
	troubled settling 20
}

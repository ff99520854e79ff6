load helper

setup() { common_setup; }
teardown() { common_teardown; }

@test "one at a time, and -n ends at once" {
	mkfifo go
	start sms-lock job sh -c 'echo in; read x <go'
	until_true 10 grep -q in sms-lock.out
	run -75 sms-lock -n job echo never
	[ "$output" = '' ]
	run -3 sms-lock -n -e 3 job echo never
	run -0 sms-lock -n other echo 'another lock'
	[ "$output" = 'another lock' ]
	echo >go
	wait "$STARTED_PID"
	run -0 sms-lock -n job echo free
	[ "$output" = free ]
}

@test "a lock ends with its process, even one that is killed" {
	start sms-lock job sh -c 'echo in; exec sleep 100'
	until_true 10 grep -q in sms-lock.out
	run -75 sms-lock -n job echo never
	kill -KILL "$STARTED_PID"
	wait "$STARTED_PID" || :
	run -0 sms-lock -n job echo free
}

@test "the children of a shell do not drop the lock" {
	mkfifo go
	start sms-lock job sh -c 'exec 3>&1 4>&1 5>&1 9>&1; echo a | cat; (true); exec 9>&- 5>&-; echo in; read x <go'
	until_true 10 grep -q in sms-lock.out
	run -75 sms-lock -n job echo never
	echo >go
	wait "$STARTED_PID"
}

@test "the command's status is its own; one that cannot run is 71" {
	run -42 sms-lock job sh -c 'exit 42'
	run -71 --separate-stderr sms-lock job ./no-such-command
	[ "$stderr" = "sms-lock: cannot run './no-such-command': No such file or directory" ]
	SMS_DB=/no/such/dir/sms.db run -74 --separate-stderr sms-lock job true
	run -64 sms-lock job
	[ -e sms.db.job.lock ]
}

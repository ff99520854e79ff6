/*
 * slow: a disk that takes SYNC_MS milliseconds for every sync.  As a library
 * for LD_PRELOAD, or linked in front of the C library where that is static.
 * Each call waits for itself, as those of one file do that the kernel joins.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
wait_for_disk(void)
{
	const char *s = getenv("SYNC_MS");
	long ms = s != NULL ? atol(s) : 0;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

int
fsync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	wait_for_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

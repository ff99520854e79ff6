/*
 * shooter - kill processes of one name, here and there
 *
 *	shooter name count
 *
 * Looks for those that are called so, again and again, and kills one of three
 * that it sees, whatever they do, until it has killed so many.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "die.h"
#include "num.h"

enum { PAUSE_US = 3000, ONE_OF = 3 };

const char progname[] = "shooter";

/* True if that process is called so and has not ended. */
static int
is_target(const char *pid, const char *name)
{
	char path[300], stat[200];
	size_t len = strlen(name);
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if ((fd = open(path, O_RDONLY)) < 0)
		return 0;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = '\0';
	n = (ssize_t)strcspn(stat, "(");
	return strncmp(stat + n + (stat[n] != '\0'), name, len) == 0 &&
		strncmp(stat + n + 1 + len, ") ", 2) == 0 &&
		strchr("ZX", stat[n + 1 + (ssize_t)len + 2]) == NULL;
}

int
main(int argc, char *argv[])
{
	struct timespec pause = { 0, 0 };
	long long count, killed = 0, pid;
	struct dirent *e;
	DIR *dir;

	if (argc != 3 || num_parse(argv[2], 1, 1000000, &count) != 0 ||
	    (dir = opendir("/proc")) == NULL)
		die(BAD_USAGE, "usage: shooter name count");
	srand((unsigned)getpid());
	while (killed < count) {
		rewinddir(dir);
		while (killed < count && (e = readdir(dir)) != NULL)
			if (num_parse(e->d_name, 1, 0x7fffffff, &pid) == 0 &&
			    is_target(e->d_name, argv[1]) &&
			    rand() % ONE_OF == 0 &&
			    kill((pid_t)pid, SIGKILL) == 0)
				killed++;
		pause.tv_nsec = rand() % PAUSE_US * 1000L;
		nanosleep(&pause, NULL);
	}
	closedir(dir);
	return 0;
}

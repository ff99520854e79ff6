/*
 * A line for each minute, the newest last, all of the same length: the time,
 * requests, rows.  Who changes the file holds a lock on it and writes it with
 * one call.  Killed before it is cut to its new length: lines that were there
 * before follow, which changes no number, as the store takes the largest one
 * of a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "num.h"
#include "tally.h"
#include "when.h"

enum {
	PATH_SIZE = 4096,
	LINE = WHEN_SIZE - 1 + 13 + 4 + 1,
	REQUESTS_MAX = 999999999,
	ROWS_MAX = 999,
	LATE_S = 60,         /* longer than any request may take */
	TRIES = 500,         /* for a lock that is held for microseconds */
	TRY_NS = 1000000
};

static int
open_locked(const char *spool, int flags, int tries)
{
	struct timespec step = { 0, TRY_NS };
	char path[PATH_SIZE];
	struct flock l;
	int n = snprintf(path, sizeof(path), "%s.refused", spool), fd, saved;

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((fd = open(path, flags | O_NOFOLLOW, 0600)) < 0)
		return -1;
	memset(&l, 0, sizeof(l));
	l.l_type = F_WRLCK;
	l.l_whence = SEEK_SET;
	while (fcntl(fd, F_SETLK, &l) != 0) {
		/* never for long: a process that is stopped may hold it */
		if ((errno == EACCES || errno == EAGAIN) && --tries > 0) {
			nanosleep(&step, NULL);
			continue;
		}
		/* EACCES is only said of a file that may not be opened */
		saved = errno == EACCES ? EAGAIN : errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
load(int fd, struct tally t[TALLY_MINUTES])
{
	char text[TALLY_MINUTES * LINE], *line;
	ssize_t len = pread(fd, text, sizeof(text), 0);
	int n = 0;

	for (line = text; len >= LINE; line += LINE, len -= LINE) {
		line[WHEN_SIZE - 1] = line[WHEN_SIZE + 12] = '\0';
		line[LINE - 1] = '\0';
		if (when_parse(line, &t[n].minute) != 0 ||
		    num_parse(line + WHEN_SIZE, 0, 1LL << 50,
		    &t[n].requests) != 0 ||
		    num_parse(line + WHEN_SIZE + 13, 0, ROWS_MAX,
		    &t[n].rows) != 0)
			break;
		n++;
	}
	return n;
}

static int
save(int fd, const struct tally *t, int n)
{
	char text[TALLY_MINUTES * LINE + 1], at[WHEN_SIZE];
	size_t len = (size_t)n * LINE;
	ssize_t wrote;
	int i;

	for (i = 0; i < n; i++)
		snprintf(text + (size_t)i * LINE, LINE + 1,
			"%s %012lld %03lld\n", when_format(at, t[i].minute),
			t[i].requests, t[i].rows);
	if (len > 0 && (wrote = pwrite(fd, text, len, 0)) != (ssize_t)len) {
		if (wrote >= 0)
			errno = ENOSPC;
		return -1;
	}
	return ftruncate(fd, (off_t)len);
}

int
tally_add(const char *spool, long long now, long long requests, int rows,
	int wait, struct tally *t, struct tally *past)
{
	struct tally all[TALLY_MINUTES], *last;
	long long minute = now - now % 60, newest;
	int fd = open_locked(spool, O_RDWR | O_CREAT, wait ? TRIES : 1);
	int n, r, saved;

	past->requests = 0;
	if (fd < 0)
		return -1;
	n = load(fd, all);
	/* a request that comes late, and not a clock that was set back */
	newest = n > 0 ? all[n - 1].minute : -1;
	if (minute < newest && newest - minute <= LATE_S)
		minute = newest;
	if (minute != newest) {
		if (n > 0)
			*past = all[n - 1];
		if (n == TALLY_MINUTES) {
			/* the store has been away for long */
			n--;
			all[n - 1].requests += all[n].requests;
		}
		memset(&all[n], 0, sizeof(all[n]));
		all[n++].minute = minute;
	}
	last = &all[n - 1];
	last->requests += requests;
	last->rows += rows;
	if (last->requests > REQUESTS_MAX)
		last->requests = REQUESTS_MAX;
	if (last->rows > ROWS_MAX)
		last->rows = ROWS_MAX;
	*t = *last;
	r = save(fd, all, n);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int
tally_read(const char *spool, struct tally t[TALLY_MINUTES])
{
	int fd = open_locked(spool, O_RDWR, 1), n;

	if (fd < 0)
		return 0;
	n = load(fd, t);
	close(fd);
	return n;
}

void
tally_drop(const char *spool, const struct tally *t, int n)
{
	struct tally all[TALLY_MINUTES];
	int fd = open_locked(spool, O_RDWR, 1), i, done, total;

	if (fd < 0)
		return;
	total = load(fd, all);
	for (done = i = 0; i < n && done < total; i++)
		if (memcmp(&all[done], &t[i], sizeof(t[i])) == 0)
			done++;
	if (done > 0)
		save(fd, all + done, total - done);
	close(fd);
}

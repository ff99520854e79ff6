/*
 * Three files: PATH, to which lines are added; PATH.taking, which one taker
 * has set aside; PATH.lock, which that taker holds.
 *
 *   add    A  open PATH, take a shared lock on it
 *          B  is it still what PATH names?  else from the start
 *          C  if it is empty: fsync the directory, and begin with a comment
 *             that no other spool has, its id; write the lines in one
 *             call; fdatasync; close, which gives up the lock
 *   take   1  lock PATH.lock
 *          2  rename PATH to PATH.taking, unless that is there already
 *          3  lock PATH.taking: nobody is within A..C on it from now on
 *          4  each(): all lines in one transaction, which notes their id
 *          5  remove PATH.taking
 *          6  unlock; if PATH has lines again, from the start
 *
 * Killed in C: a line may be cut.  Nobody was told that it is durable, and
 * since what is added begins with a newline, the next one is whole.
 * Killed after 2 or in 4: PATH.taking is there, and the next taker goes on
 * with it.  Killed between 4 and 5: so it does, and the id tells it that the
 * lines were taken; the file's number and times would not do, as the next file
 * may get the same ones.  An adder that opened PATH before 2 gets its lock
 * before 3 and is waited for, or not at all, and then opens PATH again.  Who
 * adds a line while a taker is in 3..5 need not take it: 6 does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "spool.h"

enum { PATH_SIZE = 4096, ID_MAX = 80 };

static int
lock(int fd, int how, short type)
{
	struct flock l;
	int r;

	memset(&l, 0, sizeof(l));
	l.l_type = type;
	l.l_whence = SEEK_SET;
	while ((r = fcntl(fd, how, &l)) != 0 && errno == EINTR)
		;
	return r;
}

static int
busy(void)
{
	return errno == EACCES || errno == EAGAIN;
}

/* Syncs the directory that path is in: its new name is durable then. */
static int
sync_directory(const char *path)
{
	char dir[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	int fd, r, saved;

	if (n >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = open(slash == NULL ? "." : n == 0 ? "/" : dir, O_RDONLY);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

/* Steps A and B. */
static int
open_for_adding(const char *path, struct stat *st)
{
	struct stat now;
	int fd, saved;

	for (;;) {
		fd = open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
		if (fd < 0)
			return -1;
		/* held exclusively means that it was set aside */
		if (lock(fd, F_SETLK, F_RDLCK) == 0) {
			if (fstat(fd, st) != 0)
				break;
			if (stat(path, &now) == 0 && now.st_dev == st->st_dev &&
			    now.st_ino == st->st_ino)
				return fd;
		} else if (!busy()) {
			break;
		}
		close(fd);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* How a spool begins: never twice the same. */
static size_t
write_id(char id[ID_MAX])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (size_t)snprintf(id, ID_MAX, "\n#%lld.%09ld.%ld",
		(long long)now.tv_sec, now.tv_nsec, (long)getpid());
}

/*
 * Makes comments of the lines that end where fd is, len bytes of them.  Their
 * adder was told that they are not durable and puts them elsewhere.
 */
static void
unsay(int fd, const char *lines, size_t len)
{
	off_t start = lseek(fd, 0, SEEK_CUR) - (off_t)len;
	int flags = fcntl(fd, F_GETFL);
	const char *s = lines, *end = lines + len;

	if (start < 0 || flags < 0 ||
	    fcntl(fd, F_SETFL, flags & ~O_APPEND) != 0)
		return;
	while (s != NULL && s < end) {
		while (pwrite(fd, "#", 1, start + (s - lines)) < 0 &&
		    errno == EINTR)
			;
		if ((s = memchr(s, '\n', (size_t)(end - s))) != NULL)
			s++;
	}
}

int
spool_add(const char *path, const char *lines, size_t len)
{
	char id[ID_MAX];
	struct iovec whole[3] = {
		{ id, 0 }, { "\n", 1 }, { (void *)lines, len }
	};
	struct stat st;
	size_t before;
	ssize_t n;
	int fd, r = 0, saved;

	if ((fd = open_for_adding(path, &st)) < 0)
		return -1;
	if (st.st_size == 0 && (r = sync_directory(path)) == 0)
		whole[0].iov_len = write_id(id);
	before = whole[0].iov_len + 1;
	if (r == 0) {
		while ((n = writev(fd, whole, 3)) < 0 && errno == EINTR)
			;
		if (n >= 0 && (size_t)n < before + len)
			errno = ENOSPC;
		if (n < 0 || (size_t)n < before + len || fdatasync(fd) != 0)
			r = -1;
		saved = errno;
		if (r != 0 && n > (ssize_t)before)
			unsay(fd, lines, (size_t)n - before);
		errno = saved;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

/* Steps 2 and 3; -1 with ENOENT when nothing waits. */
static int
set_aside(const char *path, const char *taking)
{
	int fd, saved;

	while ((fd = open(taking, O_RDWR)) < 0)
		if (errno != ENOENT || rename(path, taking) != 0)
			return -1;
	if (lock(fd, F_SETLKW, F_WRLCK) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* The id of a spool; one that was cut in the middle of it has another. */
static int
read_id(int fd, char id[ID_MAX])
{
	struct stat st;
	ssize_t n;
	char *end;

	if (fstat(fd, &st) != 0)
		return -1;
	while ((n = pread(fd, id, ID_MAX - 1, 0)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return -1;
	id[n] = '\0';
	if (id[0] == '\n' && id[1] == '#' && (end = strchr(id + 1, '\n')) != NULL) {
		*end = '\0';
		memmove(id, id + 2, (size_t)(end - id) - 1);
	} else {
		snprintf(id, ID_MAX, "%llu.%lld.%09ld",
			(unsigned long long)st.st_ino,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	return 0;
}

/* Steps 2 to 5; 1 when nothing waits. */
static int
take_one(const char *path, const char *taking,
	int (*each)(void *ctx, int fd, const char *id), void *ctx)
{
	char id[ID_MAX];
	int fd, r, saved;

	if ((fd = set_aside(path, taking)) < 0)
		return errno == ENOENT ? 1 : -1;
	if ((r = read_id(fd, id)) == 0)
		r = each(ctx, fd, id);
	if (r == 0)
		r = unlink(taking);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static int
taking_path(char taking[PATH_SIZE], const char *path)
{
	int n = snprintf(taking, PATH_SIZE, "%s.taking", path);

	if (n >= 0 && n < PATH_SIZE)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int
spool_waits(const char *path)
{
	char taking[PATH_SIZE];

	return access(path, F_OK) == 0 || (taking_path(taking, path) == 0 &&
		access(taking, F_OK) == 0);
}

int
spool_take(const char *path, int wait,
	int (*each)(void *ctx, int fd, const char *id), void *ctx)
{
	char taking[PATH_SIZE], held[PATH_SIZE];
	int fd, r, saved;

	if (taking_path(taking, path) != 0)
		return -1;
	snprintf(held, sizeof(held), "%s.lock", path);
	/* where there is nothing, nothing is made */
	if (!spool_waits(path))
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if ((fd = open(held, O_RDWR | O_CREAT, 0600)) < 0)
		return -1;
	do {
		if (lock(fd, wait ? F_SETLKW : F_SETLK, F_WRLCK) != 0) {
			r = busy() ? 0 : -1;
			break;
		}
		while ((r = take_one(path, taking, each, ctx)) == 0)
			;
		saved = errno;
		lock(fd, F_SETLK, F_UNLCK);
		errno = saved;
	} while (r == 1 && access(path, F_OK) == 0);
	saved = errno;
	close(fd);
	errno = saved;
	return r == 1 ? 0 : r;
}

/* Adds what is in one file; one that is not there holds nothing. */
static int
measure_one(const char *path, struct spool_size *size)
{
	char id[ID_MAX], block[65536];
	long long lines = 0, since;
	struct stat st;
	int at_start = 1, fd, saved;
	ssize_t i, n;

	if ((fd = open(path, O_RDONLY)) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(fd, &st) != 0 || read_id(fd, id) != 0)
		goto failed;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto failed;
		size->bytes += n;
		for (i = 0; i < n; i++) {
			lines += at_start && block[i] != '#' &&
				block[i] != '\n';
			at_start = block[i] == '\n';
		}
	}
	close(fd);
	/* an id that is its own begins with the second it was made in */
	since = strtoll(id, NULL, 10);
	if (since <= 0 || since > (long long)st.st_mtime)
		since = (long long)st.st_mtime;
	if (lines > 0 && (size->since == 0 || since < size->since))
		size->since = since;
	size->lines += lines;
	return 0;
failed:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
spool_measure(const char *path, struct spool_size *size)
{
	char taking[PATH_SIZE];
	int n = snprintf(taking, sizeof(taking), "%s.taking", path);

	memset(size, 0, sizeof(*size));
	if (n < 0 || (size_t)n >= sizeof(taking)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return measure_one(taking, size) != 0 ? -1 : measure_one(path, size);
}

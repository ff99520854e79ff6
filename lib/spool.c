/*
 * Three files: PATH, to which lines are added; PATH.taking, which one taker
 * has set aside; PATH.lock, which that taker holds.
 *
 *   add    A  open PATH, take a shared lock on its byte USED
 *          B  is it still what PATH names?  else from the start
 *          C  if it is empty: fsync the directory
 *          D  lock its byte WRITTEN: from here to F one process at a time
 *          E  the lines go behind the last byte that is no newline, in one
 *             call; if the file is empty, behind a comment that no other
 *             spool has, its id; if it is too short for them, newlines up to
 *             a multiple of ROOM go behind them
 *          F  unlock WRITTEN; fdatasync; close, which gives up USED
 *   take   1  lock byte TAKEN of PATH.lock
 *          2  rename PATH to PATH.taking, unless that is there already
 *          3  lock USED of PATH.taking: nobody is within A..F from now on
 *             (or somebody was stopped there: give up, the file stays)
 *          4  each(): all lines in one transaction, which notes their id
 *          5  remove PATH.taking
 *          6  unlock; others may take what has come meanwhile
 *   stay   a  lock byte STAYED of PATH.lock, or leave it to who has it
 *          b  take; if PATH has lines again, a little later once more
 *          c  unlock; if PATH has lines again, from the start
 *
 * The newlines are there because a disk is told of bytes in the place of
 * others in half the time that it takes to tell it of a longer file as well
 * (tests/bench/README).  They are empty lines, so a spool stays text.
 *
 * Killed in E: a line may be cut.  Nobody was told that it is durable, and
 * since what is added begins with a newline, the next one is whole.  After a
 * loss of power more than the end of such a line may be missing, but of no line
 * that was synced, as that sync took all that stood before it along.
 * Killed after 2 or in 4: PATH.taking is there, and the next taker goes on
 * with it.  Killed between 4 and 5: so it does, and the id tells it that the
 * lines were taken; the file's number and times would not do, as the next file
 * may get the same ones.  An adder that opened PATH before 2 gets its lock
 * before 3 and is waited for, or not at all, and then opens PATH again.  Who
 * adds a line while somebody stays leaves it to him: b or c sees it.  Others
 * than those who stay add none.
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
#include "when.h"

enum {
	PATH_SIZE = 4096, ID_MAX = 80,
	BLOCK = 4096,
	ROOM = 4 * BLOCK,      /* for some 30 lines */
	STEP_US = 100,
	PATIENCE_MS = 1000,    /* for who adds */
	TAKE_MS = 5000         /* for them to end, a sync among it */
};

/* Bytes that are locked, whether the file has them or not. */
enum {
	USED, WRITTEN,         /* of PATH */
	TAKEN = 0, STAYED      /* of PATH.lock */
};

static int
lock(int fd, int how, short type, off_t byte)
{
	struct flock l;
	int r;

	memset(&l, 0, sizeof(l));
	l.l_type = type;
	l.l_whence = SEEK_SET;
	l.l_start = byte;
	l.l_len = 1;
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

/*
 * In a directory that is open to others nobody else's lines may get in.
 * Returns 0, or -1 with errno.
 */
static int
is_ours(const struct stat *st)
{
	if (S_ISREG(st->st_mode) && (st->st_uid == geteuid() ||
	    geteuid() == 0))
		return 0;
	errno = EPERM;
	return -1;
}

/*
 * After a lock that was not given: waits a moment and returns 1, or 0 when
 * there is no use in another try.  Nobody holds these locks for longer than it
 * takes to copy and sync a line, or to set the file aside; only who was stopped
 * meanwhile does, and by that time the lines go elsewhere, or wait for another
 * taker.
 */
static int
once_more(long long by)
{
	const struct timespec step = { 0, STEP_US * 1000 };

	if (!busy() || when_mono_ms() >= by)
		return 0;
	nanosleep(&step, NULL);
	return 1;
}

/* Steps A and B. */
static int
open_for_adding(const char *path, struct stat *st, long long by)
{
	struct stat now;
	int fd, saved;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			return -1;
		/* held exclusively means that it was set aside */
		if (lock(fd, F_SETLK, F_RDLCK, USED) == 0) {
			if (fstat(fd, st) != 0 || is_ours(st) != 0)
				break;
			if (stat(path, &now) == 0 && now.st_dev == st->st_dev &&
			    now.st_ino == st->st_ino)
				return fd;
		} else if (!once_more(by)) {
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

/* Locks a byte that others have for a moment only. */
static int
lock_by(int fd, off_t byte, long long by)
{
	int r;

	while ((r = lock(fd, F_SETLK, F_WRLCK, byte)) != 0 && once_more(by))
		;
	return r;
}

/* Where the next line goes: behind the last byte that is no newline, or -1. */
static off_t
find_end(int fd, off_t size)
{
	char block[BLOCK];
	ssize_t n;

	while (size > 0) {
		off_t at = (size - 1) / BLOCK * BLOCK;

		while ((n = pread(fd, block, (size_t)(size - at), at)) < 0 &&
		    errno == EINTR)
			;
		if (n != size - at)
			return -1;
		while (n > 0 && block[n - 1] == '\n')
			n--;
		if (n > 0)
			return at + n;
		size = at;
	}
	return 0;
}

/* Makes comments of the len bytes of lines that were written at that place. */
static void
unsay(int fd, const char *lines, size_t len, off_t at)
{
	const char *s = lines, *end = lines + len;

	while (s != NULL && s < end) {
		while (pwrite(fd, "#", 1, at + (s - lines)) < 0 &&
		    errno == EINTR)
			;
		if ((s = memchr(s, '\n', (size_t)(end - s))) != NULL)
			s++;
	}
}

/* What step E writes, and where. */
struct addition {
	off_t at;        /* of the first byte */
	size_t before;   /* bytes ahead of the lines */
	size_t written;  /* bytes, of all */
};

/* Step E.  Returns 0, or -1 with errno. */
static int
write_lines(int fd, const char *lines, size_t len, struct addition *a)
{
	char id[ID_MAX], room[BLOCK];
	struct iovec whole[3 + ROOM / BLOCK] = {
		{ id, 0 }, { "\n", 1 }, { (void *)lines, len }
	};
	size_t more;
	struct stat st;
	ssize_t n;
	int k = 3;

	if (fstat(fd, &st) != 0 || (a->at = find_end(fd, st.st_size)) < 0 ||
	    lseek(fd, a->at, SEEK_SET) < 0)
		return -1;
	if (a->at == 0)
		whole[0].iov_len = write_id(id);
	a->before = whole[0].iov_len + 1;
	more = (size_t)a->at + a->before + len;
	if (more >= (size_t)st.st_size) {
		memset(room, '\n', sizeof(room));
		for (more = ROOM - more % ROOM; more > 0; k++) {
			whole[k].iov_base = room;
			whole[k].iov_len = more < BLOCK ? more : BLOCK;
			more -= whole[k].iov_len;
		}
	}
	while ((n = writev(fd, whole, k)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return -1;
	a->written = (size_t)n;
	/* newlines may be missing, as when the disk is full */
	if (a->written >= a->before + len)
		return 0;
	errno = ENOSPC;
	return -1;
}

int
spool_add(const char *path, const char *lines, size_t len)
{
	long long by = when_mono_ms() + PATIENCE_MS;
	struct addition a = { 0, 0, 0 };
	struct stat st;
	int fd, r, saved;

	if ((fd = open_for_adding(path, &st, by)) < 0)
		return -1;
	if ((r = st.st_size == 0 ? sync_directory(path) : 0) == 0 &&
	    (r = lock_by(fd, WRITTEN, by)) == 0) {
		r = write_lines(fd, lines, len, &a);
		saved = errno;
		lock(fd, F_SETLK, F_UNLCK, WRITTEN);
		errno = saved;
	}
	if (r == 0)
		r = fdatasync(fd);
	saved = errno;
	if (r != 0 && a.written > a.before)
		unsay(fd, lines, a.written < a.before + len ?
			a.written - a.before : len, a.at + (off_t)a.before);
	close(fd);
	errno = saved;
	return r;
}

/* Steps 2 and 3; -1 with ENOENT when nothing waits. */
static int
set_aside(const char *path, const char *taking)
{
	struct stat st;
	int fd, saved;

	while ((fd = open(taking, O_RDWR | O_NOFOLLOW)) < 0)
		if (errno != ENOENT || stat(path, &st) != 0 ||
		    is_ours(&st) != 0 || rename(path, taking) != 0)
			return -1;
	if (fstat(fd, &st) == 0 && is_ours(&st) == 0 &&
	    lock_by(fd, USED, when_mono_ms() + TAKE_MS) == 0)
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

/*
 * Steps 1 to 6 for what is there, which is more than what somebody else has
 * set aside.  Returns 0, what each() returned, or -1 with errno.
 */
static int
take_turn(int fd, const char *path, const char *taking, int wait,
	int (*each)(void *ctx, int fd, const char *id), void *ctx)
{
	int left, r, saved;

	if (lock(fd, wait ? F_SETLKW : F_SETLK, F_WRLCK, TAKEN) != 0)
		return busy() ? 0 : -1;
	left = access(taking, F_OK) == 0;
	r = take_one(path, taking, each, ctx);
	if (r == 0 && left)
		r = take_one(path, taking, each, ctx);
	saved = errno;
	lock(fd, F_SETLK, F_UNLCK, TAKEN);
	errno = saved;
	return r == 1 ? 0 : r;
}

/* As one who stays: turn by turn until nothing waits, unless one does that. */
static int
stay(int fd, const char *path, const char *taking,
	int (*each)(void *ctx, int fd, const char *id), void *ctx, int *left)
{
	int r;

	if (lock(fd, F_SETLK, F_WRLCK, STAYED) != 0) {
		*left = 1;
		return busy() ? 0 : -1;
	}
	while ((r = take_turn(fd, path, taking, 1, each, ctx)) == 0 &&
	    spool_waits(path))
		when_sleep_ms(SPOOL_GATHER_MS);
	return r;
}

int
spool_take(const char *path, enum spool_taker how,
	int (*each)(void *ctx, int fd, const char *id), void *ctx)
{
	char taking[PATH_SIZE], held[PATH_SIZE];
	int fd, r, left = how != SPOOL_STAY, saved;

	if (taking_path(taking, path) != 0)
		return -1;
	snprintf(held, sizeof(held), "%s.lock", path);
	/* where there is nothing, nothing is made */
	if (!spool_waits(path))
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	do {
		fd = open(held, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		r = how == SPOOL_STAY ?
			stay(fd, path, taking, each, ctx, &left) :
			take_turn(fd, path, taking, how == SPOOL_WAIT, each, ctx);
		saved = errno;
		close(fd);
		errno = saved;
		/* who came between the last look and the close has left */
	} while (r == 0 && !left && spool_waits(path));
	return r;
}

/* Adds what is in one file; one that is not there holds nothing. */
static int
measure_one(const char *path, struct spool_size *size)
{
	char id[ID_MAX], block[65536];
	long long lines = 0, end = 0, at = 0, since;
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
		for (i = 0; i < n; i++, at++) {
			lines += at_start && block[i] != '#' &&
				block[i] != '\n';
			/* of an empty line nothing but the end counts */
			if (!at_start || block[i] != '\n')
				end = at + 1;
			at_start = block[i] == '\n';
		}
	}
	close(fd);
	size->bytes += end;
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

	memset(size, 0, sizeof(*size));
	if (taking_path(taking, path) != 0)
		return -1;
	return measure_one(taking, size) != 0 ? -1 : measure_one(path, size);
}

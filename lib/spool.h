/*
 * spool: lines that are durable at once and are taken in, all together, by
 * whoever comes first.  One synced line costs a fraction of what opening a
 * database and committing to it does, and nobody keeps it waiting for long.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stddef.h>

/*
 * Adds lines, each of which ends in a newline, with one sync.  Returns 0 once
 * they are on the disk, or -1 with errno; then some may be there, the last one
 * perhaps in part, as comments: lines that begin with #.  There are other
 * comments, and empty lines, many of them at the end: room for what follows.
 * EAGAIN: somebody has kept the file locked for a second.
 */
int spool_add(const char *path, const char *lines, size_t len);

/*
 * What a taker does while another one is at it, and when more comes.
 *
 *   WAIT  waits for that one, then takes what is there
 *   ONCE  takes what is there, or nothing; has to look again
 *   STAY  takes what is there and comes, in lots SPOOL_GATHER_MS apart, until
 *         nothing waits; leaves it to another one who stays
 */
enum spool_taker { SPOOL_WAIT, SPOOL_ONCE, SPOOL_STAY };

enum {
	/* with less, a transaction for each few lines costs more than all else */
	SPOOL_GATHER_MS = 50
};

/*
 * Hands what waits to each(), in one or two lots: a descriptor to read it from,
 * and an id by which the same lines are known if they are handed out again,
 * because somebody was killed in the middle.  They are gone when each() returns
 * 0.  One taker at a time.  Returns 0, what each() returned, or -1 with errno;
 * EAGAIN: somebody who adds has not ended for five seconds.
 */
int spool_take(const char *path, enum spool_taker how,
	int (*each)(void *ctx, int fd, const char *id), void *ctx);

/* True if there may be something to take. */
int spool_waits(const char *path);

/* What waits, also that which a taker has set aside. */
struct spool_size {
	long long lines, bytes;
	long long since;        /* when the first of it came; 0 if nothing waits */
};

/* Returns 0, or -1 with errno.  Takes no lock: others go on meanwhile. */
int spool_measure(const char *path, struct spool_size *size);

#endif

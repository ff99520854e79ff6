/*
 * intake: how a callback that is authentic gets into the store.  It is made
 * durable first and takes effect then: two steps, of which only the first
 * stands before the answer.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <sys/types.h>
#include <time.h>

#include "buf.h"
#include "rec.h"
#include "spool.h"
#include "store.h"

enum {
	INTAKE_REFUSED_MAX = 60  /* noted at once */
};

/*
 * The fields of a line of the spool: a status record, and what the log and a
 * reply have besides.  A record whose direction is inbound is a reply, one
 * without a status is only logged.
 */
enum {
	LINE_PARAMS = STATUS_FIELDS,  /* the body as received, or of an event */
	LINE_PEER, LINE_CAME_AT, LINE_TOOK_US,  /* intake_add knows these */
	LINE_TARGET,                  /* path and query as received */
	LINE_SIGNATURE, LINE_HOST,
	LINE_EVENT_ID,                /* what is there already has no effect */
	LINE_BODY, LINE_MEDIA_URL,    /* of a reply */
	LINE_SERVICE,                 /* the messaging service it came to */
	LINE_KEYWORD,                 /* "stop", "start" */
	LINE_END, LINE_FIELDS
};

/* A callback that was refused: some of these fields, and why. */
struct refusal {
	char *text;              /* owned; the fields lie in it */
	struct rec rec;
	const char *reason;      /* constant */
	int answer;
	long long at, took_us;
};

struct intake {
	const char *db;          /* path of the store */
	const char *spool;       /* path of the spool */
	int hurry;               /* waits a second at most for a busy store */
	struct buf batch;        /* lines for the spool, see intake_add */
	struct store *store;     /* NULL until it was needed */
	dev_t dev;               /* what db named when it was opened */
	ino_t ino;
	struct refusal refused[INTAKE_REFUSED_MAX];
	size_t n_refused;        /* of them in use */
	long long uncounted;     /* refused, and not in the tally yet */
	long long told_minute;   /* in a hurry, and in this minute: */
	int told;                /* spoken of without the tally */
	char why[512];           /* more on a failure */
};

struct arrival {
	const char *peer;        /* who sent the request */
	long long now;           /* when it came, epoch seconds */
	struct timespec began;   /* the same on the monotonic clock */
};

/*
 * Step one, for one callback or several: intake_keep makes durable what was
 * added since, with one sync: as lines of the spool or, where that cannot be
 * written, in the store.  rec has the fields of a line.  Both return 0 or the
 * exit status that fits: of intake_add it is about this callback only, of
 * intake_keep about all that were added.
 */
int intake_add(struct intake *in, const struct rec *rec,
	const struct arrival *from);
int intake_keep(struct intake *in);

/*
 * Step two: takes what waits in the spool into the store, in one transaction
 * and exactly once.  Returns 0, or the exit status that fits; then it still
 * waits.
 */
int intake_settle(struct intake *in, enum spool_taker how);

/*
 * Counts a request that was refused, and notes a callback, of which rec has
 * those fields that the log has; rec is NULL for other requests.  intake_log
 * leaves what was noted, and how many there were, in the log of the store, if
 * that costs nobody anything.  Strangers can cause this, so only TALLY_ROWS in
 * a minute are noted.  Returns whether the request is to be spoken of: only
 * TALLY_LINES are; but where the tally cannot be written so many of each
 * process that is in a hurry, and all of any other.
 */
int intake_refused(struct intake *in, const struct rec *rec,
	const char *reason, int answer, const struct arrival *from);
void intake_log(struct intake *in);

void intake_close(struct intake *in);

#endif

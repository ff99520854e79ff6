/*
 * intake: how a callback that is authentic gets into the store.  It is made
 * durable first and takes effect then: two steps, of which only the first
 * stands before the answer.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <time.h>

#include "rec.h"
#include "store.h"

struct intake {
	const char *db;          /* path of the store */
	const char *spool;       /* path of the spool */
	const char *peer;        /* who sent it */
	long long now;           /* when it came, epoch seconds */
	struct timespec began;   /* the same on the monotonic clock */
	struct store *store;     /* NULL until it was needed */
	char why[512];           /* more on a failure */
};

/*
 * Step one.  params is the body as received.  Returns 0 once the callback is
 * durable, as a line of the spool or, where that cannot be written, in the
 * store; else the exit status that fits.
 */
int intake_keep(struct intake *in, const struct rec *rec, const char *params);

/*
 * Step two: takes all that waits in the spool into the store, in one
 * transaction and exactly once.  If somebody else is at it: waits for that
 * one, or with wait = 0 leaves it to that one.  Returns 0, or the exit status
 * that fits; then it still waits.
 */
int intake_settle(struct intake *in, int wait);

/*
 * Leaves a trace of a callback that was refused, if that costs nobody
 * anything: without its parameters, and not for long.
 */
void intake_refused(struct intake *in, const char *reason, int answer);

void intake_close(struct intake *in);

#endif

/*
 * intake: how a callback that is authentic gets into the store.  It is made
 * durable first, then it takes effect: two steps, so that the first alone can
 * stand before the answer.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <time.h>

#include "rec.h"
#include "store.h"

struct intake {
	const char *db;          /* path of the store */
	const char *peer;        /* who sent it */
	long long now;           /* when it came, epoch seconds */
	struct timespec began;   /* the same on the monotonic clock */
	struct store *store;     /* NULL until it was needed */
	const char *why;         /* more on a failure, until intake_close */
};

/*
 * params is the body as received.  Returns 0 once the callback is durable, or
 * the exit status that fits; then nothing of it is left.
 */
int intake_take(struct intake *in, const struct rec *rec, const char *params);

/*
 * Leaves a trace of a callback that was refused, if that costs nobody
 * anything: without its parameters, and not for long.
 */
void intake_refused(struct intake *in, const char *reason, int answer);

/* Closes the store; that may take a while and is done after the answer. */
void intake_close(struct intake *in);

#endif

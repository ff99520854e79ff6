/*
 * inquiry: asks Twilio for messages one by one, several at a time, and writes
 * a status record of each to stdout, in the order of asking.  A record without
 * SID is that of a message whose answer was lost: it is looked up.
 *
 * The records that are asked for or wait for their turn lie in a ring, so
 * memory stays the same however many there are.
 */
#ifndef INQUIRY_H
#define INQUIRY_H

#include "json.h"
#include "lookup.h"
#include "rec.h"
#include "twilio.h"

struct inquiry;

/* now: -1 for the clock. */
struct inquiry *inquiry_open(struct twilio *t, struct json *j,
	struct lookup_run *lookups, int jobs, long long now);
void inquiry_close(struct inquiry *q);

int inquiry_full(const struct inquiry *q);   /* no more fits in */
int inquiry_empty(const struct inquiry *q);  /* all is written */
int inquiry_busy(const struct inquiry *q);   /* something is asked for */

/* The ring must not be full.  What rec knows and Twilio does not passes on. */
void inquiry_ask(struct inquiry *q, const struct rec *rec);
/* The same for a message of which is known what Twilio says. */
void inquiry_know(struct inquiry *q, const struct rec *rec,
	const struct rec *told);

/*
 * Waits for an answer, or until fd (-1: none) can be read, and writes what is
 * ready.  Returns 1 if an answer came.
 */
int inquiry_wait(struct inquiry *q, int fd);

/* What to exit with: the highest that came up. */
int inquiry_status(const struct inquiry *q);

/* Twilio refuses the credentials: the end, with its own words. */
_Noreturn void inquiry_denied(struct json *j, const struct twilio_call *c);

#endif

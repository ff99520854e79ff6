/*
 * lookup: did a message reach Twilio of which no answer came back?  Judged by
 * Twilio's list of the messages to its recipient and by what the store knows.
 *
 * The store is only read, and only if there is one.  If it fails, that is the
 * end (die).
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stddef.h>

#include "json.h"
#include "rec.h"

enum lookup_end {
	LOOKUP_FOUND,    /* it did: what is the SID */
	LOOKUP_NEVER,    /* it did not */
	LOOKUP_STAYS,    /* it may still come, or others have settled it */
	LOOKUP_UNCLEAR,  /* a person must look: what are words */
	LOOKUP_LOST      /* nobody will ever know: what are words */
};

/* A run: no message is taken for two in it. */
struct lookup_run;

/* db: path of the store. */
struct lookup_run *lookup_open(const char *db);
void lookup_close(struct lookup_run *run);

struct lookup;

/* True for a record without SID of a message that can be looked up. */
int lookup_can(const struct rec *rec);

/*
 * True for a message that no row of the store holds while one that is not
 * settled goes to the same recipient: it may be that one, and a row of its own
 * would hide it.
 */
int lookup_is_doubtful(struct lookup_run *run, const struct rec *rec);

/* rec and what it points to must stay as long as the lookup. */
struct lookup *lookup_begin(struct lookup_run *run, const struct rec *rec);
void lookup_end(struct lookup *l);

/* What to ask for next; NULL when the answers are complete.  Ours. */
const char *lookup_path(const struct lookup *l);

/* Takes the answer.  Returns 0, or -1 when it is no page of messages. */
int lookup_page(struct lookup *l, struct json *json, const char *text,
	size_t len);

/* *what is set for some, and lives until the next call about the lookup. */
enum lookup_end lookup_judge(struct lookup *l, long long now,
	const char **what);

#endif

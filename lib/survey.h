/*
 * survey: looks for many messages at once on the pages of Twilio's list, of
 * which it reads those that are worth it (planner).  First the pages of all
 * that was sent, by time; then, of what these did not show, those of each
 * recipient of two messages or more.
 */
#ifndef SURVEY_H
#define SURVEY_H

#include <stddef.h>

#include "json.h"
#include "planner.h"
#include "rec.h"
#include "twilio.h"

/* A message that is wanted. */
struct survey_row {
	struct rec rec;     /* as it was read: SID, and what is known of it */
	char *text;         /* owned; what rec points into */
	struct rec told;    /* what a page says of it, */
	char *told_text;    /* with that; NULL: none showed it */
	/* survey()'s own */
	long long when;     /* sent or made; -1: not known */
	struct planner_wanted *wanted;
};

struct survey {
	struct twilio *twilio;
	struct json *json;
	long long now;
	/* all that was sent since then is read; SURVEY_WANTED: as it pays */
	long long floor;
	/* gets each message that a page shows, newest first; may be NULL */
	void (*each)(void *ctx, const struct rec *rec, long long when);
	void *ctx;
	/* set by survey() */
	long long pages;
	struct twilio_call call;  /* the last one */
	int done;                 /* the call ended well, and could be read */
};

#define SURVEY_WANTED 0x7fffffffffffffffLL

/* Keeps a record as the row of a message that is wanted. */
void survey_row(struct survey_row *row, const struct rec *rec);
void survey_row_release(struct survey_row *row);

/*
 * Returns 0 when all is read that was to be.  Else a page could not be had:
 * call.end and call.why say why, or done is set and it was no page.  What was
 * seen until then counts.
 */
int survey(struct survey *s, struct survey_row *row, size_t n);
void survey_release(struct survey *s);

#endif

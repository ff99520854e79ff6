/*
 * Where Twilio is gone, each message would be tried for half a minute.  So
 * after some in a row that could not be had nothing more is asked for: the
 * others become records that say so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "die.h"
#include "inquiry.h"
#include "mask.h"
#include "when.h"

enum {
	AHEAD = 16,     /* slots a job: a slow answer stops nobody */
	IN_A_ROW = 3    /* that could not be had: Twilio is gone */
};

struct slot {
	struct twilio_call call;
	char path[64];
	struct lookup *lookup;  /* NULL for a message with a SID */
	struct rec rec;         /* as read, then as it will be written */
	char *text;             /* owned; what rec points into */
	int done;
};

struct inquiry {
	struct twilio *twilio;
	struct json *json;
	struct lookup_run *lookups;
	long long now;          /* -1: the clock */
	struct slot *slot;      /* a ring; the oldest at first */
	size_t size, first, n;
	size_t open;            /* of n, those still asked for */
	int status;             /* to exit with: the highest wins */
	int lost;               /* in a row; IN_A_ROW: no more is asked */
};

static void
worse(struct inquiry *q, int status)
{
	if (status > q->status)
		q->status = status;
}

static long long
now(const struct inquiry *q)
{
	return q->now >= 0 ? q->now : when_now();
}

/* Copies a record into memory of the slot, in place of what it had. */
static void
keep(struct slot *s, const struct rec *rec)
{
	char *old = s->text;

	s->text = rec_copy(&s->rec, rec, STATUS_FIELDS);
	free(old);
}

/* Asks for the message of a slot, or for a page that may list it. */
static void
ask(struct inquiry *q, struct slot *s)
{
	if (s->lookup != NULL) {
		s->call.path = lookup_path(s->lookup);
	} else {
		snprintf(s->path, sizeof(s->path), "Messages/%s.json",
			s->rec.f[SID]);
		s->call.path = s->path;
	}
	s->call.tag = s;
	buf_release(&s->call.answer);
	twilio_call(q->twilio, &s->call);
}

/* Writes what is done and has its turn; a reader sees it at once. */
static void
write_ready(struct inquiry *q)
{
	struct slot *s = &q->slot[q->first];

	if (q->n == 0 || !s->done)
		return;
	for (; q->n > 0 && s->done; s = &q->slot[q->first]) {
		rec_show(stdout, s->rec.f, STATUS_FIELDS);
		free(s->text);
		q->first = (q->first + 1) % q->size;
		q->n--;
	}
	if (fflush(stdout) != 0)
		exit(finish_stdout(q->status));
}

/* Ends a slot with what became known; the rest stays as it was read. */
static void
conclude(struct inquiry *q, struct slot *s, struct rec *told)
{
	char at[WHEN_SIZE];
	int i;

	if (told->f[STATUS] != NULL)
		q->lost = 0;
	told->f[SID] = s->rec.f[SID];
	if (told->f[SOURCE] == NULL)
		told->f[SOURCE] = "fetch";
	if (told->f[AT] == NULL)
		told->f[AT] = when_format(at, now(q));
	for (i = TO; i <= CREATED_AT; i++)
		if (told->f[i] == NULL)
			told->f[i] = s->rec.f[i];
	if (s->lookup != NULL)
		told->f[BODY_SHA256] = s->rec.f[BODY_SHA256];
	keep(s, told);
	lookup_end(s->lookup);
	s->lookup = NULL;
	buf_release(&s->call.answer);
	s->done = 1;
	q->open--;
}

/* Ends a slot of which nothing is asked any more. */
static void
leave(struct inquiry *q, struct slot *s)
{
	struct rec told = { { NULL } };

	told.f[ERROR_MESSAGE] = "not asked for: Twilio could not be reached";
	worse(q, TRY_LATER);
	conclude(q, s, &told);
}

/* Ends a slot without a status, and says why. */
static void
give_up(struct inquiry *q, struct slot *s, int status)
{
	struct twilio_call *c = &s->call;
	struct rec told = { { NULL } };
	char *name, *shown;

	worse(q, status);
	json_error(q->json, c->answer.s, c->answer.len, &told.f[ERROR_CODE],
		&told.f[ERROR_MESSAGE]);
	if (told.f[ERROR_MESSAGE] == NULL)
		told.f[ERROR_MESSAGE] = c->why;
	name = mask(need_str(s->rec.f[s->lookup != NULL ? REF : SID]));
	shown = mask(need_str(told.f[ERROR_MESSAGE]));
	warn("cannot %s '%s': %s%s%s (%d %s)",
		s->lookup != NULL ? "look up ref" : "fetch", name,
		told.f[ERROR_CODE] == NULL ? "" : told.f[ERROR_CODE],
		told.f[ERROR_CODE] == NULL ? "" : " ", shown, c->tries,
		c->tries == 1 ? "try" : "tries");
	free(name);
	free(shown);
	conclude(q, s, &told);
	if (status != TRY_LATER || ++q->lost != IN_A_ROW)
		return;
	warn("Twilio cannot be reached: nothing more is asked for");
	twilio_stop(q->twilio);
}

/* Asks once more for an answer that makes no sense, or gives up. */
static void
insist(struct inquiry *q, struct slot *s, const char *why)
{
	struct twilio_call *c = &s->call;

	if (twilio_again(q->twilio, c) == 0)
		return;
	snprintf(c->why, sizeof(c->why), "%s", why);
	buf_reset(&c->answer);
	give_up(q, s, TRY_LATER);
}

/* Takes a page of the messages to the recipient of one that is looked up. */
static void
look_up(struct inquiry *q, struct slot *s)
{
	struct twilio_call *c = &s->call;
	struct rec told = { { NULL } };
	const char *what;
	char *ref, *to;

	if (lookup_page(s->lookup, q->json, c->answer.s, c->answer.len) != 0) {
		insist(q, s, "an answer that is no page of messages");
		return;
	}
	if (lookup_path(s->lookup) != NULL) {
		ask(q, s);
		return;
	}
	told.f[STATUS] = "ambiguous";
	switch (lookup_judge(s->lookup, now(q), &what)) {
	case LOOKUP_FOUND:
		told = s->rec;
		told.f[SID] = (char *)what;
		keep(s, &told);
		lookup_end(s->lookup);
		s->lookup = NULL;
		ask(q, s);
		return;
	case LOOKUP_NEVER:
		told.f[STATUS] = "failed";
		told.f[ERROR_MESSAGE] = "never reached Twilio";
		break;
	case LOOKUP_UNCLEAR:
		to = mask(need_str(s->rec.f[TO]));
		ref = mask(need_str(s->rec.f[REF]));
		warn("ref '%s' to %s stays ambiguous: %s", ref, to, what);
		free(to);
		free(ref);
		worse(q, UNCLEAR);
		break;
	case LOOKUP_LOST:
		told.f[STATUS] = "delivery_unknown";
		told.f[ERROR_MESSAGE] = (char *)what;
		break;
	case LOOKUP_STAYS:
		break;
	}
	conclude(q, s, &told);
}

/* May Twilio have forgotten it? */
static int
is_old(const struct inquiry *q, const struct rec *rec)
{
	long long t;

	return rec->f[CREATED_AT] != NULL &&
		when_parse(rec->f[CREATED_AT], &t) == 0 &&
		now(q) - t >= TWILIO_KEEPS_S;
}

/* A call is back. */
static void
settle(struct inquiry *q, struct twilio_call *c)
{
	struct slot *s = c->tag;
	struct rec told = { { NULL } };
	char *code, *words;

	if (q->lost >= IN_A_ROW && c->end == TWILIO_LATER) {
		leave(q, s);
		return;
	}
	switch (c->end) {
	case TWILIO_DONE:
		if (s->lookup != NULL)
			look_up(q, s);
		else if (json_message(q->json, c->answer.s, c->answer.len,
		    "fetch", &told) == 0 &&
		    strcasecmp(told.f[SID], s->rec.f[SID]) == 0)
			conclude(q, s, &told);
		else
			insist(q, s, "an answer that is no message");
		break;
	case TWILIO_NONE:
		/* another 404, of a proxy or a wrong URL, tells nothing */
		json_error(q->json, c->answer.s, c->answer.len, &code, &words);
		if (s->lookup != NULL || code == NULL ||
		    strcmp(code, "20404") != 0) {
			give_up(q, s, REFUSED);
			break;
		}
		told.f[STATUS] = "delivery_unknown";
		told.f[ERROR_CODE] = "20404";
		told.f[ERROR_MESSAGE] = is_old(q, &s->rec) ? "Twilio no longer "
			"has it: made over 13 months ago" :
			"Twilio has no such message";
		conclude(q, s, &told);
		break;
	case TWILIO_DENIED:
		write_ready(q);
		inquiry_denied(q->json, c);
	case TWILIO_REFUSED:
		give_up(q, s, REFUSED);
		break;
	case TWILIO_LATER:
	case TWILIO_UNCLEAR:
		give_up(q, s, TRY_LATER);
		break;
	}
}

_Noreturn void
inquiry_denied(struct json *j, const struct twilio_call *c)
{
	char *code, *words;

	json_error(j, c->answer.s, c->answer.len, &code, &words);
	if (code == NULL && words == NULL)
		die(NO_PERMISSION, "Twilio refuses the credentials: %s", c->why);
	die(NO_PERMISSION, "Twilio refuses the credentials: %s %s",
		code == NULL ? c->why : code, words == NULL ? "" : mask(words));
}

struct inquiry *
inquiry_open(struct twilio *t, struct json *j, struct lookup_run *lookups,
	int jobs, long long now)
{
	struct inquiry *q = need(sizeof(*q));

	memset(q, 0, sizeof(*q));
	q->twilio = t;
	q->json = j;
	q->lookups = lookups;
	q->now = now;
	q->size = (size_t)jobs * AHEAD;
	q->slot = need(q->size * sizeof(q->slot[0]));
	return q;
}

void
inquiry_close(struct inquiry *q)
{
	if (q == NULL)
		return;
	free(q->slot);
	free(q);
}

int
inquiry_full(const struct inquiry *q)
{
	return q->n == q->size;
}

int
inquiry_empty(const struct inquiry *q)
{
	return q->n == 0;
}

int
inquiry_busy(const struct inquiry *q)
{
	return q->open > 0;
}

/* A new slot for a record. */
static struct slot *
begin(struct inquiry *q, const struct rec *rec)
{
	struct slot *s = &q->slot[(q->first + q->n) % q->size];

	memset(s, 0, sizeof(*s));
	keep(s, rec);
	q->n++;
	q->open++;
	return s;
}

void
inquiry_ask(struct inquiry *q, const struct rec *rec)
{
	struct slot *s = begin(q, rec);

	if (q->lost >= IN_A_ROW) {
		leave(q, s);
		return;
	}
	if (s->rec.f[SID] == NULL)
		s->lookup = lookup_begin(q->lookups, &s->rec);
	ask(q, s);
}

void
inquiry_know(struct inquiry *q, const struct rec *rec, const struct rec *told)
{
	struct rec copy = *told;

	conclude(q, begin(q, rec), &copy);
}

int
inquiry_wait(struct inquiry *q, int fd)
{
	struct twilio_call *c = NULL;

	if (q->open > 0 && (c = twilio_wait(q->twilio, -1, fd)) != NULL)
		settle(q, c);
	write_ready(q);
	return c != NULL;
}

int
inquiry_status(const struct inquiry *q)
{
	return q->status;
}

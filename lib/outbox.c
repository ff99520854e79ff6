#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "die.h"
#include "mask.h"
#include "outbox.h"
#include "progress.h"
#include "reply.h"
#include "when.h"

enum {
	AHEAD = 8,  /* slots for each job: answers that wait for their turn */
	LAST_PATIENCE_MS = 1000  /* with a store that has failed us once */
};

enum state {
	READ,     /* to be entered into the ledger */
	POSTED,   /* with Twilio */
	BACK,     /* its record is to be merged into the store */
	DONE      /* its record is to be written */
};

struct slot {
	enum state state;
	struct message m;       /* in text, but for ref */
	char *text;
	struct segment_count count;
	char asked[REFS_SIZE];  /* the ref as it was read or made */
	char ref[REFS_SIZE];    /* the one it goes out under */
	size_t line;            /* 0: not from a line of records */
	long long id;           /* its row; 0: not held */
	struct buf form;
	struct twilio_call call;
	struct rec rec;         /* in rec_text */
	char *rec_text;
};

void
outbox_begin(struct outbox *x)
{
	x->size = x->jobs * AHEAD;
	x->slot = need(x->size * sizeof(x->slot[0]));
}

void
outbox_end(struct outbox *x)
{
	progress_end();
	refs_release(&x->series);
	free(x->slot);
}

void
outbox_worse(struct outbox *x, int status)
{
	if (status > x->status)
		x->status = status;
}

int
outbox_has_room(const struct outbox *x)
{
	return !x->stopped && x->n < x->size && x->open < x->jobs;
}

int
outbox_is_busy(const struct outbox *x)
{
	return x->n > 0;
}

static long long
time_now(const struct outbox *x)
{
	return x->now >= 0 ? x->now : when_now();
}

/* "line 3: ", or "" for the one message of the operands. */
static const char *
where(const struct slot *s)
{
	static char words[40];

	words[0] = '\0';
	if (s->line > 0)
		snprintf(words, sizeof(words), "line %zu: ", s->line);
	return words;
}

static struct slot *
nth(struct outbox *x, size_t i)
{
	return &x->slot[(x->first + i) % x->size];
}

/* Ends a slot that has no record. */
static void
discard(struct outbox *x, struct slot *s)
{
	if (s->id > 0)
		ledger_forget(&x->ledger, s->id);
	free(s->rec_text);
	s->rec_text = NULL;
	s->state = DONE;
	x->open--;
}

void
outbox_stop(struct outbox *x)
{
	size_t i;
	struct slot *s;

	for (i = 0; i < x->n; i++) {
		s = nth(x, i);
		if (s->state != READ)
			continue;
		warn("%snot sent: stopped", where(s));
		if (x->status != IO_FAILED)
			outbox_worse(x, TRY_LATER);
		discard(x, s);
	}
	x->stopped = 1;
	twilio_stop(x->twilio);
}

void
outbox_add(struct outbox *x, const struct rec *rec, size_t line)
{
	struct slot *s = nth(x, x->n);
	struct rec own;
	const char *why;

	memset(s, 0, sizeof(*s));
	s->line = line;
	s->text = rec_copy(&own, rec, SEND_FIELDS);
	s->m.to = own.f[SEND_TO];
	s->m.body = own.f[SEND_BODY];
	s->m.media_url = own.f[SEND_MEDIA_URL];
	s->m.ref = own.f[SEND_REF];
	if ((why = message_fault(&s->m, &x->how, &s->count)) != NULL) {
		warn("%s%s", where(s), why);
		outbox_worse(x, BAD_DATA);
		free(s->text);
		return;
	}
	if (s->m.ref != NULL)
		snprintf(s->ref, sizeof(s->ref), "%s", s->m.ref);
	else if (x->series.name != NULL)
		refs_next(&x->series, s->ref, s->m.to, s->m.body,
			s->m.media_url);
	else
		refs_random(s->ref);
	memcpy(s->asked, s->ref, sizeof(s->asked));
	s->m.ref = s->ref;
	s->form.max = MESSAGE_FORM_MAX;
	s->state = READ;
	x->n++;
	x->open++;
}

/* What the ledger says of a message that is not to be posted. */
static void
tell_entry(struct outbox *x, struct slot *s, enum entry entry)
{
	const char *status;
	char *ref;

	switch (entry) {
	case ENTRY_DAY:
		warn("%snot sent: SMS_MAX_PER_DAY is reached", where(s));
		outbox_worse(x, TRY_LATER);
		/* those before this one are still to go out */
		x->stopped = 1;
		break;
	case ENTRY_RECIPIENT:
		warn("%snot sent: SMS_MAX_PER_RECIPIENT_PER_DAY is reached",
			where(s));
		outbox_worse(x, TRY_LATER);
		break;
	case ENTRY_REFUSED:
		warn("%snot sent: 21610 the recipient has opted out", where(s));
		outbox_worse(x, s->line > 0 ? SOME_FAILED : REFUSED);
		break;
	case ENTRY_PRESENT:
		status = s->rec.f[STATUS];
		if (strcmp(status, "ambiguous") == 0) {
			ref = mask(need_str(s->ref));
			warn("%sref '%s' may have been sent, or not: "
				"sms-reconcile finds out", where(s), ref);
			free(ref);
			outbox_worse(x, UNCLEAR);
		}
		break;
	case ENTRY_NEW:
		break;
	}
}

static int
enter(struct outbox *x, struct slot *s, size_t i, long long now,
	enum entry *entry)
{
	struct slot *other;
	size_t k;

	/* the same ref twice in one input: the second waits for the first */
	for (k = 0; k < i; k++) {
		other = nth(x, k);
		if (other->state != DONE &&
		    strcmp(other->asked, s->asked) == 0)
			return -1;
	}
	return ledger_enter(&x->ledger, &s->m, &x->how, &s->count, s->ref,
		x->series.name != NULL, now, entry, &s->id, &s->rec,
		&s->rec_text);
}

/*
 * The store took none of it.  What was posted is on record on standard output
 * all the same; what was not stays unsent.
 */
static void
store_failed(struct outbox *x, int r)
{
	struct slot *s;
	size_t i;

	warn("%s", store_why(x->ledger.store));
	outbox_worse(x, r);
	/* locks go before their rows: another may get the same ones at once */
	outbox_stop(x);
	store_rollback(x->ledger.store);
	store_set_patience(x->ledger.store, LAST_PATIENCE_MS);
	for (i = 0; i < x->n; i++) {
		s = nth(x, i);
		if (s->state != BACK)
			continue;
		warn("%sposted, but not stored; its record can be given to "
			"sms-apply", where(s));
		s->state = DONE;
		x->open--;
	}
}

/* One transaction: answers are merged, and messages entered to be posted. */
static void
keep_ledger(struct outbox *x)
{
	enum entry entry[OUTBOX_JOBS_MAX * AHEAD];
	struct slot *s;
	size_t i, begun = 0;
	int r;

	for (i = 0; i < x->n; i++)
		begun += nth(x, i)->state == READ || nth(x, i)->state == BACK;
	if (begun == 0)
		return;
	if ((r = store_begin(x->ledger.store)) != 0) {
		store_failed(x, r);
		return;
	}
	for (i = 0; i < x->n && r == 0; i++) {
		s = nth(x, i);
		if (s->state == BACK)
			r = ledger_settle(&x->ledger, &s->rec, time_now(x));
		else if (s->state == READ &&
		    (r = enter(x, s, i, time_now(x), &entry[i])) < 0) {
			entry[i] = ENTRY_NEW;
			s->id = 0;
			r = 0;
		}
	}
	if (r != 0 || (r = store_commit(x->ledger.store)) != 0) {
		store_failed(x, r);
		return;
	}
	for (i = 0; i < x->n; i++) {
		s = nth(x, i);
		if (s->state == BACK) {
			if (s->id > 0)
				ledger_forget(&x->ledger, s->id);
			s->state = DONE;
			x->open--;
		} else if (s->state == READ && entry[i] != ENTRY_NEW) {
			tell_entry(x, s, entry[i]);
			s->state = DONE;
			x->open--;
		} else if (s->state == READ && s->id > 0) {
			message_form(&s->form, &s->m, &x->how);
			s->call.path = "Messages.json";
			s->call.form = s->form.s;
			s->call.tag = s;
			s->state = POSTED;
			twilio_call(x->twilio, &s->call);
		}
	}
}

/* A call is back: its record is made. */
static void
settle(struct outbox *x, struct slot *s)
{
	struct buf words = BUF_INIT(4096);
	char at[WHEN_SIZE], segments[16];
	const char *what;
	struct rec rec;
	int status;

	status = reply_judge(x->json, &s->call, &rec, &words, &what);
	if (status != 0)
		warn("%s%s: %s%s%s", where(s), what, rec.f[ERROR_CODE] == NULL ?
			"" : rec.f[ERROR_CODE], rec.f[ERROR_CODE] == NULL ? "" :
			" ", words.s);
	outbox_worse(x, status == REFUSED && s->line > 0 ? SOME_FAILED : status);
	if (rec.f[AT] == NULL)
		rec.f[AT] = when_format(at, time_now(x));
	rec.f[SOURCE] = "send";
	rec.f[REF] = s->ref;
	if (rec.f[TO] == NULL)
		rec.f[TO] = (char *)s->m.to;
	if (rec.f[FROM] == NULL)
		rec.f[FROM] = (char *)(x->how.from != NULL ? x->how.from :
			x->how.service);
	if (rec.f[DIRECTION] == NULL)
		rec.f[DIRECTION] = "outbound-api";
	if (rec.f[SEGMENTS] == NULL && s->m.body != NULL) {
		snprintf(segments, sizeof(segments), "%d", s->count.segments);
		rec.f[SEGMENTS] = segments;
	}
	s->rec_text = rec_copy(&s->rec, &rec, STATUS_FIELDS);
	buf_release(&words);
	buf_release(&s->call.answer);
	s->state = BACK;
	if (status == TRY_LATER || status == NO_PERMISSION)
		outbox_stop(x);
}

/* Writes what is done and has its turn; a reader sees it at once. */
static void
write_ready(struct outbox *x)
{
	struct slot *s;

	if (x->n == 0 || nth(x, 0)->state != DONE)
		return;
	for (; x->n > 0 && (s = nth(x, 0))->state == DONE; x->n--) {
		if (s->rec_text != NULL) {
			rec_show(stdout, s->rec.f, STATUS_FIELDS);
			progress("sent", ++x->written);
		}
		free(s->rec_text);
		free(s->text);
		buf_release(&s->form);
		x->first = (x->first + 1) % x->size;
	}
	/* who reads them is gone, but messages are still on their way */
	if (fflush(stdout) != 0)
		outbox_stop(x);
}

void
outbox_turn(struct outbox *x, int wait_ms, int fd)
{
	struct twilio_call *c;

	keep_ledger(x);
	write_ready(x);
	if (x->open == 0)
		return;
	c = twilio_wait(x->twilio, wait_ms, fd);
	for (; c != NULL; c = twilio_wait(x->twilio, 0, -1))
		settle(x, c->tag);
}

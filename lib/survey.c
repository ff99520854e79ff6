/*
 * A filter by date leaves out what was never sent, and where the list puts it
 * without a filter is not documented.  So pages that begin now have no filter
 * and show it if it stands by its creation.  If it stands in front of all
 * else, a page without a single date or young message tells: then the filter
 * comes after all.  What no page shows has to be asked for by its SID.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "form.h"
#include "survey.h"
#include "when.h"

enum {
	DAY_S = 86400,
	PATH_SIZE = 4096,
	GROUP = 2        /* messages to a recipient that make a page worth it */
};

/* A walk over pages: of the account, or of one recipient. */
struct walk {
	struct survey *s;
	const char *to;                /* NULL: the account's */
	struct survey_row **row;       /* what is looked for, by SID */
	size_t n;
	struct planner_wanted *wanted; /* the same by time, as far as known */
	struct planner planner;
	struct buf path;
	int dated;                     /* with a filter */
	/* of the page */
	size_t messages, found;
	long long newest, oldest;      /* by date sent; LLONG_MIN: none was */
	long long youngest, eldest;    /* by the time made; the last one's */
};

static int
by_sid(const void *a, const void *b)
{
	return strcasecmp((*(struct survey_row *const *)a)->rec.f[SID],
		(*(struct survey_row *const *)b)->rec.f[SID]);
}

static int
newest_first(const void *a, const void *b)
{
	const struct survey_row *x = *(struct survey_row *const *)a;
	const struct survey_row *y = *(struct survey_row *const *)b;

	return (x->when < y->when) - (x->when > y->when);
}

static int
by_to(const void *a, const void *b)
{
	int r = strcmp((*(struct survey_row *const *)a)->rec.f[TO],
		(*(struct survey_row *const *)b)->rec.f[TO]);

	return r != 0 ? r : newest_first(a, b);
}

void
survey_row(struct survey_row *row, const struct rec *rec)
{
	memset(row, 0, sizeof(*row));
	row->text = rec_copy(&row->rec, rec, STATUS_FIELDS);
}

void
survey_row_release(struct survey_row *row)
{
	free(row->text);
	free(row->told_text);
	row->text = row->told_text = NULL;
}

/* When a message was sent as far as its record knows, else made; -1: never. */
static long long
time_of(const struct rec *rec)
{
	char *const *f = rec->f;
	long long t;

	if (f[STATUS] != NULL && strcmp(f[STATUS], "sent") == 0 &&
	    f[AT] != NULL && when_parse(f[AT], &t) == 0)
		return t;
	return f[CREATED_AT] != NULL && when_parse(f[CREATED_AT], &t) == 0 ?
		t : -1;
}

/* Keeps what a page says of a message that is looked for. */
static void
note(struct walk *w, const struct rec *rec)
{
	struct survey_row key, *k = &key, **found;

	key.rec.f[SID] = rec->f[SID];
	if (w->n == 0 || (found = bsearch(&k, w->row, w->n, sizeof(*w->row),
	    by_sid)) == NULL)
		return;
	/* one that was asked for twice has neighbours */
	while (found > w->row && by_sid(&k, found - 1) == 0)
		found--;
	for (; found < w->row + w->n && by_sid(&k, found) == 0; found++) {
		if ((*found)->told_text == NULL)
			(*found)->told_text = rec_copy(&(*found)->told, rec,
				STATUS_FIELDS);
		if ((*found)->wanted != NULL && !(*found)->wanted->shown) {
			(*found)->wanted->shown = 1;
			w->found++;
		}
	}
}

/* Takes a message of a page. */
static int
take(void *ctx, const struct rec *rec, const char *body)
{
	struct walk *w = ctx;
	const char *sent = json_sent_at(w->s->json);
	long long t, when;

	(void)body;
	if (rec->f[CREATED_AT] == NULL ||
	    when_parse(rec->f[CREATED_AT], &when) != 0)
		when = LLONG_MIN;
	if (when > w->youngest)
		w->youngest = when;
	w->eldest = when;
	if (sent != NULL && when_parse(sent, &t) == 0) {
		if (w->newest == LLONG_MIN)
			w->newest = t;
		w->oldest = t;
		if (t > when)
			when = t;
	}
	w->messages++;
	note(w, rec);
	if (w->s->each != NULL)
		w->s->each(w->s->ctx, rec, when);
	return 0;
}

/* Puts together what to ask for: what was sent until then; -1: all. */
static void
begin(struct walk *w, long long until)
{
	char text[WHEN_SIZE];

	buf_reset(&w->path);
	buf_addstr(&w->path, "Messages.json?");
	if (w->to != NULL) {
		buf_addstr(&w->path, "To=");
		form_encode(&w->path, w->to);
		buf_addc(&w->path, '&');
	}
	if ((w->dated = until >= 0) != 0) {
		buf_addstr(&w->path, "DateSent%3C=");
		form_encode(&w->path, when_format(text, until));
		buf_addc(&w->path, '&');
	}
	buf_addstr(&w->path, "PageSize=1000");
}

/* Reads the page at w->path; *more: the path is now that of the next one. */
static int
read_page(struct walk *w, int *more)
{
	struct survey *s = w->s;
	struct twilio_call *c = &s->call;
	const char *next;

	buf_release(&c->answer);
	c->path = w->path.s;
	c->form = NULL;
	s->done = 0;
	twilio_call(s->twilio, c);
	s->pages++;
	do {
		while (twilio_wait(s->twilio, -1, -1) == NULL)
			;
		w->messages = w->found = 0;
		w->newest = w->oldest = LLONG_MIN;
		w->youngest = w->eldest = LLONG_MIN;
		s->done = c->end == TWILIO_DONE;
		/* pages that are empty and go on would do so for ever */
		if (s->done && json_page(s->json, c->answer.s, c->answer.len,
		    take, w, &next) == 0 && (next == NULL || w->messages > 0)) {
			buf_reset(&w->path);
			*more = next != NULL;
			return *more ? buf_addstr(&w->path, next) : 0;
		}
	} while (s->done && twilio_again(s->twilio, c) == 0);
	return -1;
}

/*
 * The list may begin with all that was never sent.  True if the page is of
 * that kind and has come to what is older than all that is wanted.
 */
static int
is_undated(const struct walk *w, long long bottom)
{
	return !w->dated && w->newest == LLONG_MIN && w->youngest < bottom;
}

/* Reads the pages that are worth it. */
static int
read_pages(struct walk *w, size_t n, long long floor)
{
	struct planner *p = &w->planner;
	long long from, bottom = floor;
	int more;

	if (n > 0 && w->wanted[n - 1].when < bottom)
		bottom = w->wanted[n - 1].when;
	planner_begin(p, w->wanted, n, floor, w->to == NULL ? DAY_S : 0);
	for (;;) {
		switch (planner_next(p, w->s->now, &from)) {
		case PLANNER_STOP:
			return 0;
		case PLANNER_FROM:
			/* to one recipient there is little: all of it */
			begin(w, from >= w->s->now ||
				(w->to != NULL && p->pages == 0) ? -1 : from);
			break;
		case PLANNER_ON:
			break;
		}
		if (read_page(w, &more) != 0)
			return -1;
		if (more && is_undated(w, bottom)) {
			begin(w, w->s->now + DAY_S);
			if (read_page(w, &more) != 0)
				return -1;
		}
		if (w->newest == LLONG_MIN) {
			w->newest = w->youngest;
			w->oldest = w->eldest;
		}
		/* a page that tells no time at all leads no further back */
		if (w->oldest == LLONG_MIN)
			w->oldest = p->reached;
		planner_page(p, w->newest, w->oldest, w->found, more);
	}
}

/* Looks for n rows; to: on the pages of that recipient. */
static int
walk(struct walk *w, struct survey_row **row, size_t n, const char *to,
	long long floor)
{
	size_t i, timed = 0;

	qsort(row, n, sizeof(*row), newest_first);
	for (i = 0; i < n; i++) {
		row[i]->wanted = NULL;
		if (row[i]->when < 0)
			continue;
		w->wanted[timed].when = row[i]->when;
		w->wanted[timed].shown = 0;
		row[i]->wanted = &w->wanted[timed++];
	}
	qsort(row, n, sizeof(*row), by_sid);
	w->row = row;
	w->n = n;
	w->to = to;
	return read_pages(w, timed, floor);
}

/* Those of the rows that no page showed, by recipient; how many. */
static size_t
left(struct survey_row *row, size_t n, struct survey_row **out)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		if (row[i].told_text == NULL && row[i].rec.f[SID] != NULL &&
		    row[i].rec.f[TO] != NULL && row[i].when >= 0)
			out[k++] = &row[i];
	qsort(out, k, sizeof(*out), by_to);
	return k;
}

int
survey(struct survey *s, struct survey_row *row, size_t n)
{
	struct walk w = { .s = s, .path = BUF_INIT(PATH_SIZE) };
	struct survey_row **list = need((n + 1) * sizeof(*list));
	size_t i, k = 0;
	int r;

	w.wanted = need((n + 1) * sizeof(*w.wanted));
	for (i = 0; i < n; i++) {
		row[i].when = time_of(&row[i].rec);
		if (row[i].rec.f[SID] != NULL)
			list[k++] = &row[i];
	}
	r = walk(&w, list, k, NULL, s->floor);

	if (r == 0)
		n = left(row, n, list);
	for (i = 0; r == 0 && i < n; i = k) {
		for (k = i + 1; k < n && strcmp(list[k]->rec.f[TO],
		    list[i]->rec.f[TO]) == 0; k++)
			;
		if (k - i >= GROUP)
			r = walk(&w, list + i, k - i, list[i]->rec.f[TO],
				SURVEY_WANTED);
	}
	buf_release(&w.path);
	free(w.wanted);
	free(list);
	return r;
}

void
survey_release(struct survey *s)
{
	buf_release(&s->call.answer);
}

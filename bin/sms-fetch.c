/*
 * sms-fetch - ask Twilio for the present state of messages
 *
 * Each SID, an operand or the first field of a line of standard input, makes
 * one status record, in the order read: Twilio's, or one that says why there
 * is none.  What the record read knows and Twilio does not tell (our ref)
 * passes through.  With -l the pages of Twilio's list are read where that
 * saves requests; with -a they are all there is to tell, and nothing is read.
 * Changes nothing here or there: sms-apply does, down the pipe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "inquiry.h"
#include "json.h"
#include "lookup.h"
#include "num.h"
#include "pile.h"
#include "rec.h"
#include "sids.h"
#include "store.h"
#include "survey.h"
#include "twilio.h"
#include "when.h"

const char progname[] = "sms-fetch";

enum {
	PAUSE_MS = 100,         /* between calls, unless -d says otherwise */
	PAUSE_MAX_MS = 3600000,
	JOBS_MAX = 100,
	CHUNK = 20000,          /* messages that are looked for at once */
	AGAIN_S = 180           /* until an open one is asked about again */
};

struct fetch {
	struct twilio *twilio;
	struct json *json;
	struct lookup_run *lookups;
	struct inquiry *inquiry;
	struct sids sids;
	long long now;          /* -1: the clock */
	long long since;        /* of -a: what is older is not told */
	long long pages;
	struct pile *pile;
	struct survey_row *row;
	size_t rows;
	int status;             /* to exit with: the highest wins */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-fetch [-Hlv] [-d ms] [-j jobs] [-t now] [sid ...]\n"
		"       sms-fetch -a age|open [-Hv] [-d ms] [-j jobs] "
		"[-t now]\n", fp);
}

static void
worse(struct fetch *x, int status)
{
	if (status > x->status)
		x->status = status;
}

static long long
now(const struct fetch *x)
{
	return x->now >= 0 ? x->now : when_now();
}

/* Asks for each message by itself. */
static void
ask_each(struct fetch *x)
{
	struct inquiry *q = x->inquiry;
	struct rec rec;
	int ready = 1, room;

	while (!x->sids.ended || !inquiry_empty(q)) {
		room = !x->sids.ended && !inquiry_full(q);
		/* wait for a line only where no answer is waited for */
		if (room && (ready || !inquiry_busy(q) ||
		    sids_ready(&x->sids))) {
			if (sids_next(&x->sids, &rec, lookup_can) == 1)
				inquiry_ask(q, &rec);
			ready = 0;
			continue;
		}
		ready = !inquiry_wait(q, room ? STDIN_FILENO : -1);
	}
}

/* Reads pages for the rows; returns 0 if nothing stood against it. */
static int
look(struct fetch *x, struct survey *s)
{
	char *code, *words;
	int r;

	s->twilio = x->twilio;
	s->json = x->json;
	s->now = now(x);
	if ((r = survey(s, x->row, x->rows)) != 0) {
		if (!s->done && s->call.end == TWILIO_DENIED)
			inquiry_denied(x->json, &s->call);
		json_error(x->json, s->call.answer.s, s->call.answer.len,
			&code, &words);
		warn("cannot list messages: %s%s%s", s->done || code == NULL ?
			"" : code, s->done || code == NULL ? "" : " ",
			s->done ? "an answer that is no page of messages" :
			words != NULL ? words : s->call.why);
		worse(x, !s->done && s->call.end != TWILIO_LATER ? REFUSED :
			TRY_LATER);
	}
	x->pages += s->pages;
	survey_release(s);
	return r;
}

/* Tells of the rows what pages show, and asks for those they do not. */
static void
ask_rows(struct fetch *x)
{
	struct survey s = { .floor = SURVEY_WANTED };
	struct inquiry *q = x->inquiry;
	struct survey_row *row;
	size_t i;

	look(x, &s);
	for (i = 0; i < x->rows; i++) {
		row = &x->row[i];
		while (inquiry_full(q))
			inquiry_wait(q, -1);
		if (row->told_text != NULL)
			inquiry_know(q, &row->rec, &row->told);
		else
			inquiry_ask(q, &row->rec);
		survey_row_release(row);
	}
	x->rows = 0;
	while (!inquiry_empty(q))
		inquiry_wait(q, -1);
}

/* A chunk of the input at a time: -l. */
static void
ask_by_pages(struct fetch *x)
{
	struct rec rec;

	while (!x->sids.ended) {
		while (x->rows < CHUNK && !x->sids.ended)
			if (sids_next(&x->sids, &rec, lookup_can) == 1)
				survey_row(&x->row[x->rows++], &rec);
		ask_rows(x);
	}
}

static int
note_due(void *ctx, const struct rec *rec)
{
	struct fetch *x = ctx;

	survey_row(&x->row[x->rows++], rec);
	return 0;
}

/* The open messages of the store: -a open. */
static void
ask_open(struct fetch *x, const char *db)
{
	struct store *s;
	const char *why;
	long long t = now(x);
	int r;

	if ((r = store_open(&s, db, STORE_READ, &why)) != 0)
		die(r, "%s", why);
	if ((r = store_due(s, t, t - AGAIN_S, CHUNK, note_due, x)) != 0)
		die(r, "%s", store_why(s));
	store_close(s);
	ask_rows(x);
}

static void
put_on_pile(void *ctx, const struct rec *rec, long long when)
{
	struct fetch *x = ctx;

	if (when >= x->since)
		pile_put(x->pile, rec);
}

/* Tells of a message, unless it may be one that the store waits for. */
static int
tell(void *ctx, const struct rec *rec)
{
	struct fetch *x = ctx;

	if (!lookup_is_doubtful(x->lookups, rec))
		rec_show(stdout, rec->f, STATUS_FIELDS);
	return ferror(stdout);
}

/*
 * All that the account has sent since then: -a.  The oldest first and all or
 * nothing, so that what a cut leaves has no holes.
 */
static void
tell_all(struct fetch *x)
{
	struct survey s = { .floor = x->since, .each = put_on_pile, .ctx = x };

	x->pile = pile_open();
	if (look(x, &s) == 0)
		pile_take(x->pile, tell, x);
	pile_close(x->pile);
}

int
main(int argc, char *argv[])
{
	struct twilio_options o = { 1, PAUSE_MS, 0 };
	struct fetch x = { .now = -1 };
	const char *since = NULL;
	char *db;
	int opt, header = 0, by_pages = 0, open = 0, verbose = 0;

	while ((opt = getopt(argc, argv, "HVa:d:hj:lt:v")) != -1) {
		switch (opt) {
		case 'H': header = 1; break;
		case 'V':
			puts("sms-fetch " VERSION);
			return finish_stdout(0);
		case 'a': since = optarg; break;
		case 'd':
			o.pause_ms = num_option(opt, optarg, 0, PAUSE_MAX_MS);
			break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'j':
			o.jobs = (int)num_option(opt, optarg, 1, JOBS_MAX);
			break;
		case 'l': by_pages = 1; break;
		case 't': x.now = when_option(opt, optarg); break;
		case 'v': verbose = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	}
	if (since != NULL && (by_pages || optind < argc)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (since != NULL && (open = strcmp(since, "open") == 0) == 0)
		x.since = now(&x) - when_age_option('a', since);
	sids_begin(&x.sids, argv + optind);

	conf_load();
	x.twilio = twilio_open(&o);
	x.json = json_open();
	db = conf_db();
	x.lookups = lookup_open(db);
	x.inquiry = inquiry_open(x.twilio, x.json, x.lookups, o.jobs, x.now);
	if (header)
		rec_header_status(stdout);

	x.row = need(CHUNK * sizeof(x.row[0]));
	if (open)
		ask_open(&x, db);
	else if (since != NULL)
		tell_all(&x);
	else if (by_pages)
		ask_by_pages(&x);
	else
		ask_each(&x);
	worse(&x, inquiry_status(x.inquiry));
	if (x.sids.bad)
		worse(&x, BAD_DATA);

	if (verbose)
		warn("%lld request%s, %lld of them for pages",
			twilio_requests(x.twilio),
			twilio_requests(x.twilio) == 1 ? "" : "s", x.pages);
	sids_end(&x.sids);
	free(x.row);
	inquiry_close(x.inquiry);
	lookup_close(x.lookups);
	free(db);
	json_close(x.json);
	twilio_close(x.twilio);
	return finish_stdout(x.status);
}

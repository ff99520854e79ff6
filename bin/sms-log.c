/*
 * sms-log - show the requests that came to sms-hook
 *
 * One line for each, its numbers masked; or, to be replayed, the status
 * record that each authentic one made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "event.h"
#include "form.h"
#include "inbound.h"
#include "json.h"
#include "mask.h"
#include "num.h"
#include "rec.h"
#include "table.h"
#include "view.h"
#include "when.h"

enum {
	LAST_FOLLOWED = 10,  /* requests that -f begins with */
	WORDS_MAX = 1000,
	TEXT_MAX = 1 << 20   /* bytes of parameters and target */
};

/* The columns of log-list.sql. */
enum {
	L_ID, L_SID, L_CAME, L_STATUS, L_OUTCOME, L_ANSWER, L_TOOK, L_PEER,
	L_SOURCE, L_PARAMS, L_TARGET, L_DIRECTION, L_CREATED, L_REF
};

/* The fields of a line. */
enum {
	F_SID, F_AT, F_RESULT, F_OUTCOME, F_ANSWER, F_TOOK, F_STATUS, F_CODE,
	F_TO, F_FROM, F_SOURCE, F_PEER, FIELDS
};

/*
 * The results that a row can have: the reason words of callbacks that were read
 * whole, as sms-hook(8) lists them, but those that mean that none is written.
 */
static const char *const result[] = {
	"success", "no_length", "media_type", "bad_form", "no_signature",
	"bad_signature", "no_sid", "bad_sid", "no_status", "bad_status",
	"bad_json", "bad_event", "events_many"
};

enum { RESULTS = sizeof(result) / sizeof(result[0]) };

extern const char sql_log_before[], sql_log_list[], sql_log_newest[];

const char progname[] = "sms-log";

/* What is asked for; NULL: all. */
struct filter {
	const char *since, *until, *statuses;
};

struct log {
	struct view *view;
	struct view_query *list, *newest;
	struct filter f;
	int terminal, replay, full;
	long long last;          /* row that was shown, or passed over, last */
	char last_at[WHEN_SIZE];
	struct table table;
	struct buf text;         /* what form and query are decoded in */
	struct json *json;       /* and events read by; NULL until used */
	char *url;               /* of our callbacks; NULL until used */
	char *held;              /* memory of the record that was read last */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-log [-HPfr] [-S since] [-U until] [-n limit] "
		"[-s status,...]\n\t[-t now]\n", fp);
}

static void
refuse_result(const char *word)
{
	struct buf known = BUF_INIT(WORDS_MAX);
	char *shown = mask(need_str(word));
	size_t i;

	for (i = 0; i < RESULTS; i++)
		buf_addf(&known, "%s%s", i == 0 ? "" : ", ", result[i]);
	die(BAD_USAGE, "-s '%s' is none of %s", shown, known.s);
}

/* Puts "A,b" into words as ",a,b,", each a result. */
static void
read_results(struct buf *words, const char *list)
{
	const char *p;
	size_t from, i;
	int full = 0;

	buf_reset(words);
	buf_addc(words, ',');
	for (p = list; ; p++) {
		from = words->len;
		for (; *p != '\0' && *p != ','; p++)
			full |= buf_addc(words,
				*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		if (full)
			die(BAD_USAGE, "-s takes fewer words");
		for (i = 0; i < RESULTS &&
		    strcmp(words->s + from, result[i]) != 0; i++)
			;
		if (i == RESULTS)
			refuse_result(words->s + from);
		full |= buf_addc(words, ',');
		if (*p == '\0')
			return;
	}
}

struct reading {
	struct log *log;
	struct rec *rec;
};

static int
keep(void *ctx, const struct rec *told)
{
	struct reading *r = ctx;

	free(r->log->held);
	r->log->held = rec_copy(r->rec, told, STATUS_FIELDS);
	return 0;
}

/* What an event of Event Streams said. */
static void
read_event(struct log *l, const char *text, const char *came,
	struct rec *rec)
{
	struct reading r = { l, rec };
	long long now;

	if (when_parse(came, &now) != 0)
		return;
	if (l->json == NULL) {
		l->json = json_open();
		l->url = conf_callback_url();
	}
	event_read(l->json, text, strlen(text), l->url == NULL ? "" : l->url,
		now, keep, &r);
}

/* What a callback, or a reply to one of our numbers, said. */
static void
read_form(struct log *l, const char *params, const char *target,
	const char *came, struct rec *rec)
{
	static struct form form;
	struct buf urls = BUF_INIT(INBOUND_URLS_MAX);
	struct reading r = { l, rec };
	const char *query = target == NULL ? NULL : strchr(target, '?'), *why;
	char at[WHEN_SIZE];
	size_t len = strlen(params);
	struct rec told;

	snprintf(at, sizeof(at), "%s", came);
	buf_reset(&l->text);
	if (buf_addstr(&l->text, params) != 0 ||
	    buf_addc(&l->text, '\0') != 0 ||
	    buf_addstr(&l->text, query == NULL ? "" : query + 1) != 0 ||
	    form_parse(&form, l->text.s, len, &why) != 0 ||
	    callback_record(&told, &form, l->text.s + len + 1, at) != NULL)
		return;
	if (inbound_is(&told, &form))
		inbound_fill(&told, &form, &urls);
	keep(&r, &told);
	buf_release(&urls);
}

/*
 * What the request of the row said of a message, as a status record; all of
 * its fields are NULL if that is not to be known.
 */
static void
read_request(struct log *l, struct rec *rec)
{
	const char *params = view_text(l->list, L_PARAMS);
	const char *source = view_text(l->list, L_SOURCE);
	const char *came = view_text(l->list, L_CAME);

	memset(rec, 0, sizeof(*rec));
	if (params == NULL)
		return;
	if (source != NULL && strcmp(source, "event") == 0)
		read_event(l, params, came, rec);
	else
		read_form(l, params, view_text(l->list, L_TARGET), came, rec);
}

/*
 * The record of an authentic request.  What callbacks do not tell, but the
 * store still knows, is added.
 */
static void
replay(struct log *l)
{
	static const struct {
		int field, column;
	} known[] = {
		{ DIRECTION, L_DIRECTION }, { CREATED_AT, L_CREATED },
		{ REF, L_REF }
	};
	struct rec rec;
	char *text;
	size_t i;

	if (strcmp(view_text(l->list, L_STATUS), "success") != 0)
		return;
	read_request(l, &rec);
	if (rec.f[SID] == NULL || rec.f[STATUS] == NULL)
		return;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (rec.f[known[i].field] == NULL)
			rec.f[known[i].field] =
				(char *)view_text(l->list, known[i].column);
	text = rec_copy(&rec, &rec, STATUS_FIELDS);
	if (l->terminal && !l->full)
		mask_record(&rec);
	rec_write(stdout, rec.f, STATUS_FIELDS);
	free(text);
}

static void
show(struct log *l)
{
	char took[32], *f[FIELDS];
	struct rec rec;

	read_request(l, &rec);
	f[F_SID] = (char *)view_text(l->list, L_SID);
	f[F_AT] = (char *)view_text(l->list, L_CAME);
	f[F_RESULT] = (char *)view_text(l->list, L_STATUS);
	f[F_OUTCOME] = (char *)view_text(l->list, L_OUTCOME);
	f[F_ANSWER] = (char *)view_text(l->list, L_ANSWER);
	f[F_TOOK] = NULL;
	if (view_text(l->list, L_TOOK) != NULL) {
		snprintf(took, sizeof(took), "%.1f",
			view_real(l->list, L_TOOK) / 1000);
		f[F_TOOK] = took;
	}
	if (!l->full)
		mask_record(&rec);
	f[F_STATUS] = rec.f[STATUS];
	f[F_CODE] = rec.f[ERROR_CODE];
	f[F_TO] = rec.f[TO];
	f[F_FROM] = rec.f[FROM];
	f[F_SOURCE] = (char *)view_text(l->list, L_SOURCE);
	f[F_PEER] = (char *)view_text(l->list, L_PEER);
	if (l->terminal)
		table_row(&l->table, (const char *const *)f);
	else
		rec_write(stdout, f, FIELDS);
}

/* All that is behind l->last, up to the row last. */
static void
show_until(struct log *l, long long last)
{
	long long rows;

	do {
		view_bind_number(l->list, ":after", l->last);
		view_bind_number(l->list, ":last", last);
		view_bind_number(l->list, ":limit", VIEW_ROWS);
		view_bind(l->list, ":since", l->f.since);
		view_bind(l->list, ":until", l->f.until);
		view_bind(l->list, ":statuses", l->f.statuses);
		for (rows = 0; view_next(l->list); rows++) {
			if (l->replay)
				replay(l);
			else
				show(l);
			l->last = view_number(l->list, L_ID);
			check_stdout();
		}
		table_flush(&l->table);
		fflush(stdout);
		check_stdout();
	} while (rows == VIEW_ROWS);
}

/* Shows what is new. */
static void
catch_up(struct log *l)
{
	const char *since = l->f.since;
	char at[WHEN_SIZE] = "";
	long long last = 0;

	view_bind_number(l->newest, ":id", l->last);
	view_bind(l->newest, ":at", l->last_at);
	if (view_next(l->newest)) {
		last = view_number(l->newest, 0);
		snprintf(at, sizeof(at), "%s", view_text(l->newest, 1));
		if (l->last_at[0] != '\0' && !view_number(l->newest, 2)) {
			l->last = 0;
			l->f.since = l->last_at;
		}
	}
	view_stop(l->newest);
	show_until(l, last);
	l->f.since = since;
	if (last > 0) {
		l->last = last;
		memcpy(l->last_at, at, sizeof(at));
	}
}

/* Where the newest n begin. */
static long long
before(struct log *l, long long n)
{
	struct view_query *q = view_query(l->view, sql_log_before);
	long long id;

	view_bind(q, ":since", l->f.since);
	view_bind(q, ":until", l->f.until);
	view_bind(q, ":statuses", l->f.statuses);
	view_bind_number(q, ":n", n);
	id = view_next(q) ? view_number(q, 0) : 0;
	view_free(q);
	return id;
}

static void
begin(struct log *l, int header)
{
	static const char *const title[FIELDS] = {
		"SID", "CAME", "RESULT", "OUTCOME", "ANSWER", "MS", "STATUS",
		"ERROR", "TO", "FROM", "SOURCE", "PEER"
	};

	table_begin(&l->table, stdout, "", FIELDS);
	if (l->terminal && !l->replay)
		table_row(&l->table, title);
	else if (header && l->replay)
		rec_header_status(stdout);
	else if (header)
		puts("#sid\tat\tresult\toutcome\tanswer\ttook_ms\tstatus\t"
			"error_code\tto\tfrom\tsource\tpeer");
}

int
main(int argc, char *argv[])
{
	static struct log l = { .text = BUF_INIT(TEXT_MAX) };
	struct buf words = BUF_INIT(WORDS_MAX);
	const char *since = NULL, *until = NULL, *why;
	char since_at[WHEN_SIZE], until_at[WHEN_SIZE], *db;
	long long limit = -1, now = when_now();
	int c, follow = 0, header = 0, r;

	while ((c = getopt(argc, argv, "HPS:U:Vfhn:rs:t:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'P': l.full = 1; break;
		case 'S': since = optarg; break;
		case 'U': until = optarg; break;
		case 'V': puts("sms-log " VERSION); return finish_stdout(0);
		case 'f': follow = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'n': limit = num_option(c, optarg, 0, 1000000000); break;
		case 'r': l.replay = 1; break;
		case 's': read_results(&words, optarg); break;
		case 't': now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc || (follow && until != NULL)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (since != NULL)
		l.f.since = when_format(since_at,
			when_since_option('S', since, now));
	if (until != NULL)
		l.f.until = when_format(until_at,
			when_since_option('U', until, now));
	if (words.len > 0)
		l.f.statuses = words.s;

	conf_load();
	db = conf_db();
	if (l.full)
		access_note(db, argv);
	if ((r = view_open(&l.view, db, &why)) != 0)
		die(r, "%s", why);
	l.list = view_query(l.view, sql_log_list);
	l.newest = view_query(l.view, sql_log_newest);
	l.terminal = isatty(STDOUT_FILENO);

	view_buffer_stdout();
	begin(&l, header);
	if (limit < 0 && follow && since == NULL)
		limit = LAST_FOLLOWED;
	if (limit > 0)
		l.last = before(&l, limit);
	view_changed(l.view);
	do
		catch_up(&l);
	while (follow && view_status(l.view) == 0 &&
	    view_await(l.view, -1) > 0);
	table_end(&l.table);

	if (view_status(l.view) != 0)
		die(view_status(l.view), "%s", view_why(l.view));
	view_free(l.list);
	view_free(l.newest);
	view_close(l.view);
	json_close(l.json);
	buf_release(&l.text);
	buf_release(&words);
	free(l.url);
	free(l.held);
	free(db);
	return finish_stdout(0);
}

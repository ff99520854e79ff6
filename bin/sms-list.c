/*
 * sms-list - list messages
 *
 * Writes one sms-record(5) status record per message, oldest first; at a
 * terminal a table with ages instead, its numbers masked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "buf.h"
#include "conf.h"
#include "die.h"
#include "mask.h"
#include "num.h"
#include "rec.h"
#include "story.h"
#include "table.h"
#include "view.h"
#include "when.h"

enum { ID = STATUS_FIELDS, STATUSES_MAX = 64, WORDS_MAX = 1000 };

extern const char sql_list[], sql_list_count[], sql_list_one[],
	sql_list_status[], sql_story_early[];

const char progname[] = "sms-list";

/* What is asked for; NULL: all. */
struct filter {
	const char *since, *until, *direction, *code, *number, *statuses;
	const char *conflict;
};

struct listing {
	int form;              /* 'c' 'i' 'v' or, as records or a table, 0 */
	int header, masked, terminal;
	long long now, told;
	struct table table;
	struct story *story;
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-list [-Hx] [-M | -P] [-c | -i | -v] [-S since] "
		"[-U until]\n"
		"\t[-d direction] [-e code] [-p number] [-s status,...] "
		"[-t now]\n"
		"       sms-list [-H] [-M | -P] [-i | -v] [-t now] "
		"sid | ref ...\n", fp);
}

/* A row of the table.  The number is the other side's. */
static void
show_row(struct listing *l, const struct rec *rec)
{
	const char *number = rec->f[DIRECTION] != NULL &&
		strcmp(rec->f[DIRECTION], "inbound") == 0 ? rec->f[FROM] :
		rec->f[TO];
	char age[WHEN_AGE_SIZE], at[WHEN_AGE_SIZE];
	const char *const cell[] = {
		age, rec->f[STATUS], at, number, rec->f[ERROR_CODE],
		rec->f[SID] != NULL ? rec->f[SID] : rec->f[REF]
	};
	long long t;

	when_format_age(age, when_parse(rec->f[CREATED_AT], &t) == 0 ?
		l->now - t : 0);
	when_format_age(at, when_parse(rec->f[AT], &t) == 0 ? l->now - t : 0);
	table_row(&l->table, cell);
}

/* The message of the row that q has. */
static void
show(struct listing *l, struct view_query *q)
{
	struct rec rec, shown;
	char *text = NULL;

	view_record(q, &rec);
	if (l->form == 'v') {
		if (l->told++ > 0)
			putchar('\n');
		story_tell(l->story, stdout, view_number(q, ID));
		check_stdout();
		return;
	}
	if (l->form == 'i') {
		if (rec.f[SID] != NULL)
			puts(rec.f[SID]);
		return;
	}
	if (l->masked) {
		text = rec_copy(&shown, &rec, STATUS_FIELDS);
		mask_record(&shown);
		rec = shown;
	}
	if (l->terminal)
		show_row(l, &rec);
	else
		rec_write(stdout, rec.f, STATUS_FIELDS);
	free(text);
	check_stdout();
}

static void
show_count(struct listing *l, const char *status, long long n)
{
	char number[24];
	const char *const cell[] = { status, number };

	snprintf(number, sizeof(number), "%lld", n);
	if (l->terminal)
		table_row(&l->table, cell);
	else
		printf("%s\t%s\n", status, number);
}

/* What is asked for, of a query that may ask for less. */
static void
bind(struct view_query *q, const struct filter *f)
{
	view_bind(q, ":since", f->since);
	view_bind(q, ":until", f->until);
	view_bind(q, ":direction", f->direction);
	view_bind(q, ":code", f->code);
	view_bind(q, ":number", f->number);
	view_bind(q, ":statuses", f->statuses);
	view_bind(q, ":conflict", f->conflict);
}

/*
 * By status.  The store counts fast; where it is asked for more than that, the
 * messages are counted here.
 */
static void
count(struct view *v, struct listing *l, const struct filter *f)
{
	struct view_query *q = view_query(v, sql_list_count);
	char *status[STATUSES_MAX];
	long long n[STATUSES_MAX];
	int i, known = 0, each = f->since != NULL || f->until != NULL ||
		f->direction != NULL || f->code != NULL || f->number != NULL ||
		f->conflict != NULL;

	view_begin(v);
	for (bind(q, f); known < STATUSES_MAX && view_next(q); known++) {
		status[known] = need_str(view_text(q, 0));
		n[known] = each ? 0 : view_number(q, 1);
	}
	view_free(q);
	if (each) {
		q = view_query(v, sql_list);
		view_bind_number(q, ":limit", -1);
		for (bind(q, f); view_next(q); ) {
			for (i = 0; i < known &&
			    strcmp(status[i], view_text(q, STATUS)) != 0; i++)
				;
			if (i < known)
				n[i]++;
		}
		view_free(q);
	}
	view_end(v);
	for (i = 0; i < known; i++) {
		if (n[i] > 0)
			show_count(l, status[i], n[i]);
		free(status[i]);
	}
}

/* A slow reader must not hold back what others write, so it goes by steps. */
static void
list(struct view *v, struct listing *l, const struct filter *f)
{
	struct view_query *q = view_query(v, sql_list);
	struct buf after = BUF_INIT(REC_LINE_MAX);
	long long id = 0, rows;

	do {
		bind(q, f);
		view_bind_number(q, ":limit", VIEW_ROWS);
		if (id > 0) {
			view_bind(q, ":after", after.s);
			view_bind_number(q, ":after_id", id);
		}
		for (rows = 0; view_next(q); rows++) {
			show(l, q);
			id = view_number(q, ID);
			buf_reset(&after);
			buf_addstr(&after, view_text(q, CREATED_AT));
		}
		fflush(stdout);
		check_stdout();
	} while (rows == VIEW_ROWS);
	view_free(q);
	buf_release(&after);
}

/* The messages of these SIDs and refs; returns SOME_FAILED or 0. */
static int
list_named(struct view *v, struct listing *l, char *const name[])
{
	struct view_query *q = view_query(v, sql_list_one);
	struct view_query *early = view_query(v, sql_story_early);
	int status = 0;
	char *shown;

	for (; *name != NULL && view_status(v) == 0; name++) {
		view_bind(q, ":name", *name);
		if (view_next(q)) {
			show(l, q);
			view_stop(q);
			continue;
		}
		shown = mask(need_str(*name));
		view_bind(early, ":sid", *name);
		if (view_next(early) && view_number(early, 0) > 0)
			warn("no message '%s', but %lld records wait for it",
				shown, view_number(early, 0));
		else
			warn("no message '%s'", shown);
		view_stop(early);
		free(shown);
		status = SOME_FAILED;
	}
	view_free(q);
	view_free(early);
	return status;
}

/* "A,b" as ",a,b,", each a word that a message may have; the caller frees. */
static char *
statuses(struct view *v, const char *list)
{
	struct view_query *q = view_query(v, sql_list_status);
	struct buf words = BUF_INIT(WORDS_MAX);
	const char *p;
	char *word;
	size_t from;

	buf_addc(&words, ',');
	for (p = list; ; p++) {
		from = words.len;
		for (; *p != '\0' && *p != ','; p++)
			buf_addc(&words, *p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		word = words.s + from;
		view_bind(q, ":status", word);
		if (from == words.len || (!view_next(q) && view_status(v) == 0))
			die(BAD_USAGE, "-s '%s' is no status: sms(7) lists "
				"them", word);
		view_stop(q);
		if (buf_addc(&words, ',') != 0)
			die(BAD_USAGE, "-s takes fewer words");
		if (*p == '\0')
			break;
	}
	view_free(q);
	return words.s;
}

static int
is_direction(const char *s)
{
	return strcmp(s, "inbound") == 0 || strcmp(s, "outbound") == 0 ||
		strcmp(s, "outbound-api") == 0 ||
		strcmp(s, "outbound-call") == 0 ||
		strcmp(s, "outbound-reply") == 0;
}

static void
begin(struct listing *l)
{
	static const char *const title[] = {
		"AGE", "STATUS", "FOR", "NUMBER", "ERROR", "MESSAGE"
	};
	static const char *const count_title[] = { "STATUS", "MESSAGES" };

	table_begin(&l->table, stdout, "", l->form == 'c' ? 2 : 6);
	if (l->form == 'i' && l->header)
		puts("#sid");
	if (l->form == 'v' || l->form == 'i' || (!l->terminal && !l->header))
		return;
	if (l->terminal)
		table_row(&l->table, l->form == 'c' ? count_title : title);
	else if (l->form == 'c')
		puts("#status\tmessages");
	else
		rec_header_status(stdout);
}

int
main(int argc, char *argv[])
{
	struct filter f = { NULL, NULL, NULL, NULL, NULL, NULL, NULL };
	struct listing l = { 0 };
	const char *since = NULL, *until = NULL, *words = NULL, *why;
	char since_at[WHEN_SIZE], until_at[WHEN_SIZE], *db, *wanted = NULL;
	int c, full = 0, masked = 0, r, status = 0;
	struct view *v;
	long long n;

	l.now = when_now();
	while ((c = getopt(argc, argv, "HMPS:U:Vcd:e:hip:s:t:vx")) != -1)
		switch (c) {
		case 'H': l.header = 1; break;
		case 'M': masked = 1; break;
		case 'P': full = 1; break;
		case 'S': since = optarg; break;
		case 'U': until = optarg; break;
		case 'V': puts("sms-list " VERSION); return finish_stdout(0);
		case 'd': f.direction = optarg; break;
		case 'e': f.code = optarg; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'p': f.number = optarg; break;
		case 's': words = optarg; break;
		case 't': l.now = when_option(c, optarg); break;
		case 'x': f.conflict = "1"; break;
		case 'c':
		case 'i':
		case 'v':
			if (l.form == 0 || l.form == c) {
				l.form = c;
				break;
			} /* FALLTHROUGH */
		default: usage(stderr); return BAD_USAGE;
		}
	if ((full && masked) || (optind < argc && (since != NULL ||
	    until != NULL || words != NULL || f.direction != NULL ||
	    f.code != NULL || f.number != NULL || f.conflict != NULL ||
	    l.form == 'c'))) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (since != NULL)
		f.since = when_format(since_at,
			when_since_option('S', since, l.now));
	if (until != NULL)
		f.until = when_format(until_at,
			when_since_option('U', until, l.now));
	if (f.direction != NULL && !is_direction(f.direction))
		die(BAD_USAGE, "-d '%s' is none of inbound, outbound, "
			"outbound-api, outbound-call, outbound-reply",
			f.direction);
	if (f.code != NULL && num_parse(f.code, 1, 999999999, &n) != 0)
		die(BAD_USAGE, "-e '%s' is no error code",
			mask(need_str(f.code)));

	conf_load();
	db = conf_db();
	if (full)
		access_note(db, argv);
	if ((r = view_open(&v, db, &why)) != 0)
		die(r, "%s", why);
	if (words != NULL)
		f.statuses = wanted = statuses(v, words);
	l.terminal = isatty(STDOUT_FILENO);
	l.masked = masked || (l.terminal && !full);
	l.story = l.form == 'v' ? story_open(v, full, l.now) : NULL;

	view_buffer_stdout();
	begin(&l);
	if (l.form == 'c')
		count(v, &l, &f);
	else if (optind < argc)
		status = list_named(v, &l, argv + optind);
	else
		list(v, &l, &f);
	table_end(&l.table);

	if (view_status(v) != 0)
		die(view_status(v), "%s", view_why(v));
	story_close(l.story);
	view_close(v);
	free(wanted);
	free(db);
	return finish_stdout(status);
}

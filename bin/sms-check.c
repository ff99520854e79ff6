/*
 * sms-check - say in one line whether all is well, as Nagios plugins do
 *
 * Each check has one value, held against two thresholds.  What cannot be
 * looked at is UNKNOWN, and says so on standard output, where Nagios reads.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "ran.h"
#include "range.h"
#include "spool.h"
#include "usual.h"
#include "view.h"
#include "when.h"

enum state { OK, WARNING, CRITICAL, UNKNOWN, STATES };

enum {
	LATE = 7200,          /* seconds after which an open message is stuck */
	FEW = 10,            /* requests of which no rate is told */
	HOURS = 3,           /* looked at for failures; with too few of them */
	HOURS_MORE = 24,
	LINE_MAX_BYTES = 4096
};

extern const char sql_check_any[], sql_check_before[], sql_check_callbacks[],
	sql_check_ends[], sql_check_unsettled[], sql_check_webhooks[],
	sql_stat_loss[], sql_stat_stuck[];

const char progname[] = "sms-check";

/* What all checks look at. */
struct sight {
	struct view *view;
	const char *db;
	long long now;
	char now_at[WHEN_SIZE], since_at[WHEN_SIZE], stuck_at[WHEN_SIZE];
};

struct result {
	double value;
	int state;           /* >= 0: what it is whatever the thresholds say */
	char text[200];
};

struct check {
	const char *name;
	const char *unit;    /* as perfdata has it */
	const char *warning, *critical;
	void (*look)(struct sight *s, struct result *r);
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-check [-S since] [-c range] [-t now] [-w range] "
		"[name ...]\n", fp);
}

static struct view_query *
ask(struct sight *s, const char *sql)
{
	struct view_query *q = view_query(s->view, sql);

	view_bind(q, ":now", s->now_at);
	view_bind(q, ":since", s->since_at);
	view_bind(q, ":stuck", s->stuck_at);
	return q;
}

/* The words of a result; "|" would begin the figures. */
__attribute__((format(printf, 2, 3))) static void
say(struct result *r, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	for (p = r->text; *p != '\0'; p++)
		if (*p == '|' || *p == '\n')
			*p = ' ';
}

static void
look_webhooks(struct sight *s, struct result *r)
{
	struct view_query *q = ask(s, sql_check_webhooks);
	long long all = 0, good = 0;

	if (view_next(q)) {
		all = view_number(q, 0);
		good = view_number(q, 1);
	}
	r->value = all == 0 ? 100 : 100.0 * (double)good / (double)all;
	if (all == 0)
		say(r, "no requests");
	else if (good == all)
		say(r, "all of %lld requests taken in", all);
	else
		say(r, "%.1f%% of %lld requests taken in, most others %s",
			r->value, all, view_text(q, 2));
	if (all < FEW)
		r->state = OK;
	view_free(q);
}

static void
look_stuck(struct sight *s, struct result *r)
{
	struct view_query *q = ask(s, sql_stat_stuck);

	while (view_next(q))
		r->value += (double)view_number(q, 1);
	say(r, "%.0f messages open for over 2h", r->value);
	view_free(q);
}

static void
look_unsettled(struct sight *s, struct result *r)
{
	struct view_query *q = ask(s, sql_check_unsettled);

	if (view_next(q))
		r->value = (double)view_number(q, 0);
	say(r, "%.0f messages that may not have reached Twilio for over 2h",
		r->value);
	view_free(q);
}

/* How messages ended in these hours, and in those of the weeks before. */
static void
count_ends(struct sight *s, int hours,
	struct usual_count week[USUAL_WEEKS + 1])
{
	struct view_query *q = ask(s, sql_check_ends);
	struct usual_count *c;

	memset(week, 0, (USUAL_WEEKS + 1) * sizeof(week[0]));
	view_bind_number(q, ":hours", hours);
	while (view_next(q)) {
		c = &week[view_number(q, 0)];
		c->n = view_real(q, 1);
		c->bad = view_real(q, 2);
	}
	view_free(q);
}

/* How all ended before these hours. */
static void
count_before(struct sight *s, int hours, struct usual_count *all)
{
	struct view_query *q = ask(s, sql_check_before);

	view_bind_number(q, ":hours", hours);
	if (view_next(q)) {
		all->n = view_real(q, 0);
		all->bad = view_real(q, 1);
	}
	view_free(q);
}

static void
look_delivery(struct sight *s, struct result *r)
{
	struct usual_count week[USUAL_WEEKS + 1], all = { 0, 0 };
	struct usual u;
	int hours = HOURS;

	count_ends(s, hours, week);
	if (week[0].n < USUAL_ENOUGH) {
		hours = HOURS_MORE;
		count_ends(s, hours, week);
	}
	if (week[0].n < USUAL_ENOUGH) {
		r->state = OK;
		say(r, "too few messages ended to tell: %.0f in %dh",
			week[0].n, hours);
		return;
	}
	count_before(s, hours, &all);
	usual_judge(&u, &week[0], &week[1], &all);
	r->value = u.score;
	say(r, "%.1f%% of %.0f failed in %dh, usual is up to %.1f%% (%s)",
		100 * u.share, week[0].n, hours, 100 * u.usual, u.from);
}

static void
look_callbacks(struct sight *s, struct result *r)
{
	struct view_query *q = ask(s, sql_check_callbacks);
	char age[WHEN_AGE_SIZE];
	long long at, n = 0;

	if (view_next(q)) {
		n = view_number(q, 0);
		r->value = (double)view_number(q, 1);
	}
	if (n > 0)
		say(r, "%s%s, and %lld messages made since, the first %s ago",
			view_text(q, 2) == NULL ? "none ever" : "none since ",
			view_text(q, 2) == NULL ? "" : view_text(q, 2), n,
			when_format_age(age, (long long)r->value));
	else if (view_text(q, 2) != NULL &&
	    when_parse(view_text(q, 2), &at) == 0)
		say(r, "the last %s ago, nothing sent since",
			when_format_age(age, s->now - at));
	else
		say(r, "nothing sent, none due");
	view_free(q);
}

static void
look_lost(struct sight *s, struct result *r)
{
	struct view_query *q = ask(s, sql_stat_loss);

	if (view_next(q) && view_text(q, 0) != NULL) {
		r->value = 100 * view_real(q, 0);
		say(r, "%.1f%% of the callbacks due never came", r->value);
	} else {
		say(r, "no callbacks due");
	}
	view_free(q);
}

static void
look_reconcile(struct sight *s, struct result *r)
{
	char age[WHEN_AGE_SIZE];
	struct ran ran;

	if (ran_read(&ran, s->db) != 0) {
		r->state = UNKNOWN;
		say(r, "cannot read '%s.reconcile.ran': %s", s->db,
			strerror(errno));
	} else if (ran.good_at != 0) {
		r->value = ran.good_at > s->now ? 0 :
			(double)(s->now - ran.good_at);
		when_format_age(age, (long long)r->value);
		if (ran.status == 0)
			say(r, "ran %s ago", age);
		else
			say(r, "ended well %s ago, since then with status %d",
				age, ran.status);
	} else if (ran.at != 0) {
		r->state = CRITICAL;
		say(r, "never ended well, last with status %d", ran.status);
	} else {
		r->state = view_count(s->view, sql_check_any) > 0 ?
			CRITICAL : OK;
		say(r, "never ran: crontab should run sms-reconcile");
	}
}

static void
look_spool(struct sight *s, struct result *r)
{
	struct spool_size size;
	char age[WHEN_AGE_SIZE], *path = conf_spool();

	if (spool_measure(path, &size) != 0) {
		r->state = UNKNOWN;
		say(r, "cannot read '%s': %s", path, strerror(errno));
	} else if (size.lines == 0) {
		say(r, "empty");
	} else {
		r->value = size.since > s->now ? 0 :
			(double)(s->now - size.since);
		say(r, "%lld lines wait, for %s", size.lines,
			when_format_age(age, (long long)r->value));
	}
	free(path);
}

static const struct check checks[] = {
	{ "callbacks", "s", "15m", "1h", look_callbacks },
	{ "delivery", "", "3", "6", look_delivery },
	{ "lost", "%", "5", "20", look_lost },
	{ "reconcile", "s", "2h", "6h", look_reconcile },
	{ "spool", "s", "5m", "1h", look_spool },
	{ "stuck", "", "10", "100", look_stuck },
	{ "unsettled", "", "0", "10", look_unsettled },
	{ "webhooks", "%", "95:", "80:", look_webhooks }
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

static const struct check *
find(const char *name)
{
	size_t i;

	for (i = 0; i < CHECKS; i++)
		if (strcmp(checks[i].name, name) == 0)
			return &checks[i];
	return NULL;
}

/* Looks, and adds what there is to say to the text of that state. */
static enum state
judge(struct sight *s, const struct check *c, const char *warning,
	const char *critical, struct buf text[STATES], struct buf *figures)
{
	struct result r = { 0, -1, "" };
	char w_text[RANGE_SIZE], x_text[RANGE_SIZE];
	struct range w, x;
	enum state state;

	if (warning == NULL)
		warning = c->warning;
	if (critical == NULL)
		critical = c->critical;
	if (range_parse(&w, warning) != 0)
		die(BAD_USAGE, "-w takes a range such as 10, 95: or 15m, "
			"not '%s'", warning);
	if (range_parse(&x, critical) != 0)
		die(BAD_USAGE, "-c takes a range such as 10, 95: or 15m, "
			"not '%s'", critical);
	c->look(s, &r);
	if (view_status(s->view) != 0) {
		r.state = UNKNOWN;
		say(&r, "%s", view_why(s->view));
	}
	state = r.state >= 0 ? (enum state)r.state :
		range_alarms(&x, r.value) ? CRITICAL :
		range_alarms(&w, r.value) ? WARNING : OK;
	buf_addf(&text[state], "%s%s: %s", text[state].len > 0 ? "; " : "",
		c->name, r.text);
	if (state != UNKNOWN)
		buf_addf(figures, " %s=%.10g%s;%s;%s", c->name, r.value,
			c->unit, range_format(w_text, &w),
			range_format(x_text, &x));
	return state;
}

int
main(int argc, char *argv[])
{
	static const char *const word[STATES] = {
		"OK", "WARNING", "CRITICAL", "UNKNOWN"
	};
	/* what is known to be bad comes before what is not known */
	static const enum state order[STATES] = {
		CRITICAL, WARNING, UNKNOWN, OK
	};
	struct buf text[STATES] = {
		BUF_INIT(LINE_MAX_BYTES), BUF_INIT(LINE_MAX_BYTES),
		BUF_INIT(LINE_MAX_BYTES), BUF_INIT(LINE_MAX_BYTES)
	};
	struct buf figures = BUF_INIT(LINE_MAX_BYTES);
	const char *critical = NULL, *since = "1d", *warning = NULL, *why;
	struct sight s;
	int c, i, seen[STATES] = { 0, 0, 0, 0 };
	enum state worst;
	long long from;
	char *db;

	s.now = when_now();
	while ((c = getopt(argc, argv, "S:Vc:ht:w:")) != -1)
		switch (c) {
		case 'S': since = optarg; break;
		case 'V': puts("sms-check " VERSION); return finish_stdout(0);
		case 'c': critical = optarg; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 't': s.now = when_option(c, optarg); break;
		case 'w': warning = optarg; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if ((warning != NULL || critical != NULL) && argc - optind != 1)
		die(BAD_USAGE, "-w and -c are of one check: name it");
	for (i = optind; i < argc; i++)
		if (find(argv[i]) == NULL)
			die(BAD_USAGE, "no check '%s': sms-check(1) lists them",
				argv[i]);
	when_format(s.now_at, s.now);
	/* lost callbacks are counted by the hour */
	from = when_since_option('S', since, s.now);
	when_format(s.since_at, from - (from % 3600 + 3600) % 3600);
	when_format(s.stuck_at, s.now - LATE);

	conf_load();
	s.db = db = conf_db();
	if (view_open(&s.view, db, &why) != 0) {
		printf("SMS UNKNOWN - %s\n", why);
		free(db);
		return finish_stdout(UNKNOWN);
	}
	view_begin(s.view);
	for (i = optind; i < argc; i++)
		seen[judge(&s, find(argv[i]), warning, critical, text,
			&figures)] = 1;
	for (i = 0; optind == argc && i < CHECKS; i++)
		seen[judge(&s, &checks[i], NULL, NULL, text, &figures)] = 1;
	view_end(s.view);

	for (i = 0; i < STATES && !seen[order[i]]; i++)
		;
	worst = order[i];
	printf("SMS %s - %s", word[worst], text[worst].s);
	for (i++; i < STATES; i++)
		if (seen[order[i]])
			printf("; %s", text[order[i]].s);
	if (figures.len > 0)
		printf(" |%s", figures.s);
	putchar('\n');
	for (i = 0; i < STATES; i++)
		buf_release(&text[i]);
	buf_release(&figures);
	view_close(s.view);
	free(db);
	return finish_stdout(worst);
}

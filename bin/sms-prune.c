/*
 * sms-prune - remove what need not be kept
 *
 * Deletes in slices of so many rows, with a pause after each as long as the
 * slice took: whoever else writes gets its turn.  Killed in the middle it has
 * done a part, and the next run does the rest.  The history of messages stays.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "db.h"
#include "die.h"
#include "store.h"
#include "when.h"

enum {
	SLICE = 500,               /* rows at a time */
	DAY = 86400,
	LOG_AGE = 90 * DAY,
	LOG_AGE_MIN = DAY          /* events are known again by their log */
};

extern const char sql_prune_bodies[], sql_prune_calls[], sql_prune_early[],
	sql_prune_logs[], sql_prune_messages[], sql_prune_refused[],
	sql_prune_replies[];

const char progname[] = "sms-prune";

enum { LOGS, EARLY, REFUSED_MINUTES, BODIES, REPLIES, CALLS, MESSAGES, JOBS };

/* The queries, and their tables if these are walked. */
static const struct job {
	const char *sql;
	const char *last;   /* the last row of the table; NULL: not walked */
	const char *words;  /* what is done, for the line that tells how often */
} jobs[JOBS] = {
	{ sql_prune_logs, NULL, "requests removed from the webhook log" },
	{ sql_prune_early, NULL, "records of unknown messages removed" },
	{ sql_prune_refused, NULL, "minutes of refused requests removed" },
	{ sql_prune_bodies, "SELECT max(id) FROM messages",
		"texts of messages blanked" },
	{ sql_prune_replies, "SELECT max(id) FROM webhook_logs",
		"texts of replies blanked in the webhook log" },
	{ sql_prune_calls, NULL, "requests about test messages removed from "
		"the webhook log" },
	{ sql_prune_messages, NULL, "test messages removed" }
};

struct pruning {
	struct db *db;
	int dry, tell;
	const char *number;
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-prune [-nvz] [-b age] [-l age] [-r number] "
		"[-t now]\n", fp);
}

static void
check(struct pruning *p, int r)
{
	if (r != 0)
		die(r, "%s", db_why(p->db));
}

static void
bind(struct pruning *p, sqlite3_stmt *q, const char *before, long long limit,
	long long first, long long last)
{
	db_bind(q, ":before", before);
	db_bind(q, ":number", p->number);
	db_bind_number(q, ":limit", limit);
	db_bind_number(q, ":first", first);
	db_bind_number(q, ":last", last);
}

/* The number that a query yields, 0 for none. */
static long long
number(struct pruning *p, const char *sql, const char *before)
{
	sqlite3_stmt *q;
	long long n = 0;
	int rc;

	check(p, db_prepare(p->db, sql, &q));
	bind(p, q, before, -1, 0, INT64_MAX);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	check(p, db_done(p->db, q, rc));
	sqlite3_finalize(q);
	return n;
}

/*
 * How many rows a job would change: each names them by a query in brackets,
 * with which it ends.
 */
static long long
count(struct pruning *p, const struct job *job, const char *before)
{
	struct buf sql = BUF_INIT(4096);
	long long n;

	buf_addf(&sql, "SELECT count(*) FROM %s", strstr(job->sql,
		"IN (SELECT") + 3);
	n = number(p, sql.s, before);
	buf_release(&sql);
	return n;
}

/* Lets others write for as long as they were kept from it. */
static void
pause_since(long long began)
{
	when_sleep_ms(when_mono_ms() - began + 1);
}

/*
 * A job in slices: until none is left or, where finding a row takes looking
 * at all before it, once through the table.
 */
static long long
carry_out(struct pruning *p, int job, const char *before)
{
	long long began, first = 0, last = 0, total = 0;
	sqlite3_stmt *q;
	int n;

	if (jobs[job].last != NULL)
		last = number(p, jobs[job].last, NULL);
	do {
		began = when_mono_ms();
		q = db_query(p->db, job);
		bind(p, q, before, SLICE, first, first + SLICE - 1);
		check(p, db_change(p->db, q, &n));
		total += n;
		first += SLICE;
		if (n > 0)
			pause_since(began);
	} while (jobs[job].last != NULL ? first <= last : n == SLICE);
	return total;
}

static void
prune(struct pruning *p, int job, const char *before)
{
	long long n = p->dry ? count(p, &jobs[job], before) :
		carry_out(p, job, before);

	if (p->tell && (n > 0 || p->dry))
		printf("%lld\t%s\n", n, jobs[job].words);
}

int
main(int argc, char *argv[])
{
	struct pruning p = { NULL, 0, 0, NULL };
	long long bodies = -1, logs = -1, now = when_now();
	struct db_kind kind = store_kind;
	char before[WHEN_SIZE], *db;
	const char *query[JOBS], *why;
	int c, compact = 0, i;

	while ((c = getopt(argc, argv, "Vb:hl:nr:t:vz")) != -1)
		switch (c) {
		case 'V': puts("sms-prune " VERSION); return finish_stdout(0);
		case 'b': bodies = when_age_option(c, optarg); break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'l': logs = when_age_option(c, optarg); break;
		case 'n': p.dry = p.tell = 1; break;
		case 'r':
			if (p.number != NULL)
				die(BAD_USAGE, "-r takes one number at a time");
			p.number = optarg;
			break;
		case 't': now = when_option(c, optarg); break;
		case 'v': p.tell = 1; break;
		case 'z': compact = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (logs >= 0 && logs < LOG_AGE_MIN)
		die(BAD_USAGE, "-l takes 1d at least: by the log sms-hook "
			"knows what it was told before");
	if (p.number != NULL && *p.number == '\0')
		die(BAD_USAGE, "-r takes a number as in +14155550100");
	if (logs < 0 && bodies < 0 && p.number == NULL)
		logs = LOG_AGE;

	conf_load();
	db = conf_db();
	for (i = 0; i < JOBS; i++)
		query[i] = jobs[i].sql;
	kind.query = query;
	kind.queries = JOBS;
	if ((c = db_open(&p.db, db, p.dry ? DB_READ : DB_EXISTING, &kind,
	    &why)) != 0)
		die(c, "%s", why);
	if (logs >= 0) {
		when_format(before, now - logs);
		prune(&p, LOGS, before);
		prune(&p, EARLY, before);
		prune(&p, REFUSED_MINUTES, before);
	}
	if (bodies >= 0) {
		when_format(before, now - bodies);
		prune(&p, BODIES, before);
		prune(&p, REPLIES, before);
	}
	if (p.number != NULL) {
		prune(&p, CALLS, NULL);
		prune(&p, MESSAGES, NULL);
	}
	if (compact && !p.dry)
		check(&p, db_run(p.db, "VACUUM; "
			"PRAGMA wal_checkpoint(TRUNCATE)"));

	db_close(p.db);
	free(db);
	return finish_stdout(0);
}

/*
 * sms-stat - measure the store, for people, scripts and Prometheus
 *
 * Writes one line per metric.  Each is a query of sql/stat-*.sql: its last
 * column is the value, the others are labels, named as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "ran.h"
#include "spool.h"
#include "view.h"
#include "when.h"

enum { PATH_SIZE = 4096, STUCK = 7200 };  /* bytes, seconds */

extern const char sql_stat_ambiguous[], sql_stat_answer[], sql_stat_came[],
	sql_stat_conflicts[], sql_stat_delivery[], sql_stat_loss[],
	sql_stat_lost[], sql_stat_messages[], sql_stat_oldest[],
	sql_stat_refused[], sql_stat_segments[], sql_stat_spend[],
	sql_stat_stuck[], sql_stat_success[], sql_stat_time[],
	sql_stat_webhooks[];

const char progname[] = "sms-stat";

static const struct metric {
	const char *name, *help, *sql;
} metrics[] = {
	{ "sms_messages", "Messages in the store.", sql_stat_messages },
	{ "sms_stuck_messages", "Messages that are open two hours after they "
		"were made or due.", sql_stat_stuck },
	{ "sms_ambiguous_messages", "Messages of which nobody knows whether "
		"they reached Twilio.", sql_stat_ambiguous },
	{ "sms_conflicting_messages", "Messages that were told contradicting "
		"final statuses.", sql_stat_conflicts },
	{ "sms_oldest_open_seconds", "Age of the oldest open message.",
		sql_stat_oldest },
	{ "sms_delivery_ratio", "Share of the messages made in the window and "
		"final that arrived.", sql_stat_delivery },
	{ "sms_delivery_seconds", "Time from making to delivery, in the "
		"window.", sql_stat_time },
	{ "sms_segments", "Segments of the messages of a day.",
		sql_stat_segments },
	{ "sms_spend", "Cost of the messages of a day, as far as it is told.",
		sql_stat_spend },
	{ "sms_webhook_requests", "Requests to sms-hook in the window and in "
		"the log.", sql_stat_webhooks },
	{ "sms_webhook_success_ratio", "Share of these that were authentic and "
		"taken in.", sql_stat_success },
	{ "sms_refused_requests", "All requests that sms-hook refused in the "
		"window.", sql_stat_refused },
	{ "sms_callback_seconds", "Time from the first byte of a callback to "
		"its answer, in the window.", sql_stat_answer },
	{ "sms_last_callback_timestamp_seconds", "When the last callback came.",
		sql_stat_came },
	{ "sms_lost_callbacks", "Callbacks due in the window that never came.",
		sql_stat_lost },
	{ "sms_callback_loss_ratio", "Share of the changes in the window that "
		"no callback told.", sql_stat_loss }
};

struct report {
	FILE *fp;
	int prometheus;
	long long now;
	char now_at[WHEN_SIZE], since_at[WHEN_SIZE], stuck_at[WHEN_SIZE];
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-stat [-p] [-S since] [-o file] [-t now]\n", fp);
}

static void
begin(const struct report *r, const char *name, const char *help)
{
	if (r->prometheus)
		fprintf(r->fp, "# HELP %s %s\n# TYPE %s gauge\n", name, help,
			name);
}

static void
write_label(FILE *fp, const char *name, const char *value)
{
	fprintf(fp, "%s=\"", name);
	for (; value != NULL && *value != '\0'; value++)
		if (*value == '"' || *value == '\\')
			fprintf(fp, "\\%c", *value);
		else
			putc((unsigned char)*value < ' ' ? '?' : *value, fp);
	putc('"', fp);
}

/* What a query yields; nothing is said of what is not known. */
static void
measure(struct report *r, struct view *v, const struct metric *m)
{
	struct view_query *q = view_query(v, m->sql);
	int begun = 0, i, last = view_columns(q) - 1;

	view_bind(q, ":now", r->now_at);
	view_bind(q, ":since", r->since_at);
	view_bind(q, ":stuck", r->stuck_at);
	while (view_next(q)) {
		if (view_text(q, last) == NULL)
			continue;
		if (!begun++)
			begin(r, m->name, m->help);
		fputs(m->name, r->fp);
		for (i = 0; i < last; i++) {
			putc(i == 0 ? '{' : ',', r->fp);
			write_label(r->fp, view_name(q, i), view_text(q, i));
		}
		fprintf(r->fp, "%s%c%s\n", last > 0 ? "}" : "",
			r->prometheus ? ' ' : '\t', view_text(q, last));
	}
	view_free(q);
}

static void
write_number(struct report *r, const char *name, const char *help,
	long long n)
{
	begin(r, name, help);
	fprintf(r->fp, "%s%c%lld\n", name, r->prometheus ? ' ' : '\t', n);
}

static void
write_spool(struct report *r)
{
	struct spool_size size;
	char *path = conf_spool();

	if (spool_measure(path, &size) != 0)
		die(IO_FAILED, "cannot read the spool '%s':", path);
	write_number(r, "sms_spool_lines", "Lines that wait in the spool.",
		size.lines);
	write_number(r, "sms_spool_bytes", "Bytes of the spool.", size.bytes);
	write_number(r, "sms_spool_oldest_seconds", "How long the first line "
		"has waited in the spool.", size.since == 0 ||
		size.since > r->now ? 0 : r->now - size.since);
	free(path);
}

static void
write_reconcile(struct report *r, const char *db)
{
	struct ran ran;

	if (ran_read(&ran, db) != 0)
		die(IO_FAILED, "cannot read '%s.reconcile.ran':", db);
	if (ran.at == 0)
		return;
	write_number(r, "sms_reconcile_last_run_timestamp_seconds",
		"When sms-reconcile ended last.", ran.at);
	write_number(r, "sms_reconcile_last_status",
		"Its exit status then.", ran.status);
	if (ran.good_at != 0)
		write_number(r,
			"sms_reconcile_last_success_timestamp_seconds",
			"When it ended last with status 0.", ran.good_at);
}

/* Syncs the directory that path is in: its new name is durable then. */
static void
sync_directory(const char *path)
{
	char dir[PATH_SIZE];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	if ((slash = strrchr(dir, '/')) == NULL)
		strcpy(dir, ".");
	else
		slash[slash == dir] = '\0';
	if ((fd = open(dir, O_RDONLY)) < 0)
		return;
	fsync(fd);
	close(fd);
}

static char temporary[PATH_SIZE];  /* to be removed, unless it is empty */

static void
remove_temporary(void)
{
	if (temporary[0] != '\0')
		unlink(temporary);
}

/*
 * A file beside path that takes its place once it is whole.  What reads path
 * is another user as a rule, so the umask alone decides who may.
 */
static FILE *
open_output(const char *path)
{
	struct stat st;
	FILE *fp = NULL;
	int fd, n;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		die(BAD_USAGE, "-o takes a file, and '%s' is none", path);
	n = snprintf(temporary, sizeof(temporary), "%s.%ld", path,
		(long)getpid());
	if (n < 0 || (size_t)n >= sizeof(temporary))
		die(BAD_USAGE, "-o takes a shorter path");
	unlink(temporary);
	if ((fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666)) < 0) {
		n = errno;
		temporary[0] = '\0';
		errno = n;
	} else {
		fp = fdopen(fd, "w");
	}
	if (fp == NULL)
		die(IO_FAILED, "cannot write beside '%s':", path);
	return fp;
}

static void
close_output(FILE *fp, const char *path)
{
	if (fflush(fp) != 0 || fsync(fileno(fp)) != 0 || fclose(fp) != 0 ||
	    rename(temporary, path) != 0)
		die(IO_FAILED, "cannot write '%s':", path);
	temporary[0] = '\0';
	sync_directory(path);
}

int
main(int argc, char *argv[])
{
	struct report r = { stdout, 0, when_now(), "", "", "" };
	const char *output = NULL, *since = "1d", *why;
	long long from;
	struct view *v;
	size_t i;
	char *db;
	int c;

	while ((c = getopt(argc, argv, "S:Vho:pt:")) != -1)
		switch (c) {
		case 'S': since = optarg; break;
		case 'V': puts("sms-stat " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'o': output = optarg; break;
		case 'p': r.prometheus = 1; break;
		case 't': r.now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc) {
		usage(stderr);
		return BAD_USAGE;
	}
	/* lost callbacks and refused requests are not counted by the second */
	from = when_since_option('S', since, r.now);
	from -= (from % 3600 + 3600) % 3600;
	when_format(r.since_at, from);
	when_format(r.now_at, r.now);
	when_format(r.stuck_at, r.now - STUCK);

	conf_load();
	db = conf_db();
	if ((c = view_open(&v, db, &why)) != 0)
		die(c, "%s", why);
	atexit(remove_temporary);
	if (output != NULL)
		r.fp = open_output(output);

	view_begin(v);
	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		measure(&r, v, &metrics[i]);
	view_end(v);
	if (view_status(v) != 0)
		die(view_status(v), "%s", view_why(v));
	write_spool(&r);
	write_reconcile(&r, db);
	write_number(&r, "sms_window_seconds", "How far the window of the "
		"others reaches back.", r.now - from);

	if (output != NULL)
		close_output(r.fp, output);
	view_close(v);
	free(db);
	return finish_stdout(0);
}

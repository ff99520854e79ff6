/*
 * sms-report - run a named query on the store
 *
 * A report is a file of SQL: those of sql/report/, which are compiled in, and
 * the user's own.  It can only read, and what it shows of numbers is masked.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "buf.h"
#include "conf.h"
#include "db.h"
#include "die.h"
#include "mask.h"
#include "rec.h"
#include "table.h"
#include "view.h"
#include "when.h"

enum {
	SQL_MAX = 1 << 20,     /* bytes of a report */
	NAME_MAX_LENGTH = 64,
	PATH_SIZE = 4096
};

extern const char sql_carrier[], sql_cost[], sql_country[], sql_customer[],
	sql_daily[], sql_errors[], sql_hours[], sql_latency[], sql_loss[],
	sql_sender[];

const char progname[] = "sms-report";

static const struct report {
	const char *name, *sql;
} reports[] = {
	{ "carrier", sql_carrier }, { "cost", sql_cost },
	{ "country", sql_country }, { "customer", sql_customer },
	{ "daily", sql_daily }, { "errors", sql_errors },
	{ "hours", sql_hours }, { "latency", sql_latency },
	{ "loss", sql_loss }, { "sender", sql_sender }
};

enum { REPORTS = sizeof(reports) / sizeof(reports[0]) };

/* What no report of the user's reads: none shows a text, masked or not. */
static const char for_list[] =
	"texts of messages are shown by sms-list -v -P alone";

static const struct db_hidden texts[] = {
	{ "messages", "body", for_list },
	{ "webhook_logs", "params", for_list },
	{ "sqlite_dbpage", "data", for_list },  /* the database itself */
	{ NULL, NULL, NULL }
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-report [-HP] [-S since] [-U until] [-t now] name\n"
		"       sms-report -l\n", fp);
}

/* Where the user's own reports are; "" if that cannot be known. */
static void
own_directory(char dir[PATH_SIZE])
{
	const char *own = conf("SMS_REPORTS"), *xdg = conf("XDG_CONFIG_HOME");
	const char *home = conf("HOME");
	int n = 0;

	dir[0] = '\0';
	if (own != NULL)
		n = snprintf(dir, PATH_SIZE, "%s", own);
	else if (xdg != NULL)
		n = snprintf(dir, PATH_SIZE, "%s/smspipe/report", xdg);
	else if (home != NULL)
		n = snprintf(dir, PATH_SIZE, "%s/.config/smspipe/report", home);
	if (n < 0 || n >= PATH_SIZE - NAME_MAX_LENGTH - 8)
		die(BAD_SETUP, "the path of the reports is too long");
}

/* A word that leads nowhere: letters, digits, "-", "_", the first no "-". */
static int
is_name(const char *s, size_t n)
{
	return n > 0 && n <= NAME_MAX_LENGTH && s[0] != '-' && strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_") >= n;
}

/* The user's own report into *sql; 0 if there is none of that name. */
static int
read_own(struct buf *sql, const char *dir, const char *name)
{
	char path[PATH_SIZE];
	size_t n;
	FILE *fp;
	int failed;

	if (dir[0] == '\0')
		return 0;
	snprintf(path, sizeof(path), "%.*s/%s.sql",
		PATH_SIZE - NAME_MAX_LENGTH - 8, dir, name);
	if ((fp = fopen(path, "r")) == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			die(IO_FAILED, "cannot open '%s':", path);
		return 0;
	}
	do {
		if (buf_reserve(sql, 4096) != 0)
			die(BAD_DATA, "'%s' is over a mebibyte", path);
		n = fread(sql->s + sql->len, 1, 4096, fp);
		sql->len += n;
		sql->s[sql->len] = '\0';
	} while (n > 0);
	failed = ferror(fp);
	fclose(fp);
	if (failed)
		die(IO_FAILED, "cannot read '%s':", path);
	if (strlen(sql->s) != sql->len)
		die(BAD_DATA, "'%s' is no text", path);
	return 1;
}

/* The first line of the comment that a report begins with, or NULL. */
static char *
title_of(const char *sql)
{
	char *title;
	size_t n;

	if (strncmp(sql, "--", 2) != 0)
		return NULL;
	sql += 2 + strspn(sql + 2, "- ");
	n = strcspn(sql, "\n");
	if (n == 0)
		return NULL;
	title = need(n + 1);
	memcpy(title, sql, n);
	title[n] = '\0';
	return title;
}

/* A report in a list: its name, where it is from, its title. */
static void
list_one(const char *name, const char *from, const char *sql)
{
	char *title = title_of(sql);

	rec_write(stdout, (char *[]) { (char *)name, (char *)from, title }, 3);
	free(title);
}

static void
list_all(const char *dir)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	struct dirent *e;
	size_t i, n;
	DIR *d;

	for (i = 0; i < REPORTS; i++)
		list_one(reports[i].name, "smspipe", reports[i].sql);
	if (dir[0] == '\0' || (d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		n = strlen(e->d_name);
		if (n < 5 || strcmp(e->d_name + n - 4, ".sql") != 0 ||
		    !is_name(e->d_name, n - 4))
			continue;
		e->d_name[n - 4] = '\0';
		buf_reset(&sql);
		if (read_own(&sql, dir, e->d_name))
			list_one(e->d_name, dir, sql.s);
	}
	closedir(d);
	buf_release(&sql);
}

/* All rows, masked unless full, as records or as a table for a terminal. */
static void
show(struct view_query *q, int header, int full)
{
	int terminal = isatty(STDOUT_FILENO), columns = view_columns(q), i;
	char *cell[TABLE_COLUMNS];
	struct table table;
	int is_text;

	if (columns > TABLE_COLUMNS)
		die(BAD_DATA, "a report has %d columns at most, not %d",
			TABLE_COLUMNS, columns);
	for (i = 0; i < columns; i++)
		cell[i] = (char *)view_name(q, i);
	table_begin(&table, stdout, "", (size_t)columns);
	if (terminal) {
		table_row(&table, (const char *const *)cell);
	} else if (header && columns > 0) {
		putchar('#');
		rec_write(stdout, cell, (size_t)columns);
	}
	while (view_next(q)) {
		for (i = 0; i < columns; i++) {
			is_text = view_is_text(q, i);
			cell[i] = view_text(q, i) == NULL ? NULL :
				need_str(view_text(q, i));
			if (cell[i] != NULL && !full && is_text)
				mask(cell[i]);
		}
		if (terminal)
			table_row(&table, (const char *const *)cell);
		else
			rec_write(stdout, cell, (size_t)columns);
		for (i = 0; i < columns; i++)
			free(cell[i]);
		check_stdout();
	}
	table_end(&table);
}

int
main(int argc, char *argv[])
{
	struct buf own = BUF_INIT(SQL_MAX);
	const char *name, *since = NULL, *sql = NULL, *until = NULL, *why;
	char dir[PATH_SIZE], now_at[WHEN_SIZE], since_at[WHEN_SIZE],
		until_at[WHEN_SIZE], *db, *title;
	int c, full = 0, header = 0, list = 0;
	long long now = when_now();
	struct view_query *q;
	struct view *v;
	size_t i;

	while ((c = getopt(argc, argv, "HPS:U:Vhlt:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'P': full = 1; break;
		case 'S': since = optarg; break;
		case 'U': until = optarg; break;
		case 'V': puts("sms-report " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'l': list = 1; break;
		case 't': now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind != (list ? 0 : 1)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (since != NULL)
		when_format(since_at, when_since_option('S', since, now));
	if (until != NULL)
		when_format(until_at, when_since_option('U', until, now));
	when_format(now_at, now);

	conf_load();
	own_directory(dir);
	if (list) {
		list_all(dir);
		return finish_stdout(0);
	}
	name = argv[optind];
	if (!is_name(name, strlen(name)))
		die(BAD_USAGE, "'%s' is no name of a report: sms-report -l "
			"lists them", name);
	for (i = 0; i < REPORTS; i++)
		if (strcmp(reports[i].name, name) == 0)
			sql = reports[i].sql;
	if (sql == NULL && read_own(&own, dir, name))
		sql = own.s;
	if (sql == NULL)
		die(BAD_USAGE, "no report '%s': sms-report -l lists them",
			name);
	if ((title = title_of(sql)) == NULL)
		die(BAD_DATA, "report '%s': it does not begin with a comment: "
			"write what it shows into its first line, as in '-- "
			"Messages by hour.'", name);
	free(title);
	db = conf_db();
	if (full)
		access_note(db, argv);
	if ((c = view_open(&v, db, &why)) != 0)
		die(c, "%s", why);

	if (sql == own.s)
		view_hide(v, texts);
	q = view_query(v, sql);
	view_bind(q, ":now", now_at);
	view_bind(q, ":since", since == NULL ? NULL : since_at);
	view_bind(q, ":until", until == NULL ? NULL : until_at);
	if (view_status(v) == 0)
		show(q, header, full);
	if (view_status(v) != 0)
		die(sql == own.s ? BAD_DATA : view_status(v), "report '%s': %s",
			name, view_why(v));

	view_free(q);
	view_close(v);
	buf_release(&own);
	free(db);
	return finish_stdout(0);
}

/*
 * sms-explain - say what Twilio's error codes mean and what to do
 *
 * Offline and without a store.  As a filter it gives status records the words
 * that belong to their error codes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "die.h"
#include "explain.h"
#include "mask.h"
#include "num.h"
#include "rec.h"
#include "view.h"

enum { CODE_MAX = 999999999 };

extern const char sql_explain_used[];

const char progname[] = "sms-explain";

static void
usage(FILE *fp)
{
	fputs("usage: sms-explain [-Hu] [code ...]\n", fp);
}

/*
 * A code: a line of fields, or at a terminal some lines of text.  count, how
 * often we had it, may be NULL.
 */
static void
show(struct explain *e, int terminal, const char *count, const char *code)
{
	struct explanation x;
	char *f[6];
	int n = 0;

	explain_code(e, code, &x);
	if (terminal) {
		printf("%s  %s (%s)", code, x.title, x.class);
		if (count != NULL)
			printf(", %s of ours", count);
		printf("\n    %s\n    %s\n", x.sentence, x.step);
		return;
	}
	if (count != NULL)
		f[n++] = (char *)count;
	f[n++] = (char *)code;
	f[n++] = (char *)x.title;
	f[n++] = (char *)x.class;
	f[n++] = (char *)x.sentence;
	f[n++] = (char *)x.step;
	rec_write(stdout, f, (size_t)n);
}

/* The codes of the messages in our own store, the most frequent first. */
static void
show_used(struct explain *e, int terminal, const char *db)
{
	const char *why;
	struct view *v;
	struct view_query *q;
	int r = view_open(&v, db, &why);

	if (r != 0)
		die(r, "%s", why);
	q = view_query(v, sql_explain_used);
	while (view_next(q)) {
		show(e, terminal, view_text(q, 0), view_text(q, 1));
		check_stdout();
	}
	if (view_status(v) != 0)
		die(view_status(v), "%s", view_why(v));
	view_free(q);
	view_close(v);
}

/* Fills the last field of records; returns BAD_DATA or 0. */
static int
fill(struct explain *e)
{
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct explanation x;
	struct rec rec;
	int got, n, status = 0;

	while ((got = rec_read(&in, &rec)) != 0) {
		if (got < 0) {
			warn("line %zu %s", in.number, in.why);
			status = BAD_DATA;
			continue;
		}
		if (rec.f[ERROR_CODE] != NULL && rec.f[ERROR_MESSAGE] == NULL) {
			explain_code(e, rec.f[ERROR_CODE], &x);
			if (x.known)
				rec.f[ERROR_MESSAGE] = (char *)x.title;
		}
		for (n = REC_MAX; n > STATUS_FIELDS && rec.f[n - 1] == NULL; )
			n--;
		rec_show(stdout, rec.f, (size_t)n);
		check_stdout();
	}
	rec_release(&in);
	return status;
}

int
main(int argc, char *argv[])
{
	int c, header = 0, i, status = 0, terminal, used = 0;
	struct explain *e;
	long long n;
	char *db;

	while ((c = getopt(argc, argv, "HVhu")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-explain " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'u': used = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (used && optind < argc) {
		usage(stderr);
		return BAD_USAGE;
	}
	for (i = optind; i < argc; i++)
		if (num_parse(argv[i], 0, CODE_MAX, &n) != 0)
			die(BAD_USAGE, "'%s' is no error code",
				mask(argv[i]));

	e = explain_open();
	terminal = isatty(STDOUT_FILENO);
	if (header && !used && optind == argc)
		rec_header_status(stdout);
	else if (header && !terminal)
		printf("#%scode\ttitle\tclass\tmeaning\tstep\n",
			used ? "messages\t" : "");

	if (used) {
		conf_load();
		db = conf_db();
		show_used(e, terminal, db);
		free(db);
	} else if (optind < argc) {
		for (i = optind; i < argc; i++)
			show(e, terminal, NULL, argv[i]);
	} else {
		status = fill(e);
	}
	explain_close(e);
	return finish_stdout(status);
}

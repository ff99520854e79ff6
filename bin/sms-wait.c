/*
 * sms-wait - wait until messages have reached their final status
 *
 * Writes the status record of each as it becomes final.  Looks at the store
 * only when somebody wrote to it, and holds nothing meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "mask.h"
#include "progress.h"
#include "rec.h"
#include "view.h"
#include "when.h"

enum {
	FINAL = STATUS_FIELDS + 1,  /* column of wait.sql */
	STEP_MS = 1000              /* between two signs of life */
};

extern const char sql_wait[];

const char progname[] = "sms-wait";

struct waiting {
	char **name;      /* SID or ref; NULL once it is final */
	size_t n, size;
	size_t open;      /* those that are not */
	int failed;       /* some were not delivered, or are not there */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-wait [-H] [-w timeout] [sid | ref ...]\n", fp);
}

static void
add(struct waiting *w, const char *name)
{
	if (w->n == w->size) {
		w->size = w->size * 2 + 64;
		w->name = need_again(w->name, w->size * sizeof(w->name[0]));
	}
	w->name[w->n++] = need_str(name);
	w->open++;
}

/* Those of standard input, up to its end; returns BAD_DATA or 0. */
static int
add_lines(struct waiting *w)
{
	struct rec_reader in = REC_READER(STDIN_FILENO);
	const char *why;
	struct rec rec;
	int got, status = 0;

	while ((got = rec_read(&in, &rec)) != 0) {
		why = got < 0 ? in.why : rec.f[SID] == NULL &&
			rec.f[REF] == NULL ? "has neither a SID nor a ref" :
			NULL;
		if (why == NULL) {
			add(w, rec.f[SID] != NULL ? rec.f[SID] : rec.f[REF]);
		} else {
			warn("line %zu %s", in.number, why);
			status = BAD_DATA;
		}
	}
	rec_release(&in);
	return status;
}

/* The final record of the row that q has. */
static void
show(struct waiting *w, struct view_query *q)
{
	struct rec rec;

	view_record(q, &rec);
	if (strcmp(rec.f[STATUS], "delivered") != 0 &&
	    strcmp(rec.f[STATUS], "read") != 0)
		w->failed = 1;
	progress_end();
	rec_show(stdout, rec.f, STATUS_FIELDS);
}

/* Looks at all that are not final; first: each must be there. */
static void
look(struct waiting *w, struct view_query *q, int first)
{
	size_t i;
	int found;

	for (i = 0; i < w->n; i++) {
		if (w->name[i] == NULL)
			continue;
		view_bind(q, ":name", w->name[i]);
		found = view_next(q);
		if (found && view_number(q, FINAL)) {
			show(w, q);
		} else if (!found && first) {
			w->failed = 1;
			warn("no message '%s'", mask(w->name[i]));
		} else {
			view_stop(q);
			continue;
		}
		view_stop(q);
		free(w->name[i]);
		w->name[i] = NULL;
		w->open--;
	}
	fflush(stdout);
	check_stdout();
}

/*
 * Until all are final (0), timeout_ms are over (TRY_LATER; 0: never), or
 * nobody reads what we write.
 */
static int
wait_for(struct view *v, struct waiting *w, long long timeout_ms)
{
	struct view_query *q = view_query(v, sql_wait);
	long long start = when_mono_ms(), began, left = STEP_MS;
	int changed, status = 0;

	view_changed(v);
	look(w, q, 1);
	while (w->open > 0 && view_status(v) == 0 && status == 0) {
		if (timeout_ms > 0)
			left = start + timeout_ms - when_mono_ms();
		if (left <= 0) {
			status = TRY_LATER;
			break;
		}
		progress("final", (long long)(w->n - w->open));
		changed = view_await(v, left < STEP_MS ? left : STEP_MS);
		if (changed < 0)
			status = READER_GONE;
		if (changed <= 0)
			continue;
		/* many of them take no more than a part of the time */
		began = when_mono_ms();
		look(w, q, 0);
		when_sleep_ms(4 * (when_mono_ms() - began));
	}
	progress_end();
	view_free(q);
	return status;
}

int
main(int argc, char *argv[])
{
	struct waiting w = { NULL, 0, 0, 0, 0 };
	long long timeout = 300;
	const char *why;
	struct view *v;
	char *db;
	int c, bad = 0, header = 0, r, status;

	while ((c = getopt(argc, argv, "HVhw:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-wait " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'w': timeout = when_age_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	for (; optind < argc; optind++)
		add(&w, argv[optind]);
	if (w.n == 0) {
		bad = add_lines(&w);
		/* "all of none were delivered" would be said of a send that
		   failed */
		if (w.n == 0 && bad == 0)
			die(BAD_DATA, "standard input names no message: was "
				"none sent?");
	}

	conf_load();
	db = conf_db();
	if ((r = view_open(&v, db, &why)) != 0)
		die(r, "%s", why);
	if (header)
		rec_header_status(stdout);

	status = wait_for(v, &w, timeout * 1000);
	if (view_status(v) != 0)
		die(view_status(v), "%s", view_why(v));
	if (status == TRY_LATER)
		warn("%zu of %zu messages are not final yet", w.open, w.n);
	else if (status == 0)
		status = bad != 0 ? bad : w.failed ? SOME_FAILED : 0;

	view_close(v);
	while (w.n > 0)
		free(w.name[--w.n]);
	free(w.name);
	free(db);
	return finish_stdout(status);
}

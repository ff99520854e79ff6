#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "die.h"
#include "intake.h"
#include "num.h"
#include "spool.h"
#include "utf8.h"
#include "when.h"

enum {
	PATIENCE_MS = 4000,  /* with the time to open the store less than the
	                        15 s that Twilio waits */
	REFUSED_MS = 500,
	BATCH_MAX = 512 * REC_LINE_MAX
};

/*
 * The fields of a line of the spool: a status record, and what the log wants
 * to know.  The last is there so that a line that was cut is known.
 */
enum {
	PARAMS = STATUS_FIELDS, PEER, CAME_AT, TOOK_US, END, LINE_FIELDS
};

static char end[] = ".";

static long long
took_us(const struct arrival *from)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec - from->began.tv_sec) * 1000000LL +
		(ts.tv_nsec - from->began.tv_nsec) / 1000;
}

static int
failed(struct intake *in, int status)
{
	snprintf(in->why, sizeof(in->why), "%s", store_why(in->store));
	return status;
}

/*
 * The store that is open is the one that db names, and not one that somebody
 * has removed or put aside since.
 */
static int
is_current(const struct intake *in)
{
	struct stat st;

	return stat(in->db, &st) == 0 && st.st_dev == in->dev &&
		st.st_ino == in->ino;
}

/* Opens the store, if it is not open, and begins a transaction. */
static int
begin(struct intake *in, int patience)
{
	struct stat st;
	const char *why;
	int r;

	if (in->store != NULL && !is_current(in)) {
		store_close(in->store);
		in->store = NULL;
	}
	if (in->store == NULL) {
		if ((r = store_open(&in->store, in->db, in->hurry ? STORE_TRY :
		    STORE_MAKE, &why)) != 0) {
			snprintf(in->why, sizeof(in->why), "%s", why);
			return r;
		}
		memset(&st, 0, sizeof(st));
		stat(in->db, &st);
		in->dev = st.st_dev;
		in->ino = st.st_ino;
	}
	if (patience > 0 && !in->hurry)
		store_set_patience(in->store, patience);
	return (r = store_begin(in->store)) == 0 ? 0 : failed(in, r);
}

/* Whether f is what intake_keep wrote, to its end. */
static int
is_whole(char *const f[LINE_FIELDS])
{
	long long n;

	return f[END] != NULL && strcmp(f[END], end) == 0 &&
		f[CAME_AT] != NULL && when_parse(f[CAME_AT], &n) == 0 &&
		f[TOOK_US] != NULL &&
		num_parse(f[TOOK_US], 0, 1LL << 50, &n) == 0;
}

/* What a line says takes effect and is logged. */
static int
apply(struct intake *in, char *const f[LINE_FIELDS])
{
	struct store_log l = { f[SID], f[PARAMS], "success", NULL, f[PEER],
		200, 0, 0 };
	struct outcome out;
	struct rec rec;
	int r;

	memset(&rec, 0, sizeof(rec));
	memcpy(rec.f, f, STATUS_FIELDS * sizeof(rec.f[0]));
	if (when_parse(f[CAME_AT], &l.at) != 0 ||
	    num_parse(f[TOOK_US], 0, 1LL << 50, &l.took_us) != 0)
		return BUG;
	if ((r = store_apply(in->store, &rec, l.at, &out)) != 0)
		return failed(in, r);
	l.outcome = out.word;
	return (r = store_log(in->store, &l)) == 0 ? 0 : failed(in, r);
}

/* The same for lines of the spool; one that was cut changes nothing. */
static int
apply_lines(struct intake *in, struct rec_reader *lines)
{
	struct rec rec;
	int got, r = 0;

	while (r == 0 && (got = rec_read(lines, &rec)) != 0) {
		if (got > 0 && is_whole(rec.f))
			r = apply(in, rec.f);
		else
			warn("spool line %zu is not whole: passed over",
				lines->number);
	}
	return r;
}

/* Ends a transaction that went as r says. */
static int
finish(struct intake *in, int r)
{
	if (r == 0 && (r = store_commit(in->store)) != 0)
		failed(in, r);
	if (r != 0)
		store_rollback(in->store);
	return r;
}

int
intake_add(struct intake *in, const struct rec *rec, const char *params,
	const struct arrival *from)
{
	char at[WHEN_SIZE], took[24], *f[LINE_FIELDS], *line = NULL;
	size_t len = 0;
	FILE *fp;
	int r = -1;

	memcpy(f, rec->f, STATUS_FIELDS * sizeof(f[0]));
	f[PARAMS] = (char *)params;
	f[PEER] = (char *)from->peer;
	f[CAME_AT] = when_format(at, from->now);
	snprintf(took, sizeof(took), "%lld", took_us(from));
	f[TOOK_US] = took;
	f[END] = end;
	if ((fp = open_memstream(&line, &len)) != NULL) {
		rec_write(fp, f, LINE_FIELDS);
		r = ferror(fp);
		r |= fclose(fp);
	}
	in->batch.max = BATCH_MAX;
	if (r == 0 && len <= REC_LINE_MAX && utf8_valid(line, len) &&
	    buf_add(&in->batch, line, len) == 0)
		r = 0;
	/* a line that no reader would take goes straight into the store */
	else if ((r = begin(in, PATIENCE_MS)) == 0)
		r = finish(in, apply(in, f));
	free(line);
	return r;
}

int
intake_keep(struct intake *in)
{
	struct rec_reader lines = REC_LINES(in->batch.s, in->batch.len);
	int r;

	if (in->batch.len == 0)
		return 0;
	if ((r = spool_add(in->spool, in->batch.s, in->batch.len)) != 0) {
		warn("cannot write spool '%s':", in->spool);
		/* without a spool the store itself makes them durable */
		if ((r = begin(in, PATIENCE_MS)) == 0)
			r = finish(in, apply_lines(in, &lines));
	}
	buf_reset(&in->batch);
	return r;
}

static int
take_all(void *ctx, int fd, const char *id)
{
	struct rec_reader lines = REC_READER(fd);
	struct intake *in = ctx;
	int r;

	if ((r = begin(in, 0)) != 0)
		return r;
	if ((r = store_once(in->store, id)) != 0) {
		store_rollback(in->store);
		return r < 0 ? 0 : failed(in, r);
	}
	r = finish(in, apply_lines(in, &lines));
	rec_release(&lines);
	return r;
}

int
intake_settle(struct intake *in, int wait)
{
	int r = spool_take(in->spool, wait, take_all, in);

	if (r >= 0)
		return r;
	snprintf(in->why, sizeof(in->why), "cannot take spool '%s': %s",
		in->spool, strerror(errno));
	return IO_FAILED;
}

void
intake_refused(struct intake *in, const char *reason, int answer,
	const struct arrival *from)
{
	time_t minute = from->began.tv_sec / 60;
	struct refusal *f;

	if (minute != in->minute)
		in->refused_then = 0;
	in->minute = minute;
	if (in->n_refused == INTAKE_REFUSED_MAX ||
	    in->refused_then == INTAKE_REFUSED_MAX)
		return;
	in->refused_then++;
	f = &in->refused[in->n_refused++];
	f->reason = reason;
	f->answer = answer;
	f->at = from->now;
	f->took_us = took_us(from);
	snprintf(f->peer, sizeof(f->peer), "%s", from->peer);
}

void
intake_log(struct intake *in)
{
	struct store_log l = { .sid = NULL };
	const struct refusal *f;
	size_t i;
	int r;

	if (in->n_refused > 0 && begin(in, REFUSED_MS) == 0) {
		for (i = r = 0; r == 0 && i < in->n_refused; i++) {
			f = &in->refused[i];
			l.status = f->reason;
			l.peer = f->peer;
			l.answer = f->answer;
			l.at = f->at;
			l.took_us = f->took_us;
			r = store_log(in->store, &l);
		}
		finish(in, r);
	}
	in->n_refused = 0;
}

void
intake_close(struct intake *in)
{
	store_close(in->store);
	in->store = NULL;
	buf_release(&in->batch);
}

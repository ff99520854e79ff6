#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "die.h"
#include "intake.h"
#include "num.h"
#include "spool.h"
#include "tally.h"
#include "utf8.h"
#include "when.h"

enum {
	PATIENCE_MS = 4000,  /* with the time to open the store less than the
	                        15 s that Twilio waits */
	SETTLE_MS = 10000,
	REFUSED_MS = 2000,
	HURRY_MS = 1000,     /* the most where others are to be served */
	BATCH_MAX = 512 * REC_LINE_MAX
};

/* The last field is there so that a line that was cut is known. */
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
	store_set_patience(in->store, in->hurry && patience > HURRY_MS ?
		HURRY_MS : patience);
	return (r = store_begin(in->store)) == 0 ? 0 : failed(in, r);
}

/*
 * Whether rec is what intake_keep wrote, to its end.  Lines were shorter once
 * and had their end where the target is now, which begins with a slash.
 */
static int
is_whole(struct rec *rec)
{
	char **f = rec->f;
	long long n;

	if (f[LINE_TARGET] != NULL && strcmp(f[LINE_TARGET], end) == 0) {
		f[LINE_TARGET] = NULL;
		f[LINE_END] = end;
	}
	return f[LINE_END] != NULL && strcmp(f[LINE_END], end) == 0 &&
		f[LINE_CAME_AT] != NULL &&
		when_parse(f[LINE_CAME_AT], &n) == 0 &&
		f[LINE_TOOK_US] != NULL &&
		num_parse(f[LINE_TOOK_US], 0, 1LL << 50, &n) == 0;
}

static int
is_reply(const struct rec *rec)
{
	return rec->f[DIRECTION] != NULL &&
		strcmp(rec->f[DIRECTION], "inbound") == 0;
}

/* Takes in a reply, which came at the given time. */
static int
apply_reply(struct intake *in, const struct rec *rec, long long came_at,
	struct outcome *out)
{
	const struct store_reply reply = {
		.sid = rec->f[SID], .to = rec->f[TO], .from = rec->f[FROM],
		.service = rec->f[LINE_SERVICE], .body = rec->f[LINE_BODY],
		.media_url = rec->f[LINE_MEDIA_URL],
		.segments = rec->f[SEGMENTS],
		.at = rec->f[AT] != NULL ? rec->f[AT] : rec->f[LINE_CAME_AT],
		.keyword = rec->f[LINE_KEYWORD]
	};

	return store_reply(in->store, &reply, came_at, out);
}

/* What log has of the fields of a line. */
static void
fill_log(struct store_log *l, const struct rec *rec)
{
	l->sid = rec->f[SID];
	l->params = rec->f[LINE_PARAMS];
	l->peer = rec->f[LINE_PEER];
	l->target = rec->f[LINE_TARGET];
	l->signature = rec->f[LINE_SIGNATURE];
	l->host = rec->f[LINE_HOST];
	l->source = rec->f[SOURCE];
	l->event_id = rec->f[LINE_EVENT_ID];
}

/* What a line says takes effect and is logged. */
static int
apply(struct intake *in, const struct rec *rec)
{
	struct store_log l = { .status = "success", .answer = 200 };
	struct outcome out = { "ignored", NULL, NULL };
	const char *event = rec->f[LINE_EVENT_ID];
	int r = 0;

	if (when_parse(rec->f[LINE_CAME_AT], &l.at) != 0 ||
	    num_parse(rec->f[LINE_TOOK_US], 0, 1LL << 50, &l.took_us) != 0)
		return BUG;
	/* Twilio may deliver an event more than once */
	if (event != NULL && (r = store_took_event(in->store, event)) != 0)
		return r < 0 ? failed(in, IO_FAILED) : 0;
	if (is_reply(rec))
		r = apply_reply(in, rec, l.at, &out);
	else if (rec->f[STATUS] != NULL)
		r = store_apply(in->store, rec, l.at, &out);
	if (r != 0)
		return failed(in, r);
	fill_log(&l, rec);
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
		if (got > 0 && is_whole(&rec))
			r = apply(in, &rec);
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

/* Adds a line to the batch, or -1 for one that no reader would take. */
static int
add_line(struct buf *batch, const struct rec *rec)
{
	size_t before = batch->len, len;

	if (rec_add(batch, rec->f, LINE_FIELDS) != 0)
		return -1;
	len = batch->len - before;
	if (len <= REC_LINE_MAX && utf8_valid(batch->s + before, len))
		return 0;
	buf_cut(batch, before);
	return -1;
}

int
intake_add(struct intake *in, const struct rec *told,
	const struct arrival *from)
{
	char at[WHEN_SIZE], took[24];
	struct rec rec = *told;
	int r;

	rec.f[LINE_PEER] = (char *)from->peer;
	rec.f[LINE_CAME_AT] = when_format(at, from->now);
	snprintf(took, sizeof(took), "%lld", took_us(from));
	rec.f[LINE_TOOK_US] = took;
	rec.f[LINE_END] = end;
	in->batch.max = BATCH_MAX;
	if (add_line(&in->batch, &rec) == 0)
		return 0;
	/* what no line can hold goes straight into the store */
	if ((r = begin(in, PATIENCE_MS)) == 0 &&
	    (r = finish(in, apply(in, &rec))) == 0)
		return 0;
	/* all but its text, which only the log has a use for, can wait */
	rec.f[LINE_PARAMS] = NULL;
	return add_line(&in->batch, &rec) == 0 ? 0 : r;
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

	if ((r = begin(in, SETTLE_MS)) != 0)
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
intake_settle(struct intake *in, enum spool_taker how)
{
	int r = spool_take(in->spool, how, take_all, in);

	if (r >= 0)
		return r;
	r = errno == EAGAIN ? TRY_LATER : IO_FAILED;
	snprintf(in->why, sizeof(in->why), "cannot take spool '%s': %s",
		in->spool, strerror(errno));
	return r;
}

/* Says how many were not spoken of in the minute before. */
static void
tell_past(const struct tally *past)
{
	char at[WHEN_SIZE];

	if (past->requests > TALLY_LINES)
		warn("%lld more requests were refused in the minute of %s",
			past->requests - TALLY_LINES,
			when_format(at, past->minute));
}

static void
note(struct intake *in, const struct rec *told, const char *reason,
	int answer, const struct arrival *from)
{
	struct refusal *f = &in->refused[in->n_refused++];
	struct rec rec = *told;

	rec.f[LINE_PEER] = (char *)from->peer;
	f->text = rec_copy(&f->rec, &rec, LINE_FIELDS);
	f->reason = reason;
	f->answer = answer;
	f->at = from->now;
	f->took_us = took_us(from);
}

/*
 * Without the tally: whether one is to be spoken of.  Who serves one request
 * may say so, unless the reason is only that others count.
 */
static int
may_tell(struct intake *in, long long now)
{
	long long minute = now - now % 60;

	if (!in->hurry)
		return errno != EAGAIN;
	/* as in tally_add: what comes late begins no minute again */
	if (minute > in->told_minute || minute < in->told_minute - 60) {
		in->told_minute = minute;
		in->told = 0;
	}
	if (in->told < TALLY_LINES) {
		in->told++;
		return 1;
	}
	if (in->told == TALLY_LINES) {
		in->told++;
		warn("more requests are refused in this minute, and not "
			"counted yet:");
	}
	return 0;
}

int
intake_refused(struct intake *in, const struct rec *rec, const char *reason,
	int answer, const struct arrival *from)
{
	struct tally t, past;

	in->uncounted++;
	if (tally_add(in->spool, from->now, in->uncounted, rec != NULL,
	    !in->hurry, &t, &past) != 0)
		return may_tell(in, from->now);
	tell_past(&past);
	if (t.requests > TALLY_LINES && t.requests - in->uncounted <= TALLY_LINES)
		warn("more requests are refused in this minute, and counted");
	in->uncounted = 0;
	if (rec != NULL && t.rows <= TALLY_ROWS &&
	    in->n_refused < INTAKE_REFUSED_MAX)
		note(in, rec, reason, answer, from);
	return t.requests <= TALLY_LINES;
}

static int
log_refused(struct intake *in)
{
	struct store_log l = { .sid = NULL };
	const struct refusal *f;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < in->n_refused; i++) {
		f = &in->refused[i];
		fill_log(&l, &f->rec);
		l.status = f->reason;
		l.answer = f->answer;
		l.at = f->at;
		l.took_us = f->took_us;
		r = store_log(in->store, &l);
	}
	return r;
}

void
intake_log(struct intake *in)
{
	struct tally t[TALLY_MINUTES];
	int n = tally_read(in->spool, t), over = n - 1, i, r;

	/* is the last minute over? */
	if (in->n_refused == 0 && n > 0 &&
	    when_now() - t[n - 1].minute >= 60)
		over = n;
	if ((in->n_refused > 0 || over > 0) && begin(in, REFUSED_MS) == 0) {
		r = log_refused(in);
		for (i = 0; r == 0 && i < n; i++)
			r = store_refused(in->store, t[i].minute,
				t[i].requests);
		if (finish(in, r) == 0 && over > 0) {
			if (over == n)
				tell_past(&t[n - 1]);
			tally_drop(in->spool, t, over);
		}
	}
	while (in->n_refused > 0)
		free(in->refused[--in->n_refused].text);
}

void
intake_close(struct intake *in)
{
	store_close(in->store);
	in->store = NULL;
	buf_release(&in->batch);
}

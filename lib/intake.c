#include "intake.h"

enum {
	PATIENCE_MS = 4000,  /* with the time to open the store less than the
	                        15 s that Twilio waits */
	REFUSED_MS = 500
};

static long long
took_us(const struct intake *in)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec - in->began.tv_sec) * 1000000LL +
		(ts.tv_nsec - in->began.tv_nsec) / 1000;
}

static int
begin(struct intake *in, int patience)
{
	int r = store_open(&in->store, in->db, STORE_MAKE, &in->why);

	if (r != 0)
		return r;
	in->why = store_why(in->store);
	store_set_patience(in->store, patience);
	return store_begin(in->store);
}

/* Step two: what the callback says takes effect, and is logged. */
static int
apply(struct intake *in, const struct rec *rec, const char *params)
{
	struct store_log l = { rec->f[SID], params, "success", NULL, in->peer,
		200, in->now, 0 };
	struct outcome out;
	int r;

	if ((r = store_apply(in->store, rec, in->now, &out)) != 0)
		return r;
	l.outcome = out.word;
	l.took_us = took_us(in);
	return store_log(in->store, &l);
}

/*
 * Step one: the store itself is what keeps a callback, so both steps are one
 * transaction.
 */
int
intake_take(struct intake *in, const struct rec *rec, const char *params)
{
	int r;

	if ((r = begin(in, PATIENCE_MS)) != 0)
		return r;
	if ((r = apply(in, rec, params)) != 0 ||
	    (r = store_commit(in->store)) != 0)
		store_rollback(in->store);
	return r;
}

void
intake_refused(struct intake *in, const char *reason, int answer)
{
	struct store_log l = { NULL, NULL, reason, NULL, in->peer, answer,
		in->now, took_us(in) };

	if (begin(in, REFUSED_MS) == 0 && (store_log(in->store, &l) != 0 ||
	    store_commit(in->store) != 0))
		store_rollback(in->store);
}

void
intake_close(struct intake *in)
{
	store_close(in->store);
	in->store = NULL;
}

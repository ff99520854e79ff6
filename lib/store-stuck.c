/* Messages that Twilio is to be asked about, or is not any more. */
#include "store-inner.h"

int
store_stuck(struct store *s, const struct store_stuck *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	char queued[WHEN_SIZE], sent[WHEN_SIZE];
	sqlite3_stmt *q;
	int r;

	/*
	 * Each row is on a page of its own, which is read once: more memory
	 * than the upper pages of the table need only costs its page faults.
	 */
	if ((r = db_run(s->db, "PRAGMA cache_size = 64")) != 0)
		return r;
	q = db_query(s->db, STUCK);
	store_bind_time(q, ":queued", queued, w->now - w->queued);
	store_bind_time(q, ":sent", sent, w->now - w->sent);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return store_records(s, q, each, ctx);
}

int
store_due(struct store *s, long long now, long long checked, long long limit,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, DUE);
	char at[WHEN_SIZE], since[WHEN_SIZE];

	store_bind_time(q, ":now", at, now);
	store_bind_time(q, ":checked", since, checked);
	db_bind_number(q, ":limit", limit);
	return store_records(s, q, each, ctx);
}

int
store_unpriced(struct store *s, const struct store_unpriced *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, UNPRICED);
	char since[WHEN_SIZE], until[WHEN_SIZE];

	db_bind_number(q, ":now", w->now);
	store_bind_time(q, ":since", since, w->now - w->give_up);
	store_bind_time(q, ":until", until, w->now - w->age);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return store_records(s, q, each, ctx);
}

int
store_expired(struct store *s, const struct store_expired *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, EXPIRED);
	char now[WHEN_SIZE], before[WHEN_SIZE];

	store_bind_time(q, ":now", now, w->now);
	store_bind_time(q, ":before", before, w->now - w->age);
	db_bind_number(q, ":age", w->age);
	db_bind_number(q, ":asked", w->asked);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return store_records(s, q, each, ctx);
}

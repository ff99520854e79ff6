/* What sending asks of the store: the journal, the brakes, opt-outs. */
#include "store-inner.h"

int
store_journal(struct store *s, const struct store_message *m, long long *id)
{
	sqlite3_stmt *q = db_query(s->db, JOURNAL);
	char now[WHEN_SIZE];
	int rc, r;

	db_bind(q, ":ref", m->ref);
	db_bind(q, ":to", m->to);
	db_bind(q, ":sender", m->sender);
	db_bind(q, ":body", m->body);
	db_bind(q, ":body_sha256", m->body_sha256);
	db_bind(q, ":media_url", m->media_url);
	db_bind(q, ":segments", m->segments);
	db_bind(q, ":send_at", m->send_at);
	if (m->uncalled)
		db_bind_number(q, ":uncalled", 1);
	store_bind_time(q, ":now", now, m->created_at);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW)
		*id = sqlite3_column_int64(q, 0);
	r = db_done(s->db, q, rc);
	return r == 0 && rc == SQLITE_DONE ? -1 : r;
}

int
store_find(struct store *s, const char *ref, struct rec *rec, long long *id)
{
	sqlite3_stmt *q = db_query(s->db, FIND);
	int rc, r;

	db_bind(q, ":ref", ref);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		*id = store_row(q, rec);
		return 0;
	}
	r = db_done(s->db, q, rc);
	return r == 0 ? -1 : r;
}

void
store_found(struct store *s)
{
	db_done(s->db, db_query(s->db, FIND), SQLITE_DONE);
}

int
store_holds(struct store *s, const char *sid)
{
	sqlite3_stmt *q = db_query(s->db, HOLDS);

	db_bind(q, ":sid", sid);
	return (int)store_number(s, q);
}

int
store_opted_out(struct store *s, const char *to, const char *sender)
{
	sqlite3_stmt *q = db_query(s->db, OPTED_OUT);

	db_bind(q, ":to", to);
	db_bind(q, ":sender", sender);
	return (int)store_number(s, q);
}

long long
store_made(struct store *s, const char *to, long long since)
{
	sqlite3_stmt *q = db_query(s->db, MADE);
	char at[WHEN_SIZE];

	db_bind(q, ":to", to);
	store_bind_time(q, ":since", at, since);
	return store_number(s, q);
}

int
store_unsettled(struct store *s, int (*each)(void *ctx, long long id,
	const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, UNSETTLED);
	struct rec rec;
	long long id;
	int r = 0, rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		id = store_row(q, &rec);
		r = each(ctx, id, &rec);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

int
store_retry(struct store *s, const struct store_retry *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, RETRY);

	db_bind(q, ":sender", w->sender);
	db_bind_number(q, ":now", w->now);
	db_bind_number(q, ":tries", w->tries);
	db_bind_number(q, ":wait", w->wait);
	db_bind_number(q, ":age", w->age);
	return store_records(s, q, each, ctx);
}

int
store_optout_list(struct store *s, const char *recipient, const char *sender,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, OPTOUT_LIST);

	db_bind(q, ":recipient", recipient);
	db_bind(q, ":sender", sender);
	return store_records(s, q, each, ctx);
}

int
store_optout_add(struct store *s, const char *recipient, const char *sender,
	const char *source, long long now)
{
	sqlite3_stmt *q = db_query(s->db, OPTOUT_ADD);
	char at[WHEN_SIZE];

	db_bind(q, ":recipient", recipient);
	db_bind(q, ":sender", sender);
	db_bind(q, ":source", source);
	store_bind_time(q, ":now", at, now);
	return db_change(s->db, q, NULL);
}

int
store_optout_remove(struct store *s, const char *recipient,
	const char *sender)
{
	sqlite3_stmt *q = db_query(s->db, OPTOUT_REMOVE);
	int n, r;

	db_bind(q, ":recipient", recipient);
	db_bind(q, ":sender", sender);
	r = db_change(s->db, q, &n);
	return r == 0 && n == 0 ? -1 : r;
}

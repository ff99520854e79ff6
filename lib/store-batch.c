/* Runs of sms-apply as batches, which can be taken back. */
#include "store-inner.h"

int
store_expect_many(struct store *s)
{
	return db_run(s->db, "PRAGMA cache_size = -65536");
}

int
store_batch_begin(struct store *s, struct store_batch *b)
{
	sqlite3_stmt *q;
	int rc;

	s->batch = b;
	if (b->saved)
		return 0;
	q = db_query(s->db, BATCH_NEXT);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		b->id = sqlite3_column_int64(q, 0);
		b->first_change = sqlite3_column_int64(q, 1);
		b->first_message = sqlite3_column_int64(q, 2);
		b->first_log = sqlite3_column_int64(q, 3);
	}
	return db_done(s->db, q, rc);
}

int
store_batch_end(struct store *s, struct store_batch *b, long long now)
{
	sqlite3_stmt *q;
	char at[WHEN_SIZE];

	s->batch = NULL;
	if (b->changed + b->made + b->kept == 0)
		return 0;
	b->saved = 1;
	q = db_query(s->db, BATCH_SAVE);
	db_bind_number(q, ":id", b->id);
	store_bind_time(q, ":now", at, now);
	db_bind_number(q, ":changed", b->changed);
	db_bind_number(q, ":made", b->made);
	db_bind_number(q, ":kept", b->kept);
	db_bind_number(q, ":first_change", b->first_change);
	db_bind_number(q, ":first_message", b->first_message);
	db_bind_number(q, ":first_log", b->first_log);
	return db_change(s->db, q, NULL);
}

int
store_batch_list(struct store *s,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	return store_records(s, db_query(s->db, BATCH_LIST), each, ctx);
}

/* The statements of an undo that have no result. */
static int
undo_step(struct store *s, enum store_query i, long long id, long long now,
	int *n)
{
	sqlite3_stmt *q = db_query(s->db, i);
	char at[WHEN_SIZE];

	db_bind_number(q, ":id", id);
	store_bind_time(q, ":now", at, now);
	return db_change(s->db, q, n);
}

/* Newest first, so that each finds its message as it left it. */
static int
undo_changes(struct store *s, long long id)
{
	sqlite3_stmt *q = db_query(s->db, UNDO_CHANGES), *change;
	int r = 0, rc;

	db_bind_number(q, ":id", id);
	while (r == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		change = db_query(s->db, UNDO_CHANGE);
		db_bind_number(change, ":change", sqlite3_column_int64(q, 0));
		r = db_change(s->db, change, NULL);
	}
	rc = db_done(s->db, q, r == 0 ? rc : SQLITE_DONE);
	return r != 0 ? r : rc;
}

int
store_undo(struct store *s, long long id, long long now,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	int n, r;

	if ((r = undo_step(s, UNDO_FIND, id, now, NULL)) != 0 ||
	    (r = undo_step(s, UNDO_MARK, id, now, &n)) != 0 || n == 0)
		return r != 0 ? r : -1;
	if ((r = undo_changes(s, id)) == 0 &&
	    (r = undo_step(s, UNDO_KEEP, id, now, NULL)) == 0 &&
	    (r = undo_step(s, UNDO_MADE, id, now, NULL)) == 0 &&
	    (r = undo_step(s, UNDO_KEPT, id, now, NULL)) == 0)
		r = store_records(s, db_query(s->db, UNDO_TOLD), each, ctx);
	return r;
}

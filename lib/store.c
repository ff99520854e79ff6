/*
 * The store in SQLite: sql/schema.sql says what lies where, and the rule by
 * which a status changes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "db.h"
#include "store.h"
#include "when.h"

extern const char sql_schema[], sql_schema_2[], sql_schema_4[],
	sql_schema_5[], sql_schema_6[],
	sql_apply[], sql_attach[], sql_batch_late[], sql_batch_list[],
	sql_batch_next[], sql_batch_save[], sql_called[], sql_due[],
	sql_early_keep[], sql_early_ready[], sql_early_take[],
	sql_error_codes[], sql_event_taken[], sql_expired[], sql_find[],
	sql_holds[], sql_journal[], sql_locate[], sql_log[], sql_logged[],
	sql_looked[], sql_made[], sql_make[], sql_once[], sql_opted_out[],
	sql_optout_add[], sql_optout_list[], sql_optout_remove[],
	sql_refused[], sql_reply[], sql_reply_again[], sql_reply_start[],
	sql_reply_stop[], sql_retry[], sql_stuck[], sql_undo_change[],
	sql_undo_changes[], sql_undo_find[], sql_undo_kept[], sql_undo_made[],
	sql_undo_mark[], sql_undo_told[], sql_unpriced[], sql_unsettled[],
	sql_verdict[];

/* What brings the schema from version i to i + 1. */
static const char *const migration[] = {
	sql_schema, sql_schema_2, sql_error_codes, sql_schema_4, sql_schema_5,
	sql_schema_6
};

enum query {
	APPLY, ATTACH, BATCH_LATE, BATCH_LIST, BATCH_NEXT, BATCH_SAVE, CALLED,
	DUE, EARLY_KEEP, EARLY_READY, EARLY_TAKE, EVENT_TAKEN, EXPIRED, FIND,
	HOLDS, JOURNAL, LOCATE, LOG, LOGGED, LOOKED, MADE, MAKE, ONCE,
	OPTED_OUT, OPTOUT_ADD, OPTOUT_LIST, OPTOUT_REMOVE, REFUSED_THEN, REPLY,
	REPLY_AGAIN, REPLY_START, REPLY_STOP, RETRY, STUCK, UNDO_CHANGE,
	UNDO_CHANGES, UNDO_FIND, UNDO_KEPT, UNDO_MADE, UNDO_MARK, UNDO_TOLD,
	UNPRICED, UNSETTLED, VERDICT, QUERIES
};

static const char *const text[QUERIES] = {
	sql_apply, sql_attach, sql_batch_late, sql_batch_list, sql_batch_next,
	sql_batch_save, sql_called, sql_due, sql_early_keep, sql_early_ready,
	sql_early_take, sql_event_taken, sql_expired, sql_find, sql_holds,
	sql_journal, sql_locate, sql_log, sql_logged, sql_looked, sql_made,
	sql_make, sql_once, sql_opted_out, sql_optout_add, sql_optout_list,
	sql_optout_remove, sql_refused, sql_reply, sql_reply_again,
	sql_reply_start, sql_reply_stop, sql_retry, sql_stuck, sql_undo_change,
	sql_undo_changes, sql_undo_find, sql_undo_kept, sql_undo_made,
	sql_undo_mark, sql_undo_told, sql_unpriced, sql_unsettled, sql_verdict
};

const struct db_kind store_kind = {
	migration, sizeof(migration) / sizeof(migration[0]), text, QUERIES,
	"SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it"
};

struct store {
	struct db *db;
	char word[16], old[32], new[32];  /* of the outcome told last */
	struct store_batch *batch;        /* NULL: changes belong to none */
	int *place[QUERIES];              /* of parameters; see query() */
};

int
store_open(struct store **out, const char *path, enum store_mode mode,
	const char **why)
{
	struct db *db;
	int r;

	*out = NULL;
	r = db_open(&db, path, mode == STORE_MAKE ? DB_MAKE :
		mode == STORE_TRY ? DB_TRY : DB_EXISTING, &store_kind,
		why);
	if (r == 0) {
		*out = need(sizeof(**out));
		memset(*out, 0, sizeof(**out));
		(*out)->db = db;
	}
	return r;
}

void
store_close(struct store *s)
{
	int i;

	if (s == NULL)
		return;
	for (i = 0; i < QUERIES; i++)
		free(s->place[i]);
	db_close(s->db);
	free(s);
}

const char *
store_why(struct store *s)
{
	return db_why(s->db);
}

void
store_set_patience(struct store *s, int ms)
{
	db_set_patience(s->db, ms);
}

int
store_begin(struct store *s)
{
	return db_begin(s->db);
}

int
store_begin_reading(struct store *s)
{
	return db_run(s->db, "BEGIN");
}

int
store_commit(struct store *s)
{
	return db_commit(s->db);
}

void
store_rollback(struct store *s)
{
	db_rollback(s->db);
}

/* Binds a text time; at must live as long as the statement runs. */
static void
bind_time(sqlite3_stmt *q, const char *name, char at[WHEN_SIZE], long long t)
{
	db_bind(q, name, when_format(at, t));
}

/*
 * The parameters of the statements that run for each record: its fields, and
 * what else they take.
 */
enum {
	ID = STATUS_FIELDS, NOW, BATCH, ATTACHED, WORD, OLD_STATUS, RANK, WAS,
	PARAMS
};

static const char *const param[PARAMS] = {
	":sid", ":status", ":error_code", ":at", ":source", ":to", ":from",
	":direction", ":segments", ":price", ":currency", ":ref",
	":created_at", ":error_message", ":body_sha256", ":id", ":now",
	":batch", ":attached", ":outcome", ":old", ":rank", ":was"
};

/*
 * A statement, ready to be bound, and where in it the parameters are: to find
 * each by its name for each record takes a sixth of the time.
 */
static sqlite3_stmt *
query(struct store *s, enum query i, const int **place)
{
	sqlite3_stmt *q = db_query(s->db, i);
	int k;

	if (s->place[i] == NULL) {
		s->place[i] = need(PARAMS * sizeof(*s->place[i]));
		for (k = 0; k < PARAMS; k++)
			s->place[i][k] =
				sqlite3_bind_parameter_index(q, param[k]);
	}
	*place = s->place[i];
	return q;
}

static void
bind_text(sqlite3_stmt *q, int place, const char *value)
{
	if (place > 0 && value != NULL)
		sqlite3_bind_text(q, place, value, -1, SQLITE_STATIC);
}

static void
bind_number(sqlite3_stmt *q, int place, long long value)
{
	if (place > 0)
		sqlite3_bind_int64(q, place, value);
}

static void
bind_record(sqlite3_stmt *q, const int *place, const struct rec *rec)
{
	int i;

	for (i = 0; i < STATUS_FIELDS; i++)
		bind_text(q, place[i], rec->f[i]);
}

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
	bind_time(q, ":now", now, m->created_at);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW)
		*id = sqlite3_column_int64(q, 0);
	r = db_done(s->db, q, rc);
	return r == 0 && rc == SQLITE_DONE ? -1 : r;
}

/* The record that a statement yields and, behind a status record, its row. */
static long long
row(sqlite3_stmt *q, struct rec *rec)
{
	int i, n = sqlite3_column_count(q);

	memset(rec, 0, sizeof(*rec));
	for (i = 0; i < n && i < STATUS_FIELDS; i++)
		rec->f[i] = (char *)sqlite3_column_text(q, i);
	return n > STATUS_FIELDS ? sqlite3_column_int64(q, STATUS_FIELDS) : 0;
}

/* Runs a statement whose rows are records. */
static int
records(struct store *s, sqlite3_stmt *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	struct rec rec;
	int r = 0, rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		row(q, &rec);
		r = each(ctx, &rec);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

int
store_find(struct store *s, const char *ref, struct rec *rec, long long *id)
{
	sqlite3_stmt *q = db_query(s->db, FIND);
	int rc, r;

	db_bind(q, ":ref", ref);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		*id = row(q, rec);
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

/* *n is the number that a statement yields, 0 without a row. */
static int
yield(struct store *s, sqlite3_stmt *q, long long *n)
{
	int rc = sqlite3_step(q);

	*n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	return db_done(s->db, q, rc);
}

/* The same; -1 if it fails. */
static long long
number(struct store *s, sqlite3_stmt *q)
{
	long long n;

	return yield(s, q, &n) == 0 ? n : -1;
}

int
store_holds(struct store *s, const char *sid)
{
	sqlite3_stmt *q = db_query(s->db, HOLDS);

	db_bind(q, ":sid", sid);
	return (int)number(s, q);
}

int
store_opted_out(struct store *s, const char *to, const char *sender)
{
	sqlite3_stmt *q = db_query(s->db, OPTED_OUT);

	db_bind(q, ":to", to);
	db_bind(q, ":sender", sender);
	return (int)number(s, q);
}

long long
store_made(struct store *s, const char *to, long long since)
{
	sqlite3_stmt *q = db_query(s->db, MADE);
	char at[WHEN_SIZE];

	db_bind(q, ":to", to);
	bind_time(q, ":since", at, since);
	return number(s, q);
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
		id = row(q, &rec);
		r = each(ctx, id, &rec);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

static void
keep(char *to, size_t size, const unsigned char *from)
{
	snprintf(to, size, "%s", from == NULL ? "" : (const char *)from);
}

/* A record for the row id, and how it came to it. */
struct merger {
	const struct rec *rec;
	long long id, now;
	long long batch;  /* 0: none */
	int attached;     /* it told the row its SID */
};

/*
 * verdict.sql decides and, where there is something to write, apply.sql writes
 * it: *wrote.  The transaction makes them one.  If the row is not that of the
 * record, m->id becomes 0.
 */
static int
merge(struct store *s, struct merger *m, int *wrote)
{
	sqlite3_stmt *v, *q;
	const int *place;
	char at[WHEN_SIZE];
	int r = 0, rc;

	*wrote = 0;
	if (m->id == 0) {
		keep(s->word, sizeof(s->word), (const unsigned char *)"unknown");
		return 0;
	}
	v = query(s, VERDICT, &place);
	bind_record(v, place, m->rec);
	bind_number(v, place[ID], m->id);
	bind_number(v, place[ATTACHED], m->attached);
	if (m->batch != 0)
		bind_number(v, place[BATCH], m->batch);
	if ((rc = sqlite3_step(v)) == SQLITE_ROW) {
		keep(s->word, sizeof(s->word), sqlite3_column_text(v, 0));
		keep(s->old, sizeof(s->old), sqlite3_column_text(v, 1));
		*wrote = sqlite3_column_int(v, 3);
	} else {
		keep(s->word, sizeof(s->word), (const unsigned char *)"unknown");
		m->id = 0;
	}
	if (*wrote) {
		q = query(s, APPLY, &place);
		bind_record(q, place, m->rec);
		bind_text(q, place[NOW], when_format(at, m->now));
		bind_number(q, place[ID], m->id);
		bind_text(q, place[WORD], s->word);
		bind_text(q, place[OLD_STATUS], s->old);
		bind_number(q, place[RANK], sqlite3_column_int(v, 2));
		bind_text(q, place[WAS],
			(const char *)sqlite3_column_text(v, 4));
		if (m->batch != 0)
			bind_number(q, place[BATCH], m->batch);
		r = db_change(s->db, q, NULL);
	}
	rc = db_done(s->db, v, rc);
	return r != 0 ? r : rc;
}

static int
late(struct store *s, long long batch)
{
	sqlite3_stmt *q = db_query(s->db, BATCH_LATE);

	db_bind_number(q, ":id", batch);
	return db_change(s->db, q, NULL);
}

/* The row of a SID or, if that is NULL, of a ref; 0 if there is none. */
static int
locate(struct store *s, const char *sid, const char *ref, long long *id)
{
	const int *place;
	sqlite3_stmt *q = query(s, LOCATE, &place);

	bind_text(q, place[SID], sid);
	bind_text(q, place[REF], ref);
	return yield(s, q, id);
}

/* Takes in what came for sid before its row. */
static int
take_early(struct store *s, const char *sid, long long now)
{
	sqlite3_stmt *q = db_query(s->db, EARLY_TAKE);
	struct rec rec;
	struct merger m = { &rec, 0, now, 0, 0 };
	int r = 0, rc, wrote = 0;

	/* the rows are all deleted and set aside by the first step */
	db_bind(q, ":sid", sid);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		m.batch = row(q, &rec);
		if (m.id == 0)
			r = locate(s, sid, NULL, &m.id);
		if (r == 0)
			r = merge(s, &m, &wrote);
		if (r == 0 && wrote && m.batch != 0)
			r = late(s, m.batch);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

int
store_locate(struct store *s, const struct rec *rec, long long *id)
{
	return locate(s, rec->f[SID], rec->f[REF], id);
}

/*
 * A record that names both tells the row of its ref the SID: then *id is that
 * row.
 */
static int
attach(struct store *s, const struct rec *rec, long long now, long long *id)
{
	sqlite3_stmt *q = db_query(s->db, ATTACH);
	int n, r;

	db_bind(q, ":sid", rec->f[SID]);
	db_bind(q, ":ref", rec->f[REF]);
	r = db_change(s->db, q, &n);
	if (r == 0 && n > 0)
		r = locate(s, rec->f[SID], NULL, id);
	if (r != 0 || n == 0)
		return r;
	return take_early(s, rec->f[SID], now);
}

/* Makes the row of a message that only the record tells of, if it can. */
static int
make(struct store *s, const struct rec *rec, long long now, long long *id)
{
	const int *place;
	sqlite3_stmt *q = query(s, MAKE, &place);
	char at[WHEN_SIZE];
	int r;

	bind_record(q, place, rec);
	bind_text(q, place[NOW], when_format(at, now));
	bind_number(q, place[BATCH], s->batch->id);
	if ((r = yield(s, q, id)) != 0 || *id == 0)
		return r;
	s->batch->made++;
	if (rec->f[SID] == NULL)
		return 0;
	return take_early(s, rec->f[SID], now);
}

/* Keeps a record until its message has a row. */
static int
keep_early(struct store *s, const struct rec *rec, long long now)
{
	const int *place;
	sqlite3_stmt *q = query(s, EARLY_KEEP, &place);
	char at[WHEN_SIZE];
	int n, r;

	bind_record(q, place, rec);
	bind_text(q, place[NOW], when_format(at, now));
	if (s->batch != NULL)
		bind_number(q, place[BATCH], s->batch->id);
	r = db_change(s->db, q, &n);
	if (r == 0 && s->batch != NULL)
		s->batch->kept += n;
	return r;
}

/* The plain statements on a row that say only when. */
static int
note(struct store *s, enum query i, long long id, const char *status,
	long long now)
{
	const int *place;
	sqlite3_stmt *q = query(s, i, &place);
	char at[WHEN_SIZE];

	bind_number(q, place[ID], id);
	bind_text(q, place[STATUS], status);
	bind_text(q, place[NOW], when_format(at, now));
	return db_change(s->db, q, NULL);
}

/* Statuses are compared in lower case; a longer word is none we know. */
static char *
lower(char out[32], const char *s)
{
	size_t i;

	for (i = 0; i < 31 && s[i] != '\0'; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	out[i] = '\0';
	return out;
}

int
store_apply(struct store *s, const struct rec *rec, long long now,
	struct outcome *out)
{
	return store_apply_at(s, 0, rec, now, out);
}

int
store_apply_at(struct store *s, long long id, const struct rec *told,
	long long now, struct outcome *out)
{
	struct rec rec = *told;
	struct merger m = { &rec, id, now, 0, 0 };
	const char *source = rec.f[SOURCE] == NULL ? "" : rec.f[SOURCE];
	char status[32];
	int made = 0, r = 0, wrote;

	out->old = out->new = NULL;
	if (rec.f[STATUS] == NULL) {
		out->word = "failed";
		return 0;
	}
	rec.f[STATUS] = lower(status, rec.f[STATUS]);
	if (s->batch != NULL)
		m.batch = s->batch->id;
	if ((r = merge(s, &m, &wrote)) != 0)
		return r;
	if (m.id == 0) {
		r = store_locate(s, &rec, &m.id);
		if (r == 0 && m.id == 0 && rec.f[SID] != NULL &&
		    rec.f[REF] != NULL) {
			r = attach(s, &rec, now, &m.id);
			m.attached = m.id != 0;
		}
		if (r == 0 && m.id == 0 && s->batch != NULL && s->batch->make) {
			r = make(s, &rec, now, &m.id);
			made = m.id != 0;
		}
		if (r != 0 || (r = merge(s, &m, &wrote)) != 0)
			return r;
	}
	out->word = s->word;
	if (m.id == 0)
		return rec.f[SID] == NULL ? 0 : keep_early(s, &rec, now);

	if (s->batch != NULL)
		s->batch->changed += wrote;
	out->old = made ? NULL : s->old;
	out->new = s->old;
	if (strcmp(s->word, "applied") == 0) {
		keep(s->new, sizeof(s->new), (const unsigned char *)status);
		out->new = s->new;
	} else if (strcmp(source, "hook") == 0 ||
	    strcmp(source, "event") == 0) {
		r = note(s, CALLED, m.id, status, now);
	}
	if (r == 0 && (strcmp(source, "fetch") == 0 ||
	    strcmp(source, "list") == 0))
		r = note(s, LOOKED, m.id, NULL, now);
	return r;
}

int
store_settle(struct store *s, long long now)
{
	sqlite3_stmt *q = db_query(s->db, EARLY_READY);
	char sid[64];
	int r = 0, rc;

	/* one at a time: what is found changes the table it was found in */
	while (r == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		keep(sid, sizeof(sid), sqlite3_column_text(q, 0));
		db_done(s->db, q, rc);
		r = take_early(s, sid, now);
	}
	rc = db_done(s->db, q, r == 0 ? rc : SQLITE_DONE);
	return r != 0 ? r : rc;
}

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
	bind_time(q, ":now", at, now);
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
	return records(s, db_query(s->db, BATCH_LIST), each, ctx);
}

/* The statements of an undo that have no result. */
static int
undo_step(struct store *s, enum query i, long long id, long long now, int *n)
{
	sqlite3_stmt *q = db_query(s->db, i);
	char at[WHEN_SIZE];

	db_bind_number(q, ":id", id);
	bind_time(q, ":now", at, now);
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

	if ((r = undo_step(s, UNDO_MARK, id, now, &n)) != 0 || n == 0)
		return r != 0 ? r : -1;
	if ((r = undo_step(s, UNDO_FIND, id, now, NULL)) == 0 &&
	    (r = undo_changes(s, id)) == 0 &&
	    (r = undo_step(s, UNDO_MADE, id, now, NULL)) == 0 &&
	    (r = undo_step(s, UNDO_KEPT, id, now, NULL)) == 0)
		r = records(s, db_query(s->db, UNDO_TOLD), each, ctx);
	return r;
}

int
store_once(struct store *s, const char *id)
{
	sqlite3_stmt *q = db_query(s->db, ONCE);
	int n, r;

	db_bind(q, ":id", id);
	r = db_change(s->db, q, &n);
	return r == 0 && n == 0 ? -1 : r;
}

int
store_stuck(struct store *s, const struct store_stuck *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, STUCK);
	char queued[WHEN_SIZE], sent[WHEN_SIZE];

	bind_time(q, ":queued", queued, w->now - w->queued);
	bind_time(q, ":sent", sent, w->now - w->sent);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return records(s, q, each, ctx);
}

int
store_due(struct store *s, long long now, long long checked, long long limit,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, DUE);
	char at[WHEN_SIZE], since[WHEN_SIZE];

	bind_time(q, ":now", at, now);
	bind_time(q, ":checked", since, checked);
	db_bind_number(q, ":limit", limit);
	return records(s, q, each, ctx);
}

int
store_unpriced(struct store *s, const struct store_unpriced *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, UNPRICED);
	char since[WHEN_SIZE], until[WHEN_SIZE];

	db_bind_number(q, ":now", w->now);
	bind_time(q, ":since", since, w->now - w->give_up);
	bind_time(q, ":until", until, w->now - w->age);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return records(s, q, each, ctx);
}

int
store_expired(struct store *s, const struct store_expired *w,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, EXPIRED);
	char now[WHEN_SIZE], before[WHEN_SIZE];

	bind_time(q, ":now", now, w->now);
	bind_time(q, ":before", before, w->now - w->age);
	db_bind_number(q, ":age", w->age);
	db_bind_number(q, ":asked", w->asked);
	db_bind_number(q, ":limit", w->limit == 0 ? -1 : w->limit);
	return records(s, q, each, ctx);
}

int
store_optout_list(struct store *s, const char *recipient, const char *sender,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, OPTOUT_LIST);

	db_bind(q, ":recipient", recipient);
	db_bind(q, ":sender", sender);
	return records(s, q, each, ctx);
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
	bind_time(q, ":now", at, now);
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

static int
run_reply(struct store *s, enum query i, const struct store_reply *m,
	const char *sender, long long now, int *n)
{
	sqlite3_stmt *q = db_query(s->db, i);
	char at[WHEN_SIZE];

	db_bind(q, ":sid", m->sid);
	db_bind(q, ":to", m->to);
	db_bind(q, ":from", m->from);
	db_bind(q, ":service", m->service);
	db_bind(q, ":sender", sender);
	db_bind(q, ":body", m->body);
	db_bind(q, ":media_url", m->media_url);
	db_bind(q, ":segments", m->segments);
	db_bind(q, ":at", m->at);
	bind_time(q, ":now", at, now);
	return db_change(s->db, q, n);
}

int
store_reply(struct store *s, const struct store_reply *m, long long now,
	struct outcome *out)
{
	enum query change;
	int n, r;

	out->old = out->new = NULL;
	out->word = "applied";
	if ((r = run_reply(s, REPLY, m, NULL, now, &n)) != 0)
		return r;
	if (n == 0) {
		r = run_reply(s, REPLY_AGAIN, m, NULL, now, &n);
		out->word = n > 0 ? "same" : "conflict";
		return r;
	}
	if ((r = take_early(s, m->sid, now)) != 0 || m->keyword == NULL)
		return r;
	out->word = m->keyword;
	change = strcmp(m->keyword, "stop") == 0 ? REPLY_STOP : REPLY_START;
	if (m->from != NULL && m->to != NULL)
		r = run_reply(s, change, m, m->to, now, NULL);
	if (r == 0 && m->from != NULL && m->service != NULL)
		r = run_reply(s, change, m, m->service, now, NULL);
	return r;
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
	return records(s, q, each, ctx);
}

int
store_log(struct store *s, const struct store_log *l)
{
	sqlite3_stmt *q = db_query(s->db, LOG);
	char at[WHEN_SIZE];

	bind_time(q, ":at", at, l->at);
	db_bind(q, ":sid", l->sid);
	db_bind(q, ":params", l->params);
	db_bind(q, ":status", l->status);
	db_bind(q, ":outcome", l->outcome);
	db_bind(q, ":peer", l->peer);
	db_bind(q, ":signature", l->signature);
	db_bind(q, ":host", l->host);
	db_bind(q, ":target", l->target);
	db_bind(q, ":source", l->source);
	db_bind(q, ":event_id", l->event_id);
	db_bind_number(q, ":answer", l->answer);
	db_bind_number(q, ":took_us", l->took_us);
	return db_change(s->db, q, NULL);
}

int
store_took_event(struct store *s, const char *event_id)
{
	sqlite3_stmt *q = db_query(s->db, EVENT_TAKEN);

	db_bind(q, ":event_id", event_id);
	return (int)number(s, q);
}

int
store_logged(struct store *s, long long id,
	void (*found)(void *ctx, const struct store_request *r), void *ctx)
{
	sqlite3_stmt *q = db_query(s->db, LOGGED);
	const char *text[7];
	struct store_request r;
	int rc, status, i;

	if (id > 0)
		db_bind_number(q, ":id", id);
	if ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		for (i = 0; i < 7; i++)
			text[i] = (const char *)sqlite3_column_text(q, i);
		r.id = sqlite3_column_int64(q, 0);
		r.at = text[1];
		r.status = text[2];
		r.signature = text[3];
		r.host = text[4];
		r.target = text[5];
		r.params = text[6];
		found(ctx, &r);
		return db_done(s->db, q, SQLITE_DONE);
	}
	status = db_done(s->db, q, rc);
	return status == 0 ? -1 : status;
}

int
store_refused(struct store *s, long long minute, long long requests)
{
	sqlite3_stmt *q = db_query(s->db, REFUSED_THEN);
	char at[WHEN_SIZE];

	bind_time(q, ":minute", at, minute);
	db_bind_number(q, ":requests", requests);
	return db_change(s->db, q, NULL);
}

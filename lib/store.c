/*
 * The store in SQLite: sql/schema.sql says what lies where, and the rule by
 * which a status changes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "store-inner.h"

extern const char sql_schema[], sql_schema_2[], sql_error_codes[],
	sql_schema_4[], sql_schema_5[], sql_schema_6[], sql_schema_7[];

/* What brings the schema from version i to i + 1. */
static const char *const migration[] = {
	sql_schema, sql_schema_2, sql_error_codes, sql_schema_4, sql_schema_5,
	sql_schema_6, sql_schema_7
};

#define TEXT(name, file) extern const char sql_##file[];
STORE_QUERIES(TEXT)
#undef TEXT

static const char *const text[QUERIES] = {
#define TEXT(name, file) sql_##file,
	STORE_QUERIES(TEXT)
#undef TEXT
};

const struct db_kind store_kind = {
	migration, sizeof(migration) / sizeof(migration[0]), text, QUERIES,
	"SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it"
};

int
store_open(struct store **out, const char *path, enum store_mode mode,
	const char **why)
{
	static const enum db_mode as[] = {
		[STORE_MAKE] = DB_MAKE, [STORE_TRY] = DB_TRY,
		[STORE_EXISTING] = DB_EXISTING, [STORE_TRIAL] = DB_TRIAL,
		[STORE_READ] = DB_READ
	};
	struct db *db;
	int r;

	*out = NULL;
	r = db_open(&db, path, as[mode], &store_kind, why);
	if (r == BAD_SETUP && mode == STORE_READ && access(path, W_OK) == 0)
		r = db_open(&db, path, DB_EXISTING, &store_kind, why);
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

void
store_bind_time(sqlite3_stmt *q, const char *name, char at[WHEN_SIZE],
	long long t)
{
	db_bind(q, name, when_format(at, t));
}

/*
 * The parameters of the statements that run for each record: its fields, and
 * what else they take.
 */
enum {
	ID = STATUS_FIELDS, NOW, BATCH, ATTACHED, WORD, OLD_STATUS, RANK, WAS,
	UNCALLED,
	PARAMS
};

static const char *const param[PARAMS] = {
	":sid", ":status", ":error_code", ":at", ":source", ":to", ":from",
	":direction", ":segments", ":price", ":currency", ":ref",
	":created_at", ":error_message", ":body_sha256", ":id", ":now",
	":batch", ":attached", ":outcome", ":old", ":rank", ":was",
	":uncalled"
};

/*
 * A statement, ready to be bound, and where in it the parameters are: to find
 * each by its name for each record takes a sixth of the time.
 */
static sqlite3_stmt *
query(struct store *s, enum store_query i, const int **place)
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

long long
store_row(sqlite3_stmt *q, struct rec *rec)
{
	int i, n = sqlite3_column_count(q);

	memset(rec, 0, sizeof(*rec));
	for (i = 0; i < n && i < STATUS_FIELDS; i++)
		rec->f[i] = (char *)sqlite3_column_text(q, i);
	return n > STATUS_FIELDS ? sqlite3_column_int64(q, STATUS_FIELDS) : 0;
}

int
store_records(struct store *s, sqlite3_stmt *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx)
{
	struct rec rec;
	int r = 0, rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		store_row(q, &rec);
		r = each(ctx, &rec);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

/* *n is the number that a statement yields, 0 without a row. */
static int
yield(struct store *s, sqlite3_stmt *q, long long *n)
{
	int rc = sqlite3_step(q);

	*n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	return db_done(s->db, q, rc);
}

long long
store_number(struct store *s, sqlite3_stmt *q)
{
	long long n;

	return yield(s, q, &n) == 0 ? n : -1;
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

/* Runs a statement that carries out what the row v of verdict.sql says. */
static int
carry_out(struct store *s, enum store_query i, const struct merger *m,
	sqlite3_stmt *v)
{
	const int *place;
	sqlite3_stmt *q = query(s, i, &place);
	char at[WHEN_SIZE];

	bind_record(q, place, m->rec);
	bind_text(q, place[NOW], when_format(at, m->now));
	bind_number(q, place[ID], m->id);
	bind_text(q, place[WORD], s->word);
	bind_text(q, place[OLD_STATUS], s->old);
	bind_number(q, place[RANK], sqlite3_column_int(v, 2));
	bind_text(q, place[WAS], (const char *)sqlite3_column_text(v, 4));
	if (m->batch != 0)
		bind_number(q, place[BATCH], m->batch);
	if (sqlite3_column_int(v, 6))
		bind_number(q, place[UNCALLED], 1);
	return db_change(s->db, q, NULL);
}

/*
 * verdict.sql decides and, where there is something to write, *wrote, apply.sql
 * writes it and follow.sql and facts.sql carry it into the message.  The
 * transaction makes them one.  If the row is not that of the record, m->id becomes 0.
 */
static int
merge(struct store *s, struct merger *m, int *wrote)
{
	sqlite3_stmt *v;
	const int *place;
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
		if (*wrote && (r = carry_out(s, APPLY, m, v)) == 0 &&
		    (r = carry_out(s, FOLLOW, m, v)) == 0 &&
		    sqlite3_column_int(v, 5))
			r = carry_out(s, FACTS, m, v);
	} else {
		keep(s->word, sizeof(s->word), (const unsigned char *)"unknown");
		m->id = 0;
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

int
store_take_early(struct store *s, const char *sid, long long now)
{
	sqlite3_stmt *q = db_query(s->db, EARLY_TAKE);
	struct rec rec;
	struct merger m = { &rec, 0, now, 0, 0 };
	int r = 0, rc, wrote = 0;

	/* the rows are all deleted and set aside by the first step */
	db_bind(q, ":sid", sid);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		m.batch = store_row(q, &rec);
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
	return store_take_early(s, rec->f[SID], now);
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
	return store_take_early(s, rec->f[SID], now);
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
note(struct store *s, enum store_query i, long long id, const char *status,
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
		r = store_take_early(s, sid, now);
	}
	rc = db_done(s->db, q, r == 0 ? rc : SQLITE_DONE);
	return r != 0 ? r : rc;
}

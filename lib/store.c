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
	sql_apply[], sql_attach[], sql_due[], sql_early_keep[],
	sql_early_ready[], sql_early_take[], sql_error_codes[],
	sql_event_taken[], sql_expired[],
	sql_find[], sql_holds[], sql_journal[], sql_log[], sql_logged[],
	sql_looked[], sql_made[], sql_once[], sql_opted_out[],
	sql_optout_add[], sql_optout_list[], sql_optout_remove[],
	sql_refused[], sql_reply[], sql_reply_again[], sql_reply_start[],
	sql_reply_stop[], sql_retry[], sql_stuck[], sql_unsettled[],
	sql_verdict[];

/* What brings the schema from version i to i + 1. */
static const char *const migration[] = {
	sql_schema, sql_schema_2, sql_error_codes, sql_schema_4
};

enum query {
	APPLY, ATTACH, DUE, EARLY_KEEP, EARLY_READY, EARLY_TAKE, EVENT_TAKEN,
	EXPIRED, FIND, HOLDS, JOURNAL, LOG, LOGGED, LOOKED, MADE, ONCE,
	OPTED_OUT, OPTOUT_ADD, OPTOUT_LIST, OPTOUT_REMOVE, REFUSED_THEN, REPLY,
	REPLY_AGAIN, REPLY_START, REPLY_STOP, RETRY, STUCK, UNSETTLED, VERDICT,
	QUERIES
};

static const char *const text[QUERIES] = {
	sql_apply, sql_attach, sql_due, sql_early_keep, sql_early_ready,
	sql_early_take, sql_event_taken, sql_expired, sql_find, sql_holds, sql_journal,
	sql_log, sql_logged, sql_looked, sql_made, sql_once, sql_opted_out,
	sql_optout_add, sql_optout_list, sql_optout_remove, sql_refused,
	sql_reply, sql_reply_again, sql_reply_start, sql_reply_stop, sql_retry,
	sql_stuck, sql_unsettled, sql_verdict
};

static const struct db_kind kind = {
	migration, sizeof(migration) / sizeof(migration[0]), text, QUERIES,
	"SMS_DB is wrong, or sms-send, sms-hook or sms-apply has yet to make it"
};

struct store {
	struct db *db;
	char word[16], old[32], new[32];  /* of the outcome told last */
};

int
store_open(struct store **out, const char *path, enum store_mode mode,
	const char **why)
{
	struct db *db;
	int r;

	*out = NULL;
	r = db_open(&db, path, mode == STORE_MAKE ? DB_MAKE :
		mode == STORE_TRY ? DB_TRY : DB_EXISTING, &kind, why);
	if (r == 0) {
		*out = need(sizeof(**out));
		(*out)->db = db;
	}
	return r;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
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

static void
bind_record(sqlite3_stmt *q, const struct rec *rec)
{
	static const char *const name[STATUS_FIELDS] = {
		":sid", ":status", ":error_code", ":at", ":source", ":to",
		":from", ":direction", ":segments", ":price", ":currency",
		":ref", ":created_at", ":error_message", ":body_sha256"
	};
	int i;

	for (i = 0; i < STATUS_FIELDS; i++)
		db_bind(q, name[i], rec->f[i]);
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

/* The number that a statement yields, 0 without a row; -1 if it fails. */
static long long
number(struct store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);
	long long n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;

	return db_done(s->db, q, rc) == 0 ? n : -1;
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

/* Runs apply.sql, and verdict.sql where that had nothing to write. */
static int
merge(struct store *s, const struct rec *rec, long long now)
{
	char at[WHEN_SIZE];
	sqlite3_stmt *q;
	int i, rc, r;

	for (i = 0; i < 2; i++) {
		q = db_query(s->db, i == 0 ? APPLY : VERDICT);
		bind_record(q, rec);
		bind_time(q, ":now", at, now);
		if ((rc = sqlite3_step(q)) == SQLITE_ROW) {
			keep(s->word, sizeof(s->word), sqlite3_column_text(q, 0));
			keep(s->old, sizeof(s->old), sqlite3_column_text(q, 1));
			while ((r = sqlite3_step(q)) == SQLITE_ROW)
				;
			if (r != SQLITE_DONE)
				rc = r;
		}
		if ((r = db_done(s->db, q, rc)) != 0)
			return r;
		if (rc == SQLITE_ROW)
			return 0;
	}
	keep(s->word, sizeof(s->word), (const unsigned char *)"unknown");
	return 0;
}

/* Takes in what came for sid before its row. */
static int
take_early(struct store *s, const char *sid, long long now)
{
	sqlite3_stmt *q = db_query(s->db, EARLY_TAKE);
	struct rec rec;
	int r = 0, rc;

	/* the rows are all deleted and set aside by the first step */
	db_bind(q, ":sid", sid);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && r == 0) {
		row(q, &rec);
		r = merge(s, &rec, now);
	}
	rc = db_done(s->db, q, rc);
	return rc != 0 ? rc : r;
}

/* A record that names both tells the row of its ref the SID. */
static int
attach(struct store *s, const struct rec *rec, long long now)
{
	sqlite3_stmt *q = db_query(s->db, ATTACH);
	int n, r;

	db_bind(q, ":sid", rec->f[SID]);
	db_bind(q, ":ref", rec->f[REF]);
	r = db_change(s->db, q, &n);
	if (r != 0 || n == 0)
		return r;
	return take_early(s, rec->f[SID], now);
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
store_apply(struct store *s, const struct rec *told, long long now,
	struct outcome *out)
{
	struct rec rec = *told;
	const char *source = rec.f[SOURCE];
	char at[WHEN_SIZE], status[32];
	sqlite3_stmt *q;
	int r = 0;

	out->old = out->new = NULL;
	if (rec.f[STATUS] == NULL) {
		out->word = "failed";
		return 0;
	}
	if (rec.f[SID] != NULL && rec.f[REF] != NULL)
		r = attach(s, &rec, now);
	if (r == 0 && rec.f[SID] != NULL && source != NULL &&
	    (strcmp(source, "fetch") == 0 || strcmp(source, "list") == 0)) {
		q = db_query(s->db, LOOKED);
		db_bind(q, ":sid", rec.f[SID]);
		bind_time(q, ":now", at, now);
		r = db_change(s->db, q, NULL);
	}
	if (r != 0)
		return r;
	rec.f[STATUS] = lower(status, rec.f[STATUS]);
	if ((r = merge(s, &rec, now)) != 0)
		return r;
	out->word = s->word;
	if (strcmp(s->word, "unknown") != 0) {
		out->old = s->old;
		out->new = s->old;
		if (strcmp(s->word, "applied") == 0) {
			keep(s->new, sizeof(s->new),
				(const unsigned char *)status);
			out->new = s->new;
		}
	} else if (rec.f[SID] != NULL) {
		q = db_query(s->db, EARLY_KEEP);
		bind_record(q, &rec);
		bind_time(q, ":now", at, now);
		r = db_change(s->db, q, NULL);
	}
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

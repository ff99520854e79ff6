#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "db.h"
#include "store.h"
#include "view.h"
#include "when.h"

enum { STEP_MS = 100 };  /* between two looks at what others did */

struct view {
	struct db *db;
	int status;           /* of the first failure */
	long long version;    /* of the data, as view_changed saw it last */
	struct view_query *version_query;
};

struct view_query {
	struct view *view;
	sqlite3_stmt *q;      /* NULL if it did not prepare */
};

int
view_open(struct view **v, const char *path, const char **why)
{
	struct db *db;
	int r = db_open(&db, path, DB_READ, &store_kind, why);

	*v = NULL;
	if (r == 0) {
		*v = need(sizeof(**v));
		memset(*v, 0, sizeof(**v));
		(*v)->db = db;
	}
	return r;
}

void
view_close(struct view *v)
{
	if (v == NULL)
		return;
	view_free(v->version_query);
	db_close(v->db);
	free(v);
}

int
view_status(struct view *v)
{
	return v->status;
}

const char *
view_why(struct view *v)
{
	return db_why(v->db);
}

/* Later failures follow from the first and would hide why. */
static void
note(struct view *v, int status)
{
	if (v->status == 0)
		v->status = status;
}

void
view_begin(struct view *v)
{
	if (v->status == 0)
		note(v, db_run(v->db, "BEGIN"));
}

void
view_end(struct view *v)
{
	db_rollback(v->db);
}

int
view_changed(struct view *v)
{
	long long version = v->version;

	if (v->version_query == NULL)
		v->version_query = view_query(v, "PRAGMA data_version");
	if (view_next(v->version_query))
		v->version = view_number(v->version_query, 0);
	view_stop(v->version_query);
	return v->version != version;
}

int
view_await(struct view *v, long long ms)
{
	struct pollfd out = { STDOUT_FILENO, 0, 0 };
	long long end = ms < 0 ? 0 : when_mono_ms() + ms, left;

	do {
		if (view_changed(v))
			return 1;
		left = ms < 0 ? STEP_MS : end - when_mono_ms();
		if (left > 0 && poll(&out, 1, left < STEP_MS ? (int)left :
		    STEP_MS) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0)
			return -1;
	} while (left > 0 && v->status == 0);
	return 0;
}

void
view_buffer_stdout(void)
{
	static char buffer[1 << 20];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
}

void
view_hide(struct view *v, const struct db_hidden *list)
{
	db_hide(v->db, list);
}

struct view_query *
view_query(struct view *v, const char *sql)
{
	struct view_query *q = need(sizeof(*q));

	q->view = v;
	q->q = NULL;
	if (v->status == 0)
		note(v, db_prepare(v->db, sql, &q->q));
	return q;
}

void
view_bind(struct view_query *q, const char *name, const char *text)
{
	if (q->q != NULL)
		db_bind(q->q, name, text);
}

void
view_bind_number(struct view_query *q, const char *name, long long n)
{
	if (q->q != NULL)
		db_bind_number(q->q, name, n);
}

void
view_free(struct view_query *q)
{
	if (q == NULL)
		return;
	sqlite3_finalize(q->q);
	free(q);
}

int
view_next(struct view_query *q)
{
	int rc;

	if (q->q == NULL || q->view->status != 0)
		return 0;
	if ((rc = sqlite3_step(q->q)) == SQLITE_ROW)
		return 1;
	note(q->view, db_done(q->view->db, q->q, rc));
	return 0;
}

void
view_stop(struct view_query *q)
{
	if (q->q != NULL)
		db_done(q->view->db, q->q, SQLITE_DONE);
}

int
view_columns(struct view_query *q)
{
	return q->q == NULL ? 0 : sqlite3_column_count(q->q);
}

const char *
view_name(struct view_query *q, int column)
{
	return sqlite3_column_name(q->q, column);
}

const char *
view_text(struct view_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->q, column);
}

long long
view_number(struct view_query *q, int column)
{
	return sqlite3_column_int64(q->q, column);
}

double
view_real(struct view_query *q, int column)
{
	return sqlite3_column_double(q->q, column);
}

int
view_is_text(struct view_query *q, int column)
{
	int type = sqlite3_column_type(q->q, column);

	return type == SQLITE_TEXT || type == SQLITE_BLOB;
}

void
view_record(struct view_query *q, struct rec *rec)
{
	int i, n = view_columns(q);

	memset(rec, 0, sizeof(*rec));
	for (i = 0; i < n && i < REC_MAX; i++)
		rec->f[i] = (char *)view_text(q, i);
}

long long
view_count(struct view *v, const char *sql)
{
	struct view_query *q = view_query(v, sql);
	long long n = view_next(q) ? view_number(q, 0) : 0;

	view_free(q);
	return n;
}

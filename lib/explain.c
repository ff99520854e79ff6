#include <sqlite3.h>
#include <stdlib.h>

#include "buf.h"
#include "die.h"
#include "explain.h"

extern const char sql_error_codes[], sql_explain[];

struct explain {
	sqlite3 *db;  /* in memory */
	sqlite3_stmt *q;
};

struct explain *
explain_open(void)
{
	struct explain *e = need(sizeof(*e));

	/* the migration that brings the codes also indexes messages by them */
	if (sqlite3_open(":memory:", &e->db) != SQLITE_OK ||
	    sqlite3_exec(e->db, "CREATE TABLE messages (created_at, status)",
	    NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(e->db, sql_error_codes, NULL, NULL, NULL) !=
	    SQLITE_OK || sqlite3_prepare_v2(e->db, sql_explain, -1, &e->q,
	    NULL) != SQLITE_OK)
		die(BUG, "%s", sqlite3_errmsg(e->db));
	return e;
}

void
explain_close(struct explain *e)
{
	if (e == NULL)
		return;
	sqlite3_finalize(e->q);
	sqlite3_close(e->db);
	free(e);
}

void
explain_code(struct explain *e, const char *code, struct explanation *out)
{
	sqlite3_reset(e->q);
	sqlite3_bind_text(e->q, 1, code, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(e->q) != SQLITE_ROW)
		die(BUG, "%s", sqlite3_errmsg(e->db));
	out->known = sqlite3_column_int(e->q, 0);
	out->title = (const char *)sqlite3_column_text(e->q, 1);
	out->class = (const char *)sqlite3_column_text(e->q, 2);
	out->sentence = (const char *)sqlite3_column_text(e->q, 3);
	out->step = (const char *)sqlite3_column_text(e->q, 4);
}

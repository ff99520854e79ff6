/*
 * view: the store as the reading tools see it, by SQL.  It is opened
 * read-only: nothing is made, brought up to date, locked or kept waiting.
 *
 * What fails is remembered, as by stdio: a query that failed yields no rows,
 * and view_status() tells once all is read.
 */
#ifndef VIEW_H
#define VIEW_H

#include "rec.h"

struct view;
struct view_query;

/*
 * Returns 0, or the exit status that fits: then *v is NULL and *why a message
 * that names the path (it lives until the next call).
 */
int view_open(struct view **v, const char *path, const char **why);
void view_close(struct view *v);

/* 0, or the exit status that fits the first failure, which view_why tells. */
int view_status(struct view *v);
const char *view_why(struct view *v);

/*
 * From the first query in between on, all see one state of the store.  What
 * others write meanwhile piles up beside it: not to be held for long.
 */
void view_begin(struct view *v);
void view_end(struct view *v);

/* True if another process wrote since this was called last. */
int view_changed(struct view *v);

/*
 * Waits until another process wrote (1), that time is over (0; -1: there is
 * no limit), or who reads our stdout has gone (-1).
 */
int view_await(struct view *v, long long ms);

/*
 * Standard output for many rows: big enough that nothing is written while a
 * query of this many rows runs, however slow the reader, if stdout is flushed
 * between queries.
 */
enum { VIEW_ROWS = 500 };
void view_buffer_stdout(void);

/*
 * One query, such as a file of sql/; never NULL.  Its parameters are bound by
 * name before the first row.  One that it does not have is passed over, and
 * a NULL stays NULL; text must live as long as it is bound.
 */
struct view_query *view_query(struct view *v, const char *sql);
void view_bind(struct view_query *q, const char *name, const char *text);
void view_bind_number(struct view_query *q, const char *name, long long n);
void view_free(struct view_query *q);

/* Queries may not read these columns; see lib/db.h. */
struct db_hidden;
void view_hide(struct view *v, const struct db_hidden *list);

/*
 * True if there is another row.  After the last the query is over, what was
 * bound is forgotten, and it can be bound and read again.
 */
int view_next(struct view_query *q);
void view_stop(struct view_query *q);  /* the same before the last */

/* The columns of a query; those of its row live until the next. */
int view_columns(struct view_query *q);
const char *view_name(struct view_query *q, int column);
const char *view_text(struct view_query *q, int column);  /* NULL for null */
long long view_number(struct view_query *q, int column);  /* 0 for null */
double view_real(struct view_query *q, int column);
int view_is_text(struct view_query *q, int column);  /* before view_text */

/* The row as a record: its first columns, REC_MAX at most. */
void view_record(struct view_query *q, struct rec *rec);

/*
 * The one number that a query without parameters yields, and 0 where it
 * yields none.
 */
long long view_count(struct view *v, const char *sql);

#endif

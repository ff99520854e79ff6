/*
 * db: an SQLite database of ours: opened with its schema up to date, patient
 * under contention, its statements prepared when first used.
 *
 * What returns an int returns 0 or the exit status that fits, and db_why()
 * tells more.
 */
#ifndef DB_H
#define DB_H

#include <sqlite3.h>

enum db_mode {
	DB_MAKE,      /* made with its schema if it is not there */
	DB_TRY,       /* the same, with a patience of 1 s from the start */
	DB_EXISTING,  /* must be there */
	DB_TRIAL,     /* the same, up to date or refused: all is rolled back */
	DB_READ       /* the same, and only read */
};

/* What lies in a database; constant, of the module that owns it. */
struct db_kind {
	const char *const *migration;  /* SQL from version i to i + 1 */
	int version;                   /* how many there are */
	const char *const *query;      /* SQL of each statement */
	int queries;
	const char *maker;             /* who makes it, for a message */
};

struct db;

/*
 * On failure *out is NULL and *why a message that names the path (it lives
 * until the next call).
 */
int db_open(struct db **out, const char *path, enum db_mode mode,
	const struct db_kind *kind, const char **why);
void db_close(struct db *d);
const char *db_why(struct db *d);

/* How long to wait for other processes; 10 s unless set. */
void db_set_patience(struct db *d, int ms);

int db_run(struct db *d, const char *sql);
int db_begin(struct db *d);  /* takes the write lock */
int db_commit(struct db *d);
void db_rollback(struct db *d);

/*
 * Prepares a query that is no statement of the kind's; the caller finalizes
 * it.  More than one statement, or one that would write, is a failure.
 */
int db_prepare(struct db *d, const char *sql, sqlite3_stmt **q);

/* A column that a query may not read. */
struct db_hidden {
	const char *table, *column;  /* a NULL for the table ends a list */
	const char *why;             /* a phrase, for db_why */
};

/* From now on, for what is yet to be prepared.  The list must live as long. */
void db_hide(struct db *d, const struct db_hidden *list);

/* Statement i, ready to be bound; one that does not prepare dies. */
sqlite3_stmt *db_query(struct db *d, int i);

/*
 * Bind by name; a name that the statement does not have is passed over, and
 * so is a NULL.  value must live until the statement is done.
 */
void db_bind(sqlite3_stmt *q, const char *name, const char *value);
void db_bind_number(sqlite3_stmt *q, const char *name, long long value);

/* Ends a statement; rc is what its last step said. */
int db_done(struct db *d, sqlite3_stmt *q, int rc);

/* Runs a statement that yields no rows; *n (or NULL) is what it changed. */
int db_change(struct db *d, sqlite3_stmt *q, int *n);

#endif

/*
 * Durability is SQLite's: WAL and synchronous=FULL, so what was committed
 * survives a crash and a power cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "db.h"
#include "die.h"
#include "when.h"

enum {
	PATIENCE_MS = 10000,  /* who waits longer than this says TRY_LATER */
	TRY_MS = 1000,
	WHY_MAX = 512
};

struct db {
	sqlite3 *handle;
	const struct db_kind *kind;
	sqlite3_stmt **query;  /* kind->queries of them, NULL until used */
	int patience;
	long long waiting_since;
	const struct db_hidden *hidden, *asked;  /* asked: what was refused */
	char *path;
	char why[WHY_MAX];
};

/*
 * Many short-lived writers compete here.  SQLite's own handler sleeps longer
 * each time and lets late comers win; short random sleeps keep the wait of
 * the slowest a fraction of that.
 */
static int
busy(void *ctx, int tries)
{
	struct db *d = ctx;
	struct timespec ts = { 0, 0 };

	if (tries == 0)
		d->waiting_since = when_mono_ms();
	else if (when_mono_ms() - d->waiting_since > d->patience)
		return 0;
	ts.tv_nsec = 500000 + rand() % 1000000;
	nanosleep(&ts, NULL);
	return 1;
}

/* The exit status for a result of SQLite; keeps the words for db_why. */
static int
failed(struct db *d, int rc)
{
	const char *words = sqlite3_errmsg(d->handle);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(d->why, WHY_MAX, "database '%s' is busy", d->path);
		return TRY_LATER;
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_PERM:
		snprintf(d->why, WHY_MAX, "database '%s': %s", d->path, words);
		return IO_FAILED;
	case SQLITE_AUTH:
		snprintf(d->why, WHY_MAX, "it reads %s.%s: %s",
			d->asked->table, d->asked->column, d->asked->why);
		return BUG;
	case SQLITE_NOMEM:
		die(NO_SYSTEM, "out of memory");
	default:
		snprintf(d->why, WHY_MAX, "database '%s': %s (%d)", d->path,
			words, rc);
		return BUG;
	}
}

int
db_run(struct db *d, const char *sql)
{
	int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : failed(d, rc);
}

/* The number that a statement yields, or -1. */
static long long
number(struct db *d, const char *sql)
{
	sqlite3_stmt *q;
	long long n = -1;

	if (sqlite3_prepare_v2(d->handle, sql, -1, &q, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

int
db_begin(struct db *d)
{
	int r = db_run(d, "BEGIN IMMEDIATE");

	if (r != 0 || number(d, "PRAGMA user_version") == d->kind->version)
		return r;
	/* statements of ours would do to it what they did to the older one */
	db_rollback(d);
	snprintf(d->why, WHY_MAX, "'%s' has become one of a newer smspipe: "
		"start this process again", d->path);
	return BAD_SETUP;
}

int
db_commit(struct db *d)
{
	return db_run(d, "COMMIT");
}

void
db_rollback(struct db *d)
{
	sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

/*
 * Brings the schema up to date.  Several processes may come here at once: the
 * version is read again under the write lock.
 */
static int
migrate(struct db *d)
{
	char set[64];
	long long v;
	int rc, r;

	/* the busy handler is not asked when the journal mode changes */
	d->waiting_since = when_mono_ms();
	while ((rc = sqlite3_exec(d->handle, "PRAGMA journal_mode = WAL", NULL,
	    NULL, NULL)) == SQLITE_BUSY && busy(d, 1))
		;
	if (rc != SQLITE_OK)
		return failed(d, rc);
	if ((r = db_run(d, "BEGIN IMMEDIATE")) != 0)
		return r;
	v = number(d, "PRAGMA user_version");
	if (v == 0 && number(d, "SELECT count(*) FROM sqlite_master") > 0) {
		db_rollback(d);
		snprintf(d->why, WHY_MAX,
			"'%s' is the database of another program", d->path);
		return BAD_SETUP;
	}
	for (; v < d->kind->version && r == 0; v++)
		r = db_run(d, d->kind->migration[v]);
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", d->kind->version);
	if (r == 0 && (r = db_run(d, set)) == 0)
		return db_commit(d);
	db_rollback(d);
	return r;
}

static int
open_failed(const char *path, enum db_mode mode, const char *maker,
	char why[WHY_MAX])
{
	int missing = errno == ENOENT || errno == ENOTDIR;

	if (mode >= DB_EXISTING && errno == ENOENT)
		snprintf(why, WHY_MAX, "no database at '%s': %s", path, maker);
	else
		snprintf(why, WHY_MAX, "cannot open database '%s': %s", path,
			strerror(errno));
	return missing ? BAD_SETUP : IO_FAILED;
}

/*
 * Who may read the file and not write to it is told so before SQLite, which
 * would open it all the same, says something else at the first change.
 */
static int
check_writable(struct db *d, enum db_mode mode)
{
	if (access(d->path, W_OK) == 0)
		return 0;
	snprintf(d->why, WHY_MAX, "cannot write to database '%s': %s%s",
		d->path, strerror(errno), mode != DB_TRIAL ? "" :
		" (a dry run writes, and takes it back: run it as who may, or "
		"with SMS_DB a copy)");
	return IO_FAILED;
}

static int
connect_to(struct db *d, const char *name, int flags)
{
	int rc = sqlite3_open_v2(name, &d->handle, flags, NULL);

	if (rc != SQLITE_OK)
		return failed(d, rc);
	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_handler(d->handle, busy, d);
	return 0;
}

static int
connect_writer(struct db *d, enum db_mode mode)
{
	int r = check_writable(d, mode);

	if (r == 0)
		r = connect_to(d, d->path, SQLITE_OPEN_READWRITE);
	return r != 0 ? r : db_run(d, "PRAGMA synchronous = FULL; "
		"PRAGMA foreign_keys = ON; SELECT 1 FROM sqlite_master");
}

/*
 * Even a reader keeps a file beside a database in WAL mode.  Where it may
 * not, as on a read-only medium, nobody else is writing as long as no log
 * lies there, and SQLite is told so.
 */
static int
connect_reader(struct db *d)
{
	static const char test[] = "SELECT 1 FROM sqlite_master";
	struct buf name = BUF_INIT(PATH_MAX * 3 + 32);
	const char *p;
	int r = connect_to(d, d->path, SQLITE_OPEN_READONLY);

	if (r == 0)
		r = db_run(d, test);
	if (r != IO_FAILED || buf_addf(&name, "%s-wal", d->path) != 0 ||
	    access(name.s, F_OK) == 0)
		goto out;
	buf_reset(&name);
	buf_addstr(&name, "file:");
	for (p = d->path; *p != '\0'; p++)
		buf_addf(&name, strchr("%?#", *p) ? "%%%02X" : "%c", *p);
	if (buf_addstr(&name, "?immutable=1") != 0)
		goto out;
	sqlite3_close(d->handle);
	if ((r = connect_to(d, name.s, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_URI)) == 0)
		r = db_run(d, test);
out:
	if (d->handle != NULL)
		sqlite3_limit(d->handle, SQLITE_LIMIT_ATTACHED, 0);
	buf_release(&name);
	return r;
}

/*
 * SQLite would not say why it cannot open a file.  One that is made has mode
 * 0600, which the files beside it inherit: the numbers in it are nobody else's
 * business.  A file that is there must not be opened: closing it would give up
 * the locks that another connection of this process has on it (fcntl(2)), and
 * then the last of other processes removes the log that is written to.
 */
static int
look_at(const char *path, enum db_mode mode)
{
	int fd, how = mode >= DB_EXISTING ? R_OK : R_OK | W_OK;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (access(path, how) == 0)
		return 0;
	if (errno != ENOENT || mode >= DB_EXISTING)
		return -1;
	/* somebody else may make it at this moment */
	if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0)
		return close(fd);
	return errno == EEXIST ? access(path, how) : -1;
}

int
db_open(struct db **out, const char *path, enum db_mode mode,
	const struct db_kind *kind, const char **why)
{
	static char words[WHY_MAX];
	struct db *d;
	long long v;
	int r;

	*out = NULL;
	*why = words;
	if (look_at(path, mode) != 0)
		return open_failed(path, mode, kind->maker, words);

	d = need(sizeof(*d));
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->query = need((size_t)kind->queries * sizeof(d->query[0]));
	memset(d->query, 0, (size_t)kind->queries * sizeof(d->query[0]));
	d->path = need_str(path);
	d->patience = mode == DB_TRY ? TRY_MS : PATIENCE_MS;
	srand((unsigned)getpid());
	/* none of our tools has threads; too late if SQLite has begun */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	r = mode == DB_READ ? connect_reader(d) : connect_writer(d, mode);
	if (r != 0)
		goto out;
	v = number(d, "PRAGMA user_version");
	if (v > d->kind->version) {
		snprintf(d->why, WHY_MAX, "'%s' was made by a newer smspipe "
			"(schema %lld, ours is %d)", path, v, d->kind->version);
		r = BAD_SETUP;
	} else if (v < d->kind->version && mode >= DB_TRIAL) {
		snprintf(d->why, WHY_MAX, v == 0 ?
			"'%s' is no database of smspipe" : "'%s' was made by "
			"an older smspipe: sms-apply </dev/null brings it up "
			"to date", path);
		r = BAD_SETUP;
	} else if (v < d->kind->version) {
		r = migrate(d);
	}
out:
	if (r == 0) {
		*out = d;
		return 0;
	}
	snprintf(words, sizeof(words), "%s", d->why);
	db_close(d);
	return r;
}

void
db_close(struct db *d)
{
	int i;

	if (d == NULL)
		return;
	for (i = 0; i < d->kind->queries; i++)
		sqlite3_finalize(d->query[i]);
	sqlite3_close(d->handle);
	free(d->query);
	free(d->path);
	free(d);
}

const char *
db_why(struct db *d)
{
	return d->why;
}

void
db_set_patience(struct db *d, int ms)
{
	d->patience = ms;
}

/* SQLite asks nobody about the columns of which such a join makes one. */
static int
joins_unasked(const char *sql)
{
	return sqlite3_strlike("%full%join%", sql, 0) == 0 &&
		(sqlite3_strlike("%using%", sql, 0) == 0 ||
		sqlite3_strlike("%natural%", sql, 0) == 0);
}

int
db_prepare(struct db *d, const char *sql, sqlite3_stmt **q)
{
	sqlite3_stmt *more = NULL;
	const char *rest;
	int rc;

	*q = NULL;
	if (d->hidden != NULL && joins_unasked(sql)) {
		snprintf(d->why, WHY_MAX, "a FULL JOIN takes ON here, not "
			"USING or NATURAL");
		return BUG;
	}
	rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		q, &rest);
	/* behind the last statement there may be comments */
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(d->handle, rest, -1, &more, NULL);
	if (rc == SQLITE_OK && *q != NULL && more == NULL &&
	    sqlite3_stmt_readonly(*q))
		return 0;
	if (rc != SQLITE_OK)
		rc = failed(d, rc);
	else
		snprintf(d->why, WHY_MAX, *q == NULL ? "there is no query" :
			more != NULL ? "there is more than one query" :
			"the query would write");
	sqlite3_finalize(more);
	sqlite3_finalize(*q);
	*q = NULL;
	return rc != SQLITE_OK ? rc : BUG;
}

static int
authorize(void *ctx, int action, const char *table, const char *column,
	const char *schema, const char *by)
{
	struct db *d = ctx;
	const struct db_hidden *h;

	(void)schema;
	(void)by;
	for (h = d->hidden; action == SQLITE_READ && h->table != NULL; h++)
		if (strcasecmp(h->table, table) == 0 &&
		    strcasecmp(h->column, column) == 0) {
			d->asked = h;
			return SQLITE_DENY;
		}
	return SQLITE_OK;
}

void
db_hide(struct db *d, const struct db_hidden *list)
{
	d->hidden = list;
	sqlite3_set_authorizer(d->handle, authorize, d);
}

sqlite3_stmt *
db_query(struct db *d, int i)
{
	if (d->query[i] == NULL && sqlite3_prepare_v3(d->handle,
	    d->kind->query[i], -1, SQLITE_PREPARE_PERSISTENT, &d->query[i],
	    NULL) != SQLITE_OK)
		die(failed(d, sqlite3_errcode(d->handle)), "%s", d->why);
	return d->query[i];
}

void
db_bind(sqlite3_stmt *q, const char *name, const char *value)
{
	int i = sqlite3_bind_parameter_index(q, name);

	if (i > 0 && value != NULL)
		sqlite3_bind_text(q, i, value, -1, SQLITE_STATIC);
}

void
db_bind_number(sqlite3_stmt *q, const char *name, long long value)
{
	int i = sqlite3_bind_parameter_index(q, name);

	if (i > 0)
		sqlite3_bind_int64(q, i, value);
}

int
db_done(struct db *d, sqlite3_stmt *q, int rc)
{
	int r = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : failed(d, rc);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return r;
}

int
db_change(struct db *d, sqlite3_stmt *q, int *n)
{
	int rc = sqlite3_step(q);

	if (n != NULL)
		*n = sqlite3_changes(d->handle);
	return db_done(d, q, rc);
}

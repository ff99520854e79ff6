#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "buf.h"
#include "die.h"
#include "json.h"
#include "num.h"
#include "utf8.h"
#include "when.h"

extern const char sql_json_error[], sql_json_event[], sql_json_events[],
	sql_json_message[], sql_json_next[], sql_json_page[];

enum query { ERROR, EVENT, EVENTS, MESSAGE, NEXT, PAGE, QUERIES };

static const char *const text[QUERIES] = {
	sql_json_error, sql_json_event, sql_json_events, sql_json_message,
	sql_json_next, sql_json_page
};

/* 10000-01-01: from then on a text time has no room for the year. */
static const long long end_of_time = 253402300800LL;

/* The places of json-message.sql. */
enum {
	M_SID, M_STATUS, M_ERROR_CODE, M_SENT, M_UPDATED, M_CREATED, M_TO,
	M_FROM, M_SERVICE, M_DIRECTION, M_SEGMENTS, M_PRICE, M_CURRENCY,
	M_ERROR_MESSAGE, M_BODY, M_VALUES
};

/* The columns of json-event.sql. */
enum {
	E_ID, E_TYPE, E_AT, E_SID, E_STATUS, E_ERROR_CODE, E_SEGMENTS, E_TO,
	E_FROM, E_SERVICE, E_CALLBACK, E_BODY, E_OPT_OUT_TYPE
};

struct json {
	sqlite3 *db;  /* in memory, without a table: for its functions */
	sqlite3_stmt *query[QUERIES];
	struct buf values;  /* owns those of message */
	char *message[M_VALUES];
	char at[WHEN_SIZE], created_at[WHEN_SIZE];
	char sent_at[WHEN_SIZE];  /* of the message read last; or empty */
};

struct json *
json_open(void)
{
	static const struct buf empty = BUF_INIT((size_t)-1);
	struct json *j = need(sizeof(*j));
	int i;

	j->values = empty;
	j->sent_at[0] = '\0';
	if (sqlite3_open(":memory:", &j->db) != SQLITE_OK)
		die(NO_SYSTEM, "cannot set up the reader of JSON");
	for (i = 0; i < QUERIES; i++)
		if (sqlite3_prepare_v2(j->db, text[i], -1, &j->query[i],
		    NULL) != SQLITE_OK)
			die(BUG, "%s", sqlite3_errmsg(j->db));
	return j;
}

void
json_close(struct json *j)
{
	int i;

	if (j == NULL)
		return;
	for (i = 0; i < QUERIES; i++)
		sqlite3_finalize(j->query[i]);
	sqlite3_close(j->db);
	buf_release(&j->values);
	free(j);
}

/* Begins a query about s; the one before, and its values, end with that. */
static sqlite3_stmt *
ask(struct json *j, enum query i, const char *s, size_t len)
{
	sqlite3_stmt *q = j->query[i];

	sqlite3_reset(q);
	if (sqlite3_bind_text64(q, 1, s, len, SQLITE_STATIC,
	    SQLITE_UTF8) != SQLITE_OK)
		die(NO_SYSTEM, "out of memory");
	return q;
}

/* Steps; 1 for a row, 0 at the end, -1 where the text is no JSON. */
static int
row(sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	if (rc == SQLITE_NOMEM)
		die(NO_SYSTEM, "out of memory");
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/*
 * An object or array in the place of a key: SQLite before 3.42 lets one pass
 * that ends in a string, and then reads memory that is not its own.
 */
static int
has_odd_key(const char *s, size_t len)
{
	size_t i;
	int quoted = 0, closed = 0;

	for (i = 0; i < len; i++) {
		if (quoted) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				quoted = 0;
			continue;
		}
		if (closed && s[i] == ':')
			return 1;
		quoted = s[i] == '"';
		if (strchr(" \t\r\n", s[i]) == NULL)
			closed = s[i] == '}' || s[i] == ']';
	}
	return 0;
}

/* Without bytes that SQLite would pass over, pass on unseen or trip over. */
static int
readable(const char *s, size_t len)
{
	return len > 0 && memchr(s, '\0', len) == NULL &&
		utf8_valid(s, len) && !has_odd_key(s, len);
}

/* A value; NULL where it is null or an escape made it other than UTF-8. */
static char *
value(sqlite3_stmt *q, int i)
{
	char *s = (char *)sqlite3_column_text(q, i);

	return s != NULL && *s != '\0' && utf8_valid(s, strlen(s)) ? s : NULL;
}

/* A value that must be a whole number, as its digits. */
static char *
number(char *s, long long min)
{
	long long n;

	return s != NULL && num_parse(s, min, 999999999, &n) == 0 ? s : NULL;
}

static char *
decimal(char *s)
{
	return s != NULL && strspn(s, "-.0123456789") == strlen(s) ? s : NULL;
}

/* A date as a text time in out; one that cannot be read is not known. */
static char *
date(const char *s, char out[WHEN_SIZE])
{
	long long t;

	return s != NULL && when_parse_mail(s, &t) == 0 && t >= 0 &&
		t < end_of_time ? when_format(out, t) : NULL;
}

/* The values of a message, in j->message; -1 where the text is no JSON. */
static int
read_values(struct json *j, const char *s, size_t len)
{
	sqlite3_stmt *q = ask(j, MESSAGE, s, len);
	size_t at[M_VALUES] = { 0 };
	const char *v;
	int got, i;

	buf_reset(&j->values);
	while ((got = row(q)) == 1) {
		i = sqlite3_column_int(q, 0);
		if (i < 0 || (v = value(q, 1)) == NULL)
			continue;
		buf_addc(&j->values, ' ');  /* nothing is at 0 */
		at[i] = j->values.len;
		buf_add(&j->values, v, strlen(v) + 1);
	}
	for (i = 0; i < M_VALUES; i++)
		j->message[i] = at[i] == 0 ? NULL : j->values.s + at[i];
	return got;
}

static int
read_message(struct json *j, const char *s, size_t len, const char *source,
	struct rec *rec)
{
	char **f = rec->f, **m = j->message;

	memset(rec, 0, sizeof(*rec));
	j->sent_at[0] = '\0';
	if (read_values(j, s, len) != 0)
		return -1;
	f[SID] = m[M_SID];
	f[STATUS] = m[M_STATUS];
	if (f[SID] == NULL || !rec_is_sid(f[SID]) || f[STATUS] == NULL)
		return -1;
	f[ERROR_CODE] = number(m[M_ERROR_CODE], 1);
	if (date(m[M_SENT], j->sent_at) != NULL &&
	    strcmp(f[STATUS], "sent") == 0)
		f[AT] = strcpy(j->at, j->sent_at);
	if (f[AT] == NULL)
		f[AT] = date(m[M_UPDATED], j->at);
	f[SOURCE] = (char *)source;
	f[TO] = m[M_TO];
	f[FROM] = m[M_FROM] != NULL ? m[M_FROM] : m[M_SERVICE];
	f[DIRECTION] = m[M_DIRECTION];
	f[SEGMENTS] = number(m[M_SEGMENTS], 1);
	f[PRICE] = decimal(m[M_PRICE]);
	f[CURRENCY] = m[M_CURRENCY];
	f[CREATED_AT] = date(m[M_CREATED], j->created_at);
	f[ERROR_MESSAGE] = m[M_ERROR_MESSAGE];
	return 0;
}

int
json_message(struct json *j, const char *s, size_t len, const char *source,
	struct rec *rec)
{
	if (!readable(s, len)) {
		memset(rec, 0, sizeof(*rec));
		return -1;
	}
	return read_message(j, s, len, source, rec);
}

int
json_error(struct json *j, const char *s, size_t len, char **code,
	char **message)
{
	sqlite3_stmt *q;

	*code = *message = NULL;
	if (!readable(s, len))
		return -1;
	q = ask(j, ERROR, s, len);
	if (row(q) != 1 || !sqlite3_column_int(q, 0))
		return -1;
	*code = number(value(q, 1), 1);
	*message = value(q, 2);
	return 0;
}

int
json_page(struct json *j, const char *s, size_t len,
	int (*each)(void *ctx, const struct rec *rec, const char *body),
	void *ctx, const char **next)
{
	sqlite3_stmt *q;
	struct rec rec;
	const char *m;
	int got, r;

	*next = NULL;
	if (!readable(s, len))
		return -1;
	q = ask(j, NEXT, s, len);
	if (row(q) != 1 || !sqlite3_column_int(q, 0))
		return -1;
	*next = value(q, 1);
	q = ask(j, PAGE, s, len);
	while ((got = row(q)) == 1) {
		m = (const char *)sqlite3_column_text(q, 0);
		if (m == NULL || read_message(j, m, strlen(m), "list",
		    &rec) != 0)
			return -1;
		if ((r = each(ctx, &rec, j->message[M_BODY])) != 0)
			return r;
	}
	return got;
}

static int
read_event(struct json *j, const char *s, struct json_event *e)
{
	sqlite3_stmt *q = ask(j, EVENT, s, strlen(s));
	long long t;

	if (row(q) != 1)
		return -1;
	e->text = s;
	e->id = value(q, E_ID);
	e->type = value(q, E_TYPE);
	e->at = value(q, E_AT);
	/* SQLite knows a February 30 */
	if (e->at != NULL && when_parse(e->at, &t) != 0)
		e->at = NULL;
	e->sid = value(q, E_SID);
	e->status = value(q, E_STATUS);
	e->error_code = number(value(q, E_ERROR_CODE), 1);
	e->segments = number(value(q, E_SEGMENTS), 1);
	e->to = value(q, E_TO);
	e->from = value(q, E_FROM);
	e->service = value(q, E_SERVICE);
	e->callback = value(q, E_CALLBACK);
	e->body = value(q, E_BODY);
	e->opt_out_type = value(q, E_OPT_OUT_TYPE);
	return 0;
}

int
json_events(struct json *j, const char *s, size_t len,
	int (*each)(void *ctx, const struct json_event *e), void *ctx)
{
	struct json_event e;
	sqlite3_stmt *q;
	const char *event;
	int got, r;

	if (!readable(s, len))
		return -1;
	q = ask(j, EVENTS, s, len);
	while ((got = row(q)) == 1) {
		event = (const char *)sqlite3_column_text(q, 0);
		if (event == NULL || read_event(j, event, &e) != 0)
			return -1;
		if ((r = each(ctx, &e)) != 0)
			return r;
	}
	return got;
}

const char *
json_sent_at(const struct json *j)
{
	return j->sent_at[0] != '\0' ? j->sent_at : NULL;
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "sim-courier.h"
#include "db.h"
#include "die.h"
#include "form.h"
#include "sim-plan.h"
#include "sign.h"
#include "sim.h"
#include "utf8.h"

enum {
	PATH_SIZE = 4096,   /* bytes of a path */
	FORM_SIZE = 65536,  /* bytes of a callback */
	LATE_PACES = 2      /* by which the double of a callback is late */
};

static const char pool_number[] = "+15005550006";  /* what a service uses */

extern const char sql_sim[], sql_sim_callback[], sql_sim_cancel[],
	sql_sim_create[], sql_sim_due[], sql_sim_error[], sql_sim_list[],
	sql_sim_page[], sql_sim_posted[], sql_sim_request[],
	sql_sim_resource[], sql_sim_seen[], sql_sim_step[];

enum query {
	ADVANCE, CALLBACK, CANCEL, CREATE, DUE, ERROR_JSON,
	FORGET_CALLBACKS, FORGET_STEPS, LIST, NEXT_DUE, NOW, PAGE, PENDING,
	POSTED, REDACT, REMOVE, REQUEST, RESOURCE, SEEN, STATE, STEP, WANTED,
	QUERIES
};

static const char *const text[QUERIES] = {
	"UPDATE clock SET offset_ms = offset_ms + :ms",
	sql_sim_callback,
	sql_sim_cancel,
	sql_sim_create,
	sql_sim_due,
	sql_sim_error,
	"DELETE FROM callback WHERE sid = :sid AND posted_ms IS NULL",
	"DELETE FROM step WHERE sid = :sid AND n > 1",
	sql_sim_list,
	"SELECT min(due_ms) FROM callback "
		"WHERE posted_ms IS NULL AND dropped = 0 AND due_ms > :now",
	"SELECT ms FROM now",
	sql_sim_page,
	"SELECT count(*) FROM callback "
		"WHERE posted_ms IS NULL AND dropped = 0 AND due_ms <= :now",
	sql_sim_posted,
	"UPDATE message SET body = '', touched_ms = :now WHERE sid = :sid",
	"DELETE FROM message WHERE sid = :sid",
	sql_sim_request,
	sql_sim_resource,
	sql_sim_seen,
	"SELECT status, n = (SELECT max(n) FROM step WHERE sid = :sid) "
		"FROM present WHERE sid = :sid",
	sql_sim_step,
	"SELECT status_callback IS NOT NULL FROM message WHERE sid = :sid"
};

static const char *const migration[] = { sql_sim };

static const struct db_kind kind = {
	migration, 1, text, QUERIES, "sms-sim makes it"
};

struct sim {
	struct db *db;
	char *temporary;  /* the file to be removed in the end, or NULL */
	int begun;        /* a transaction is open */
};

static void
must(struct sim *s, int status)
{
	if (status != 0)
		die(status, "%s", db_why(s->db));
}

/* The next row: 1; or 0 at the end, and q is free for its next use. */
static int
row(struct sim *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		return 1;
	must(s, db_done(s->db, q, rc));
	return 0;
}

/* Gives q free before its last row. */
static void
enough(struct sim *s, sqlite3_stmt *q)
{
	must(s, db_done(s->db, q, SQLITE_ROW));
}

static void
run(struct sim *s, sqlite3_stmt *q)
{
	must(s, db_change(s->db, q, NULL));
}

/* The number that a query yields, or -1. */
static long long
number(struct sim *s, sqlite3_stmt *q)
{
	long long n = -1;

	if (row(s, q)) {
		if (sqlite3_column_type(q, 0) != SQLITE_NULL)
			n = sqlite3_column_int64(q, 0);
		enough(s, q);
	}
	return n;
}

static const char *
column(sqlite3_stmt *q, int i)
{
	return (const char *)sqlite3_column_text(q, i);
}

/* Adds the text that a query yields. */
static void
add_text(struct sim *s, sqlite3_stmt *q, struct buf *out)
{
	if (!row(s, q) || buf_addstr(out, column(q, 0)) != 0)
		die(BUG, "no answer, or too long a one");
	enough(s, q);
}

static void
begin(struct sim *s)
{
	if (!s->begun)
		must(s, db_begin(s->db));
	s->begun = 1;
}

void
sim_commit(struct sim *s)
{
	if (s->begun)
		must(s, db_commit(s->db));
	s->begun = 0;
}

long long
sim_now(struct sim *s)
{
	return number(s, db_query(s->db, NOW));
}

void
sim_advance(struct sim *s, long long ms)
{
	sqlite3_stmt *q = db_query(s->db, ADVANCE);

	begin(s);
	db_bind_number(q, ":ms", ms);
	run(s, q);
}

/* SQL's mail_date(seconds): the spelling of RFC 2822, always GMT. */
static void
mail_date(sqlite3_context *ctx, int n, sqlite3_value **value)
{
	time_t t = (time_t)sqlite3_value_int64(value[0]);
	char text[40];
	struct tm tm;

	(void)n;
	if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof(text),
	    "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
		die(BUG, "no such time: %lld", (long long)t);
	sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

/* The path of a new empty file of our own. */
static char *
make_temporary(void)
{
	const char *dir = getenv("TMPDIR");
	struct buf path = BUF_INIT(PATH_SIZE);
	int fd;

	if (buf_addf(&path, "%s/sms-sim.XXXXXX", dir != NULL && *dir != '\0' ?
	    dir : "/tmp") != 0 || (fd = mkstemp(path.s)) < 0)
		die(IO_FAILED, "cannot make a temporary file:");
	close(fd);
	return path.s;
}

struct sim *
sim_open(const char *path, long long start_ms)
{
	struct sim *s = need(sizeof(*s));
	const char *why;
	int r;

	memset(s, 0, sizeof(*s));
	if (path == NULL)
		path = s->temporary = make_temporary();
	if ((r = db_open(&s->db, path, DB_MAKE, &kind, &why)) != 0)
		die(r, "%s", why);
	/* what survives a killed process is enough */
	must(s, db_run(s->db, "PRAGMA synchronous = OFF"));
	if (sqlite3_create_function(sqlite3_db_handle(db_query(s->db, NOW)),
	    "mail_date", 1, SQLITE_UTF8, NULL, mail_date, NULL, NULL) !=
	    SQLITE_OK)
		die(NO_SYSTEM, "out of memory");
	if (start_ms >= 0)
		sim_advance(s, start_ms - sim_now(s));
	sim_commit(s);
	return s;
}

void
sim_close(struct sim *s)
{
	sim_commit(s);
	db_close(s->db);
	if (s->temporary != NULL)
		unlink(s->temporary);
	free(s->temporary);
	free(s);
}

long long
sim_seen(struct sim *s, const char *what)
{
	sqlite3_stmt *q = db_query(s->db, SEEN);

	begin(s);
	db_bind(q, ":what", what);
	return number(s, q);
}

void
sim_log(struct sim *s, const char *method, const char *path,
	const char *query, int status, const char *fault)
{
	long long now = sim_now(s);
	sqlite3_stmt *q = db_query(s->db, REQUEST);

	begin(s);
	db_bind_number(q, ":now", now);
	db_bind(q, ":method", method);
	db_bind(q, ":path", path);
	db_bind(q, ":query", query);
	if (status != 0)
		db_bind_number(q, ":http_status", status);
	db_bind(q, ":fault", fault);
	run(s, q);
}

/*
 * How many segments the text takes, roughly: only ASCII counts as GSM-7, and
 * nothing is kept from being split.
 */
static int
segments(const char *body)
{
	const char *end = body + strlen(body);
	int units = 0, gsm = 1, one, many;
	long c;

	while (body < end) {
		if ((c = utf8_next(&body, end)) < 0) {
			body++;
			c = 0xfffd;
		}
		gsm = gsm && c < 0x80;
		units += c > 0xffff ? 2 : 1;
	}
	one = gsm ? 160 : 70;
	many = gsm ? 153 : 67;
	return units <= one ? 1 : (units + many - 1) / many;
}

static void
add_step(struct sim *s, const char *sid, int n, const struct plan_step *step)
{
	sqlite3_stmt *q = db_query(s->db, STEP);

	db_bind(q, ":sid", sid);
	db_bind_number(q, ":n", n);
	db_bind_number(q, ":at", step->at_ms);
	db_bind(q, ":status", step->status);
	db_bind_number(q, ":error_code", step->error_code);
	run(s, q);
}

/*
 * The callback that tells step n, and its double.  Returns the id of the
 * callback, 0 if it is dropped.
 */
static long long
add_callback(struct sim *s, const struct plan *p, const char *sid, int n,
	const struct plan_step *step, long long due_ms)
{
	sqlite3_stmt *q;
	char what[SIM_SID_SIZE + 32], key[PLAN_KEY_SIZE], token[37];
	long long id = 0;
	int copy, copies, dropped;

	snprintf(what, sizeof(what), "%s|%s", sid, step->status);
	plan_key(p, key, what, 0);
	dropped = plan_hits(p, key, DROP);
	copies = !dropped && plan_hits(p, key, DOUBLE) ? 2 : 1;
	for (copy = 1; copy <= copies; copy++) {
		plan_key(p, key, what, copy);
		snprintf(token, sizeof(token), "%.8s-%.4s-%.4s-%.4s-%.12s",
			key, key + 8, key + 12, key + 16, key + 20);
		q = db_query(s->db, CALLBACK);
		db_bind(q, ":sid", sid);
		db_bind_number(q, ":n", n);
		db_bind(q, ":status", step->status);
		db_bind_number(q, ":error_code", step->error_code);
		db_bind_number(q, ":due", due_ms);
		db_bind(q, ":token", token);
		db_bind_number(q, ":dropped", dropped);
		run(s, q);
		if (copy == 1 && !dropped)
			id = sqlite3_last_insert_rowid(sqlite3_db_handle(q));
		due_ms += LATE_PACES * p->pace_ms;
	}
	return id;
}

long long
sim_create(struct sim *s, const struct plan *p, const char *key,
	const struct sim_message *m, struct buf *answer)
{
	struct plan_step step[PLAN_STEPS];
	char sid[SIM_SID_SIZE];
	sqlite3_stmt *q;
	long long now = sim_now(s), first = 0, id;
	size_t i, k, n;
	int early = m->send_ms == 0 && plan_hits(p, key, EARLY);
	int reversed = !early && plan_hits(p, key, REORDER);

	begin(s);
	snprintf(sid, sizeof(sid), "%s%.32s", m->media > 0 ? "MM" : "SM", key);
	n = plan_life(p, key, now, m->service != NULL, m->send_ms, step);

	q = db_query(s->db, CREATE);
	db_bind(q, ":sid", sid);
	db_bind(q, ":account", m->account);
	db_bind(q, ":to", m->to);
	db_bind(q, ":from", m->from != NULL ? m->from : pool_number);
	db_bind_number(q, ":from_given", m->from != NULL);
	db_bind(q, ":service", m->service);
	db_bind(q, ":body", m->body);
	db_bind_number(q, ":num_media", m->media);
	db_bind_number(q, ":num_segments", segments(m->body));
	db_bind(q, ":status_callback", m->callback);
	db_bind_number(q, ":now", now);
	for (i = 0; i < n; i++)
		if (strcmp(step[i].status, "sent") == 0)
			db_bind_number(q, ":sent", step[i].at_ms);
	run(s, q);

	/* the answer knows the first step only, however fast the others are */
	add_step(s, sid, 1, &step[0]);
	sim_resource(s, sid, answer);
	for (i = 1; i < n; i++)
		add_step(s, sid, (int)i + 1, &step[i]);

	/* no callback tells the first step */
	for (i = 1; m->callback != NULL && i < n; i++) {
		k = reversed ? n - i : i;
		id = add_callback(s, p, sid, (int)k + 1, &step[k],
			step[reversed ? n - 1 : k].at_ms);
		if (early && i == 1)
			first = id;
	}
	return first;
}

const char *
sim_status(struct sim *s, const char *sid, int *ended)
{
	static const char *const status[] = {
		"accepted", "scheduled", "queued", "sent", "delivered",
		"undelivered", "failed", "canceled"
	};
	sqlite3_stmt *q = db_query(s->db, STATE);
	const char *found = NULL;
	size_t i;

	db_bind(q, ":sid", sid);
	if (row(s, q)) {
		*ended = sqlite3_column_int(q, 1);
		for (i = 0; i < sizeof(status) / sizeof(status[0]); i++)
			if (strcmp(column(q, 0), status[i]) == 0)
				found = status[i];
		enough(s, q);
	}
	return found;
}

/* Runs a query that takes :sid and :now. */
static void
change(struct sim *s, enum query i, const char *sid)
{
	long long now = sim_now(s);
	sqlite3_stmt *q = db_query(s->db, i);

	begin(s);
	db_bind(q, ":sid", sid);
	db_bind_number(q, ":now", now);
	run(s, q);
}

void
sim_cancel(struct sim *s, const struct plan *p, const char *sid)
{
	struct plan_step step = { "canceled", 0, 0 };
	sqlite3_stmt *q;

	change(s, FORGET_CALLBACKS, sid);
	change(s, FORGET_STEPS, sid);
	change(s, CANCEL, sid);
	step.at_ms = sim_now(s);
	add_step(s, sid, 2, &step);
	q = db_query(s->db, WANTED);
	db_bind(q, ":sid", sid);
	if (number(s, q) > 0)
		add_callback(s, p, sid, 2, &step, step.at_ms);
}

void
sim_redact(struct sim *s, const char *sid)
{
	change(s, REDACT, sid);
}

void
sim_remove(struct sim *s, const char *sid)
{
	change(s, REMOVE, sid);
}

void
sim_resource(struct sim *s, const char *sid, struct buf *out)
{
	sqlite3_stmt *q = db_query(s->db, RESOURCE);

	db_bind(q, ":sid", sid);
	add_text(s, q, out);
}

void
sim_error(struct sim *s, int status, int code, const char *message,
	struct buf *out)
{
	sqlite3_stmt *q = db_query(s->db, ERROR_JSON);

	db_bind_number(q, ":code", code);
	db_bind(q, ":message", message);
	db_bind_number(q, ":status", status);
	add_text(s, q, out);
}

void
sim_list(struct sim *s, const struct sim_page *p, struct buf *out)
{
	struct buf rows = BUF_INIT(out->max), next = BUF_INIT(out->max);
	long long now = sim_now(s), last_ms = 0, last_id = 0;
	sqlite3_stmt *q = db_query(s->db, LIST);
	int count = 0;

	db_bind(q, ":to", p->to);
	db_bind(q, ":from", p->from);
	db_bind_number(q, ":dated", p->dated);
	db_bind_number(q, ":begin_ms", p->begin_ms);
	db_bind_number(q, ":end_ms", p->end_ms);
	db_bind_number(q, ":after_ms", p->after_ms);
	db_bind_number(q, ":after_id", p->after_id);
	db_bind_number(q, ":now", now);
	db_bind_number(q, ":size", p->size + 1LL);
	while (row(s, q)) {
		if (count == p->size) {  /* there is more */
			buf_addf(&next, "%sPA%llx.%llx", p->next_uri,
				last_ms, last_id);
			enough(s, q);
			break;
		}
		if (count++ > 0)
			buf_addc(&rows, ',');
		sim_resource(s, column(q, 0), &rows);
		last_ms = sqlite3_column_int64(q, 1);
		last_id = sqlite3_column_int64(q, 2);
	}

	q = db_query(s->db, PAGE);
	db_bind(q, ":first", p->first_uri);
	db_bind(q, ":uri", p->uri);
	db_bind(q, ":next", next.s);
	db_bind_number(q, ":page", p->number);
	db_bind_number(q, ":size", p->size);
	db_bind_number(q, ":count", count);
	add_text(s, q, out);
	if (buf_addf(out, ",\"messages\":[%s]}", count > 0 ? rows.s : "") != 0)
		die(BUG, "a page is too long");
	buf_release(&rows);
	buf_release(&next);
}

long long
sim_pending(struct sim *s)
{
	long long now = sim_now(s);
	sqlite3_stmt *q = db_query(s->db, PENDING);

	db_bind_number(q, ":now", now);
	return number(s, q);
}

void
sim_post(struct sim *s, struct courier *c)
{
	/* in the order of the columns of DUE, from the fifth */
	static const char *const name[] = {
		"MessageStatus", "ErrorCode", "AccountSid", "From", "To",
		"MessagingServiceSid", "RawDlrDoneDate"
	};
	struct buf body = BUF_INIT(FORM_SIZE);
	struct parcel parcel;
	sqlite3_stmt *q;
	long long now;
	int i;

	if (!courier_has_room(c))
		return;
	now = sim_now(s);
	q = db_query(s->db, DUE);
	db_bind_number(q, ":now", now);
	while (row(s, q)) {
		if (courier_is_busy_with(c, column(q, 1)))
			continue;
		buf_reset(&body);
		form_add(&body, "MessageSid", column(q, 1));
		form_add(&body, "SmsSid", column(q, 1));
		form_add(&body, "SmsStatus", column(q, 4));
		for (i = 0; i < (int)(sizeof(name) / sizeof(name[0])); i++)
			if (column(q, 4 + i) != NULL)
				form_add(&body, name[i], column(q, 4 + i));
		form_add(&body, "ApiVersion", "2010-04-01");
		parcel.id = sqlite3_column_int64(q, 0);
		parcel.sid = column(q, 1);
		parcel.url = column(q, 2);
		parcel.token = column(q, 3);
		parcel.body = body.s;
		courier_post(c, &parcel);
		if (!courier_has_room(c)) {
			enough(s, q);
			break;
		}
	}
	buf_release(&body);
}

void
sim_posted(struct sim *s, long long id, int http_status, int tries)
{
	sqlite3_stmt *q = db_query(s->db, POSTED);

	begin(s);
	db_bind_number(q, ":id", id);
	db_bind_number(q, ":http_status", http_status);
	db_bind_number(q, ":tries", tries);
	run(s, q);
}

long long
sim_next_due(struct sim *s)
{
	long long now = sim_now(s), due;
	sqlite3_stmt *q = db_query(s->db, NEXT_DUE);

	db_bind_number(q, ":now", now);
	due = number(s, q);
	return due < 0 ? -1 : due - now;
}

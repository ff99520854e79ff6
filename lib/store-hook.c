/* What came to sms-hook: replies, the log, what was taken in already. */
#include <string.h>

#include "die.h"
#include "store-inner.h"

int
store_once(struct store *s, const char *id)
{
	sqlite3_stmt *q = db_query(s->db, ONCE);
	int n, r;

	db_bind(q, ":id", id);
	r = db_change(s->db, q, &n);
	return r == 0 && n == 0 ? -1 : r;
}

static int
run_reply(struct store *s, enum store_query i, const struct store_reply *m,
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
	store_bind_time(q, ":now", at, now);
	return db_change(s->db, q, n);
}

/* Of the message sid that came in no text is known; -1 if the store fails. */
static long long
is_mute(struct store *s, const char *sid)
{
	sqlite3_stmt *q = db_query(s->db, REPLY_MUTE);

	db_bind(q, ":sid", sid);
	return store_number(s, q);
}

int
store_reply(struct store *s, const struct store_reply *m, long long now,
	struct outcome *out)
{
	enum store_query change;
	long long mute = 0;
	int n, r;

	out->old = out->new = NULL;
	out->word = "applied";
	if ((r = run_reply(s, REPLY, m, NULL, now, &n)) != 0)
		return r;
	if (n > 0) {
		r = store_take_early(s, m->sid, now);
	} else {
		/* a row that was made from a list has not been heard yet */
		if ((mute = is_mute(s, m->sid)) < 0)
			return IO_FAILED;
		r = run_reply(s, REPLY_AGAIN, m, NULL, now, &n);
		out->word = n > 0 ? "same" : "conflict";
		if (!mute)
			return r;
	}
	if (r != 0 || m->keyword == NULL)
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
store_log(struct store *s, const struct store_log *l)
{
	sqlite3_stmt *q = db_query(s->db, LOG);
	char at[WHEN_SIZE];

	store_bind_time(q, ":at", at, l->at);
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
	return (int)store_number(s, q);
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

	store_bind_time(q, ":minute", at, minute);
	db_bind_number(q, ":requests", requests);
	return db_change(s->db, q, NULL);
}

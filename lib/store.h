/*
 * store: messages, their history and the webhook log, behind a handful of
 * verbs that do not show which database keeps them.
 *
 * Every verb returns 0 or the exit status that fits (TRY_LATER: busy;
 * IO_FAILED: disk full, read-only, broken; BUG), and store_why() tells more.
 * What a verb did is durable once store_commit() returned 0.
 */
#ifndef STORE_H
#define STORE_H

#include <stddef.h>

#include "rec.h"

struct store;

/* What lib/view and lib/access open the same database with. */
struct db_kind;
extern const struct db_kind store_kind;

enum store_mode {
	STORE_MAKE,      /* made with its schema if it is not there */
	STORE_TRY,       /* the same, with a patience of 1 s from the start */
	STORE_EXISTING,  /* must be there */
	STORE_TRIAL,     /* the same, up to date; all is rolled back */
	STORE_READ       /* must be there; only read, by who may not write, too */
};

/*
 * Opens the database at path and brings its schema up to date, unless what
 * changes is to be rolled back, or this user may not write.  On failure *s is
 * NULL and *why a message that names the path (it lives until the next call).
 */
int store_open(struct store **s, const char *path, enum store_mode mode,
	const char **why);
void store_close(struct store *s);
const char *store_why(struct store *s);

/* How long a verb waits for other processes; 10 s unless set. */
void store_set_patience(struct store *s, int ms);

/* All changes belong to a transaction; begin takes the write lock. */
int store_begin(struct store *s);
int store_begin_reading(struct store *s);  /* takes no lock */
int store_commit(struct store *s);
void store_rollback(struct store *s);

/* A message about to be sent.  body and media may be NULL. */
struct store_message {
	const char *ref;          /* unique */
	const char *to, *sender;  /* sender: number, sender id or service */
	const char *body;
	const char *body_sha256;  /* as sign_sha256 makes it */
	const char *media_url;
	const char *segments;     /* as a number */
	const char *send_at;      /* text time, of a scheduled message */
	int uncalled;             /* no callbacks are asked for */
	long long created_at;
};

/*
 * Writes the row of a message, "pending"; *id is its number.  Returns 0, a
 * status, or -1 when a row with that ref is there already.
 */
int store_journal(struct store *s, const struct store_message *m,
	long long *id);

/*
 * The present state of the message of that ref, and its row.  The strings of
 * rec live until store_found() ends the verb, which is to be called if this
 * returned 0.  -1: there is none.
 */
int store_find(struct store *s, const char *ref, struct rec *rec,
	long long *id);
void store_found(struct store *s);

/* 1 or 0, or -1 if the store fails. */
int store_holds(struct store *s, const char *sid);
int store_opted_out(struct store *s, const char *to, const char *sender);

/*
 * How many messages were made to go out since then, to that recipient or, if
 * to is NULL, in all; -1 if the store fails.
 */
long long store_made(struct store *s, const char *to, long long since);

/*
 * Messages of which nobody knows whether they reached Twilio, and those that
 * are being sent at this moment; BODY_SHA256 is set.
 */
int store_unsettled(struct store *s, int (*each)(void *ctx, long long id,
	const struct rec *rec), void *ctx);

/*
 * What became of a status record or a reply; the strings live until the next
 * verb.
 */
struct outcome {
	const char *word;   /* applied same stale conflict unknown failed, and
	                       of a reply stop, start: it was that keyword */
	const char *old;    /* status before; NULL for unknown */
	const char *new;    /* status now; NULL for unknown */
};

/*
 * The one verb by which a status changes: sql/schema.sql has the rule.  A
 * record with a SID and a ref also tells the row of that ref its SID.  A
 * record without a row is kept and takes effect when its row appears.
 */
int store_apply(struct store *s, const struct rec *rec, long long now,
	struct outcome *out);

/*
 * The same in two steps, for who has many records and sorts them by the rows
 * they go to.  *id is the row, 0 if there is none; if it is not that any more
 * when the record is applied, it is looked up again.
 */
int store_locate(struct store *s, const struct rec *rec, long long *id);
int store_apply_at(struct store *s, long long id, const struct rec *rec,
	long long now, struct outcome *out);

/* Many changes are coming: takes up to 64 MB to keep the database in. */
int store_expect_many(struct store *s);

/*
 * A batch: changes that can be taken back together.  It may go over several
 * transactions.  Zeroed but for make before the first.
 */
struct store_batch {
	int make;                 /* make the rows that do not exist */
	int saved;                /* it has an id, as something has changed */
	long long id;
	long long changed, made, kept;  /* so far; as in sql/schema-5.sql */
	long long first_change, first_message, first_log;
};

/*
 * Between these, both within the transaction, what store_apply changes belongs
 * to the batch.
 */
int store_batch_begin(struct store *s, struct store_batch *b);
int store_batch_end(struct store *s, struct store_batch *b, long long now);

/* All batches, newest first: id, times and numbers are the fields of each. */
int store_batch_list(struct store *s,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/*
 * Takes a batch back, once in the life of a store: each message of it, but for
 * those to which something newer has come, is again what it was.  Outcome
 * records tell of each: undone, newer.  Returns 0, a status, or -1 when there
 * is no such batch.
 */
int store_undo(struct store *s, long long id, long long now,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/*
 * Takes in records that came before their row and whose row has appeared
 * since by another way than store_apply.
 */
int store_settle(struct store *s, long long now);

/*
 * Notes, within the transaction, that the lines of that spool are taken in.
 * Returns 0, a status, or -1 when they were before.
 */
int store_once(struct store *s, const char *id);

struct store_stuck {
	long long now;
	long long queued, sent;  /* ages in seconds */
	long long limit;         /* 0: none */
};

/*
 * Messages that should have moved by now, as status records; those that were
 * never checked first, oldest first.  each returns 0 to go on.
 */
int store_stuck(struct store *s, const struct store_stuck *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/*
 * Open messages, however young, that Twilio was not asked
 * about since then, as status records; at most limit.
 */
int store_due(struct store *s, long long now, long long checked,
	long long limit, int (*each)(void *ctx, const struct rec *rec),
	void *ctx);

struct store_unpriced {
	long long now;
	long long age, give_up;  /* seconds since it went: from, and until */
	long long limit;         /* 0: none */
};

/* Final messages whose price Twilio has not told, as status records. */
int store_unpriced(struct store *s, const struct store_unpriced *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

struct store_expired {
	long long now;
	long long age;    /* seconds since it was sent */
	int asked;        /* only those asked about when they were that old */
	long long limit;  /* 0: none */
};

/* Messages sent long ago and not heard of since: delivery_unknown records. */
int store_expired(struct store *s, const struct store_expired *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/*
 * Who has opted out: recipient, sender, created_at and source are the fields
 * of each.  A NULL stands for all.
 */
int store_optout_list(struct store *s, const char *recipient,
	const char *sender, int (*each)(void *ctx, const struct rec *rec),
	void *ctx);
int store_optout_add(struct store *s, const char *recipient,
	const char *sender, const char *source, long long now);

/* Returns 0, a status, or -1 when there is no such pair. */
int store_optout_remove(struct store *s, const char *recipient,
	const char *sender);

/* A message that somebody sent to us; all but sid and at may be NULL. */
struct store_reply {
	const char *sid;
	const char *to, *from;    /* our number, theirs */
	const char *service;      /* the messaging service that to belongs to */
	const char *body, *media_url;
	const char *segments;     /* as a number */
	const char *at;           /* text time */
	const char *keyword;      /* "stop", "start" */
};

/*
 * Writes its row, once: where there is one of the same SID, of another reply
 * or going out, the outcome is "same" or "conflict".  A keyword puts sender
 * and recipient on the list of opt-outs or takes them off it, in the order in
 * which they were sent, however they are told.
 */
int store_reply(struct store *s, const struct store_reply *m, long long now,
	struct outcome *out);

struct store_retry {
	const char *sender;   /* only what went out by this one */
	long long now;
	long long tries;      /* for one message, the first included */
	long long wait, age;  /* seconds; sql/retry.sql has their meaning */
};

/* What is worth sending again, as send records. */
int store_retry(struct store *s, const struct store_retry *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/* A request to sms-hook, for webhook_logs. */
struct store_log {
	const char *sid;      /* NULL if none */
	const char *params;   /* the body as received; NULL if not to be kept */
	const char *status;   /* success, bad_signature, ... */
	const char *outcome;  /* of store_apply, or NULL */
	const char *peer;     /* address, or NULL */
	const char *signature, *host, *target;  /* of the request, or NULL */
	const char *source;   /* hook, event, reply, or NULL */
	const char *event_id; /* unique; NULL if none */
	int answer;           /* HTTP status code */
	long long at;         /* when it came, epoch seconds */
	long long took_us;    /* microseconds from the first byte to the answer */
};

int store_log(struct store *s, const struct store_log *l);

/* 1 if the log has that event_id, 0, or -1 if the store fails. */
int store_took_event(struct store *s, const char *event_id);

/* What is known of a request that came; all but id, at, status may be NULL. */
struct store_request {
	long long id;             /* its row of webhook_logs */
	const char *at, *status;
	const char *signature, *host, *target, *params;
};

/*
 * Hands over the request of that row or, if id is 0, the last one whose
 * signature was refused.  Returns 0, a status, or -1 when there is none.
 */
int store_logged(struct store *s, long long id,
	void (*found)(void *ctx, const struct store_request *r), void *ctx);

/* So many requests were refused in the minute that began then, so far. */
int store_refused(struct store *s, long long minute, long long requests);

#endif

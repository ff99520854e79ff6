/*
 * sim: the state of the simulated Twilio, in SQLite: messages, the life that
 * was planned for each, callbacks, the clock.  sql/sim.sql says what lies
 * where.  All times are milliseconds of the simulator's clock.
 *
 * What it cannot do, it dies of: it serves tests, not users.
 */
#ifndef SIM_H
#define SIM_H

#include "buf.h"
#include "sim-courier.h"
#include "sim-plan.h"

enum { SIM_SID_SIZE = 35 };

struct sim;

/* path: NULL keeps all in memory.  start_ms: sets the clock; -1 does not. */
struct sim *sim_open(const char *path, long long start_ms);
void sim_close(struct sim *s);

/* Makes lasting, and visible to others, what was done since the last time. */
void sim_commit(struct sim *s);

long long sim_now(struct sim *s);
void sim_advance(struct sim *s, long long ms);

/* Counts one more of that kind and says how many there were. */
long long sim_seen(struct sim *s, const char *what);

/* For the table of requests; status 0: reset.  query, fault may be NULL. */
void sim_log(struct sim *s, const char *method, const char *path,
	const char *query, int status, const char *fault);

struct sim_message {
	const char *account, *to, *body;
	const char *from;      /* NULL: the service chooses */
	const char *service;   /* NULL: none */
	const char *callback;  /* URL, or NULL */
	int media;             /* how many */
	long long send_ms;     /* scheduled for; 0: at once */
};

/*
 * Makes a message and plans its life with the dice of key.  Its resource,
 * in its first state, is added to answer.  Returns the callback that has to
 * be posted before the answer leaves, or 0.
 */
long long sim_create(struct sim *s, const struct plan *p, const char *key,
	const struct sim_message *m, struct buf *answer);

/* Its status now, NULL if there is none; *ended: it will have no other. */
const char *sim_status(struct sim *s, const char *sid, int *ended);
void sim_cancel(struct sim *s, const struct plan *p, const char *sid);
void sim_redact(struct sim *s, const char *sid);
void sim_remove(struct sim *s, const char *sid);

/* These add JSON to out: a message, an error, a page of messages. */
void sim_resource(struct sim *s, const char *sid, struct buf *out);
void sim_error(struct sim *s, int status, int code, const char *message,
	struct buf *out);

struct sim_page {
	const char *to, *from;        /* NULL: any */
	int dated;                    /* only what was sent, begin..end */
	long long begin_ms, end_ms;   /* the end is not in it */
	long long after_ms, after_id; /* the key behind which the page begins */
	int number, size;
	const char *first_uri, *uri;
	const char *next_uri;         /* to which the token is added */
};

void sim_list(struct sim *s, const struct sim_page *p, struct buf *out);

/* How many callbacks are due and not yet posted. */
long long sim_pending(struct sim *s);

/* Hands callbacks that are due to the courier while it has room. */
void sim_post(struct sim *s, struct courier *c);
void sim_posted(struct sim *s, long long id, int http_status, int tries);

/* Milliseconds until another callback becomes due, -1 if none will. */
long long sim_next_due(struct sim *s);

#endif

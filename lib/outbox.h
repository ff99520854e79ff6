/*
 * outbox: messages on their way to Twilio: several at a time, each entered
 * into the ledger first, their records written in the order in which they
 * came, as soon as what they say is durable.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stddef.h>

#include "json.h"
#include "ledger.h"
#include "message.h"
#include "rec.h"
#include "refs.h"
#include "twilio.h"

enum { OUTBOX_JOBS_MAX = 100 };

struct outbox {
	/* set by the owner */
	struct twilio *twilio;
	struct json *json;
	struct ledger ledger;
	struct message_manner how;
	struct refs_series series;  /* without a name refs are random */
	size_t jobs;
	long long now;              /* -1: the clock */
	/* to be read */
	int status;                 /* to exit with: the highest wins */
	int stopped;                /* nothing more is to be put in */
	/* its own affair */
	struct slot *slot;
	size_t size, first, n;      /* a ring */
	size_t open;                /* of them not DONE */
	long long written;
};

void outbox_begin(struct outbox *x);
void outbox_end(struct outbox *x);

void outbox_worse(struct outbox *x, int status);

/* True when another message can be put in now. */
int outbox_has_room(const struct outbox *x);

/* True while there is something to be sent or written. */
int outbox_is_busy(const struct outbox *x);

/*
 * Puts in a send record.  One with a fault is named on stderr by its line (0:
 * it is none of several), and gets no record.
 */
void outbox_add(struct outbox *x, const struct rec *rec, size_t line);

/*
 * One turn: a transaction of the ledger, records written, requests under way;
 * waits for an answer, at most wait_ms, or until fd (-1: none) can be read.
 */
void outbox_turn(struct outbox *x, int wait_ms, int fd);

/*
 * No POST begins any more: what was not entered yet is dropped, what has not
 * gone out yet fails, what is under way is finished.
 */
void outbox_stop(struct outbox *x);

#endif

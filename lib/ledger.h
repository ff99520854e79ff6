/*
 * ledger: what sms-send writes down before and after it posts a message, so
 * that none is lost and none is sent twice.
 *
 *   1  a row "pending" is written and its lock taken    ledger_enter
 *   2  committed
 *   3  POST
 *   4  the answer is merged into the row                ledger_settle
 *   5  committed, then the lock is dropped              ledger_forget
 *
 * Killed before 2: nothing happened.  Killed in 3 or 4: the row is "pending"
 * and its lock is free, which tells everybody that the POST may have gone out;
 * ledger_enter then makes it "ambiguous", and only asking Twilio settles it.
 * While the lock is held somebody is at it.  One transaction holds the steps 1
 * of some messages and 4 of others.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "inflight.h"
#include "message.h"
#include "rec.h"
#include "store.h"

struct ledger {
	struct store *store;
	struct inflight *inflight;
	long long per_day, per_recipient;  /* brakes; 0: none */
};

enum entry {
	ENTRY_NEW,        /* to be posted; *id is held */
	ENTRY_PRESENT,    /* that ref has a row: *rec tells its state */
	ENTRY_REFUSED,    /* by us: *rec tells why; nothing is to be posted */
	ENTRY_DAY,        /* a brake: no row was made */
	ENTRY_RECIPIENT   /* the other brake */
};

/*
 * Step 1, within a transaction of the store.  With again, a ref whose message
 * never reached Twilio is left to a next one, which is put into ref.  rec is
 * written with memory that the caller frees through *text.  Returns 0, or a
 * status with store_why().
 */
int ledger_enter(struct ledger *l, const struct message *m,
	const struct message_manner *how, const struct segment_count *count,
	char ref[], int again, long long now, enum entry *entry,
	long long *id, struct rec *rec, char **text);

/* Step 4, within a transaction. */
int ledger_settle(struct ledger *l, const struct rec *rec, long long now);

/* Step 5, after the commit; and after a rollback of step 1. */
void ledger_forget(struct ledger *l, long long id);

#endif

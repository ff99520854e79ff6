/*
 * store-inner: what the parts of the store share, store.c and store-*.c.
 * Others know the store by its verbs: store.h.
 */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "db.h"
#include "store.h"
#include "when.h"

/* Every statement, and the file of sql/ that has its text. */
#define STORE_QUERIES(X) \
	X(APPLY, apply) X(ATTACH, attach) X(BATCH_LATE, batch_late) \
	X(BATCH_LIST, batch_list) X(BATCH_NEXT, batch_next) \
	X(BATCH_SAVE, batch_save) X(CALLED, called) X(DUE, due) \
	X(EARLY_KEEP, early_keep) X(EARLY_READY, early_ready) \
	X(EARLY_TAKE, early_take) X(EVENT_TAKEN, event_taken) \
	X(EXPIRED, expired) X(FACTS, facts) X(FIND, find) \
	X(FOLLOW, follow) X(HOLDS, holds) X(JOURNAL, journal) \
	X(LOCATE, locate) X(LOG, log) X(LOGGED, logged) \
	X(LOOKED, looked) X(MADE, made) X(MAKE, make) X(ONCE, once) \
	X(OPTED_OUT, opted_out) X(OPTOUT_ADD, optout_add) \
	X(OPTOUT_LIST, optout_list) X(OPTOUT_REMOVE, optout_remove) \
	X(REFUSED_THEN, refused) X(REPLY, reply) \
	X(REPLY_AGAIN, reply_again) X(REPLY_MUTE, reply_mute) X(REPLY_START, reply_start) \
	X(REPLY_STOP, reply_stop) X(RETRY, retry) X(STUCK, stuck) \
	X(UNDO_CHANGE, undo_change) X(UNDO_CHANGES, undo_changes) \
	X(UNDO_FIND, undo_find) X(UNDO_KEEP, undo_keep) X(UNDO_KEPT, undo_kept) \
	X(UNDO_MADE, undo_made) X(UNDO_MARK, undo_mark) \
	X(UNDO_TOLD, undo_told) X(UNPRICED, unpriced) \
	X(UNSETTLED, unsettled) X(VERDICT, verdict)

enum store_query {
#define NAME(name, file) name,
	STORE_QUERIES(NAME)
#undef NAME
	QUERIES
};

struct store {
	struct db *db;
	char word[16], old[32], new[32];  /* of the outcome told last */
	struct store_batch *batch;        /* NULL: changes belong to none */
	int *place[QUERIES];              /* of parameters, in store.c */
};

/* Binds a text time; at must live as long as the statement runs. */
void store_bind_time(sqlite3_stmt *q, const char *name, char at[WHEN_SIZE],
	long long t);

/* The record that a statement yields and, behind a status record, its row. */
long long store_row(sqlite3_stmt *q, struct rec *rec);

/* Runs a statement whose rows are records. */
int store_records(struct store *s, sqlite3_stmt *q,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

/* The number that a statement yields, 0 without a row; -1 if it fails. */
long long store_number(struct store *s, sqlite3_stmt *q);

/* Takes in what came for sid before its row. */
int store_take_early(struct store *s, const char *sid, long long now);

#endif

/*
 * batch: status records that go into the store together.  They are applied in
 * the order in which their messages lie there, which spares the disk, and what
 * became of each is told in the order in which they came.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stddef.h>
#include <stdio.h>

#include "buf.h"
#include "rec.h"
#include "store.h"

struct batch_item;

struct batch {
	struct buf text;          /* owns what the fields point to */
	struct batch_item *item;  /* in the order in which they came */
	size_t n, cap;            /* of item: in use, allocated */
	size_t failed;            /* after a failure: the line it was for */
	char **word;              /* statuses told, each once */
	size_t words;
};

#define BATCH_INIT { { NULL, 0, 0, (size_t)-1 }, NULL, 0, 0, 0, NULL, 0 }

/*
 * Adds a copy of a record, from that line of the input; an invalid one is only
 * told of.  Returns 1 when the batch is full.
 */
int batch_add(struct batch *b, const struct rec *rec, int invalid,
	size_t line);

/*
 * Applies them, as part of id, in transactions that hold the store for a
 * second at most; or, for a dry run, in the one that has begun.  Returns 0, or
 * the exit status that fits.
 */
int batch_apply(struct batch *b, struct store *s, struct store_batch *id,
	long long now, int dry);

/* Writes an outcome record for each; then the batch is empty. */
void batch_write(struct batch *b, FILE *fp);

void batch_release(struct batch *b);

#endif

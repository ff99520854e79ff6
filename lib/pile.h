/*
 * pile: status records that are put on newest first and taken off oldest
 * first.  They lie in a temporary file, so memory stays the same however many
 * there are.  What the file cannot take dies with IO_FAILED.
 */
#ifndef PILE_H
#define PILE_H

#include "rec.h"

struct pile;

struct pile *pile_open(void);
void pile_close(struct pile *p);

void pile_put(struct pile *p, const struct rec *rec);

/*
 * All that was put on, the last first; each is given the record.  Returns 0,
 * or what each returned if not 0.
 */
int pile_take(struct pile *p, int (*each)(void *ctx, const struct rec *rec),
	void *ctx);

#endif

/*
 * inbound: a message that somebody sent to us, as Twilio posts it, and what
 * its text may mean: no more messages, or messages again.
 */
#ifndef INBOUND_H
#define INBOUND_H

#include "buf.h"
#include "form.h"
#include "rec.h"

enum { INBOUND_URLS_MAX = 65536 };  /* bytes of all its media URLs */

/* True if form, of which rec was made, is such a message. */
int inbound_is(const struct rec *rec, const struct form *form);

/*
 * Turns rec into the line of a reply (lib/intake).  What it gets borrows from
 * form and from urls.
 */
void inbound_fill(struct rec *rec, const struct form *form, struct buf *urls);

/* The same for one whose fields of a line are set: it came at rec->f[AT]. */
void inbound_finish(struct rec *rec, const char *opt_out_type);

/*
 * "stop", "start" or NULL.  Twilio's OptOutType (STOP, START, HELP; NULL
 * without) wins over the text, since who uses Advanced Opt-Out chooses words
 * of his own.  A text (NULL for none) counts if it is one of Twilio's words
 * and nothing else, in any case.
 */
const char *inbound_keyword(const char *opt_out_type, const char *text);

#endif

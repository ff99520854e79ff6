/*
 * reply: what has come of the POST of a message.
 */
#ifndef REPLY_H
#define REPLY_H

#include "buf.h"
#include "json.h"
#include "rec.h"
#include "twilio.h"

/*
 * Fills in the status record of the message: Twilio's own, or "failed" with
 * the reason where it was refused or never got there, or "ambiguous" where
 * nobody knows.  Returns 0, or the exit status of its trouble, of which *what
 * is the kind and words tells more (with the numbers in it masked).  The
 * record lives until the next call on json, and words.
 */
int reply_judge(struct json *json, const struct twilio_call *c,
	struct rec *rec, struct buf *words, const char **what);

#endif

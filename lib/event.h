/*
 * event: Twilio's Event Streams, a second source of statuses and replies:
 * CloudEvents of messages, one or many in a body of JSON.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stddef.h>

#include "json.h"
#include "rec.h"

enum {
	EVENT_MAX = 1000,     /* events of one body */
	EVENT_ID_MAX = 100    /* bytes of an id */
};

/*
 * Hands each event of the body to each(), as the fields of a line of the spool
 * (lib/intake): a status record; a reply; or a record without status for an
 * event of another kind or one that names no message, which changes nothing.
 * url is that of our callbacks, as configured: only in one that an event
 * repeats is a ref ours.  now is what no event can be later than.
 *
 * Returns NULL; a reason word, before anything is handed out; or "" where
 * each() did not return 0.
 */
const char *event_read(struct json *j, const char *body, size_t len,
	const char *url, long long now,
	int (*each)(void *ctx, const struct rec *rec), void *ctx);

#endif

/*
 * sim-courier: posts status callbacks as Twilio does, several at a time, signed
 * with the auth token; at most one per message, so that the order of those
 * is kept.  Retries obey the fragment of the URL ("#rc=3&rp=ct,5xx").
 */
#ifndef SIM_COURIER_H
#define SIM_COURIER_H

#include <stddef.h>

#include "buf.h"

struct courier;
struct curl_waitfd;

struct parcel {
	long long id;
	const char *sid;
	const char *url;     /* as it was given with the message */
	const char *token;   /* I-Twilio-Idempotency-Token */
	const char *body;    /* the form */
};

struct courier *courier_open(const char *auth_token);
void courier_close(struct courier *c);

/* True if url is http or https to a loopback address: it posts nowhere else. */
int courier_takes(const char *url);

int courier_has_room(const struct courier *c);
int courier_is_busy_with(const struct courier *c, const char *sid);

/* Begins to post; the parcel is copied.  There must be room. */
void courier_post(struct courier *c, const struct parcel *p);

/* Waits for the courier's sockets and the n others, timeout_ms at most. */
void courier_wait(struct courier *c, struct curl_waitfd *others, size_t n,
	int timeout_ms);

/*
 * Goes on with the posts.  Returns 1 for each one that came to its end, with
 * the HTTP status of the answer (0: none), else 0.
 */
int courier_done(struct courier *c, long long *id, int *http_status,
	int *tries);

#endif

/*
 * twilio: calls of Twilio's REST API over libcurl, several at a time on kept
 * connections.
 *
 * Which calls may be repeated is decided here, once.  A GET is repeated after
 * a lost connection, a timeout, 429 and 5xx.  A POST makes a message and is
 * repeated only where Twilio never saw it: no connection at all, or 429
 * (REFERENCE: such a request was never processed).  Pauses grow and are drawn
 * at random ("full jitter"); Retry-After is obeyed.
 */
#ifndef TWILIO_H
#define TWILIO_H

#include "buf.h"

enum twilio_end {
	TWILIO_DONE,      /* 2xx; answer holds the body, whole */
	TWILIO_NONE,      /* 404 */
	TWILIO_REFUSED,   /* another 4xx: no use in repeating it */
	TWILIO_DENIED,    /* 401, 403: credentials */
	TWILIO_LATER,     /* given up for now; it did not happen, or was a GET */
	TWILIO_UNCLEAR    /* a POST went out and no readable answer came */
};

struct twilio_call {
	/* set by the caller, who keeps them until the call is back */
	const char *path;  /* "Messages.json", below the account; or a whole
	                      "/2010-04-01/..." as in next_page_uri */
	const char *form;  /* body of a POST; NULL for a GET */
	void *tag;         /* the caller's own */
	/* set when it comes back */
	enum twilio_end end;
	long http;           /* status code, 0 without an answer */
	struct buf answer;   /* body, at most 8 MiB */
	char why[256];       /* for a message: "HTTP 503", curl's words */
	int tries;
	/* its own affair */
	int went_out;
	long long not_before;
	struct twilio_call *next;
};

/*
 * What is older Twilio may have forgotten: 13 months.  It promises nothing, so
 * this only decides what is said of a message that is not there.
 */
enum { TWILIO_KEEPS_S = 400 * 86400 };

struct twilio;

struct twilio_options {
	int jobs;            /* requests under way at most */
	long long pause_ms;  /* between the starts of two calls */
	int tries;           /* of one call; 0: the default, 6 */
};

/*
 * Account and credentials come from conf, and SMS_TIMEOUT, the seconds of one
 * try (30); what is missing or wrong dies with BAD_SETUP.  SIGPIPE is ignored
 * from then on: a connection or a pipe that breaks must not end a process that
 * waits for answers.
 */
struct twilio *twilio_open(const struct twilio_options *o);
void twilio_close(struct twilio *t);  /* once no call is under way */

/* Puts a call into the queue; it starts when there is room and time. */
void twilio_call(struct twilio *t, struct twilio_call *c);

/*
 * Puts a GET into the queue again whose answer nobody could read; its tries
 * count on.  Returns 0, or -1 when they are used up.
 */
int twilio_again(struct twilio *t, struct twilio_call *c);

/*
 * No try begins any more: calls that wait for room, for their time or for
 * another try come back as TWILIO_LATER, those under way are finished.
 */
void twilio_stop(struct twilio *t);

/* How many requests were made until now, each try being one. */
long long twilio_requests(const struct twilio *t);

/*
 * Works until a call is back and returns it, in any order; NULL if none is
 * under way, timeout_ms passed (-1: for ever), or fd (-1: none) can be read.
 * The caller releases c->answer.
 */
struct twilio_call *twilio_wait(struct twilio *t, int timeout_ms, int fd);

#endif

/*
 * message: one message as it is asked for, checked before anybody is asked
 * and put into the words of Twilio's API (2010-04-01, Messages).
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "buf.h"
#include "segment.h"

enum {
	MESSAGE_BODY_MAX = 1600,   /* characters: else Twilio's 21617 */
	MESSAGE_MEDIA_MAX = 10,    /* URLs */
	MESSAGE_REF_MAX = 100,     /* characters of a ref */
	MESSAGE_FORM_MAX = 524288  /* bytes: a record and a URL, all escaped */
};

struct message {
	const char *to, *body, *media_url;  /* body or media_url may be NULL */
	const char *ref;
};

/* What is alike for all messages of a run. */
struct message_manner {
	const char *from;        /* a number, sender id or address, or NULL: */
	const char *service;     /* a messaging service */
	const char *callback;    /* StatusCallback without our ref; NULL: none */
	const char *send_at;     /* text time to send it at; NULL: now */
	long long validity;      /* seconds; 0: Twilio's default */
	int smart_encoded;       /* Twilio may replace look-alikes */
	long long segments_max;  /* 0: no limit of ours */
};

/*
 * What is wrong with a message, or NULL; *count is set if it has a body.
 * The phrase does not hold the number.
 */
const char *message_fault(const struct message *m,
	const struct message_manner *how, struct segment_count *count);

/* What is wrong with a recipient or a sender, or NULL. */
const char *message_to_fault(const char *to);
const char *message_from_fault(const char *from);
const char *message_service_fault(const char *service);

/*
 * The body of the POST, in place of what form held.  The ref goes into the
 * query of the callback URL, so that a callback alone tells whose it is.
 */
void message_form(struct buf *form, const struct message *m,
	const struct message_manner *how);

#endif

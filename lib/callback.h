/*
 * callback: a status callback of Twilio, from its parameters to a status
 * record.  Nothing here trusts them: whether they are authentic is one
 * question, what they say another.
 */
#ifndef CALLBACK_H
#define CALLBACK_H

#include <stddef.h>

#include "form.h"
#include "rec.h"
#include "when.h"

enum {
	CALLBACK_STATUS_MAX = 30,  /* letters of a status */
	CALLBACK_TEXT_MAX = 1024   /* bytes of any field taken over */
};

/* What came, and what vouches for it. */
struct callback {
	const char *signature;    /* the X-Twilio-Signature */
	const char *query;        /* as received; NULL for none */
	const struct form *form;  /* NULL: the body is JSON */
	const char *body;         /* of JSON, as received */
	size_t body_len;
};

/*
 * True if c is signed for url, as configured, with the query as received:
 * sms-send adds its ref to the query.  tokens are ours; a form that names an
 * AccountSid for which TWILIO_AUTH_TOKEN_<AccountSid> is set must be signed
 * with that one (a subaccount has its own).  Of JSON the URL alone is signed,
 * and its query holds the hash of the body.
 */
int callback_authentic(const struct callback *c, const char *tokens,
	const char *url);

/* True if bodySHA256 of query (NULL for none) is the hash of body. */
int callback_body_hashed(const char *query, const void *body, size_t len);

/* AC and 32 hexadecimal digits, and no more. */
int callback_is_account(const char *s);

/* A word, as short as a status is. */
int callback_is_status(const char *s);

/*
 * The ref that sms-send put into the query of a callback URL, which is decoded
 * in place and may be NULL; NULL without one.
 */
char *callback_ref(char *query);

/*
 * The value of the first of two names that has one, as a record may hold it;
 * other may be NULL.
 */
char *callback_value(const struct form *form, const char *name,
	const char *other);

/*
 * Fills rec from the form, and from the query the ref that sms-send put into
 * the URL; query is decoded in place and may be NULL.  at is the time now.
 * All fields borrow.  A field that is not as Twilio writes it is left out;
 * returns NULL, or a reason word if it is the SID or the status.
 */
const char *callback_record(struct rec *rec, const struct form *form,
	char *query, char at[WHEN_SIZE]);

#endif

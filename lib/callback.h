/*
 * callback: a status callback of Twilio, from its parameters to a status
 * record.  Nothing here trusts them: whether they are authentic is one
 * question, what they say another.
 */
#ifndef CALLBACK_H
#define CALLBACK_H

#include "form.h"
#include "rec.h"
#include "when.h"

enum { CALLBACK_STATUS_MAX = 30 };  /* letters of a status */

/*
 * True if form is signed for url, as configured, with the query as received
 * (NULL for none): sms-send adds its ref to the query.  tokens are ours; a
 * form that names an AccountSid for which TWILIO_AUTH_TOKEN_<AccountSid> is
 * set must be signed with that one (a subaccount has its own).
 */
int callback_authentic(const struct form *form, const char *signature,
	const char *tokens, const char *url, const char *query);

/*
 * Fills rec from the form, and from the query the ref that sms-send put into
 * the URL; query is decoded in place and may be NULL.  at is the time now.
 * All fields borrow.  A field that is not as Twilio writes it is left out;
 * returns NULL, or a reason word if it is the SID or the status.
 */
const char *callback_record(struct rec *rec, const struct form *form,
	char *query, char at[WHEN_SIZE]);

#endif

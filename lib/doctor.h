/*
 * doctor: for which URL is this request signed?  Signatures fail where the
 * URL that is configured is not the one that Twilio was given, so all that
 * the request and the configuration hint at are tried.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "buf.h"
#include "form.h"
#include "http.h"

enum { DOCTOR_REPORT_MAX = 262144 };  /* bytes; enough for any request */

/* Tokens, separated as in sign_check, and the variable that holds them. */
struct doctor_tokens {
	const char *name, *list;  /* list NULL: there are none */
};

struct doctor {
	const char *url;        /* of callbacks, as configured; NULL: none is */
	int whole;              /* it is configured as TWILIO_STATUS_CALLBACK */
	const char *hook_path;  /* SMS_HOOK_PATH, or NULL */
	const char *account;    /* TWILIO_ACCOUNT_SID, or NULL */
	struct doctor_tokens tokens[2];  /* sms-hook knows only the first */
	const struct http_request *req;  /* with an X-Twilio-Signature */
	const struct form *form;         /* of its body; NULL: that is JSON */
	int logged;             /* a row of the log, with few header fields */
	int bodiless;           /* and without its body */
};

/*
 * Appends lines to report: the URL that is signed, what is different in it,
 * the token by its place, and under "to configure:" the lines to configure;
 * or what was tried in vain.  A token never appears.  Returns 1 if the request
 * is signed for some URL, with its body as far as that is known; else 0.
 */
int doctor(struct buf *report, const struct doctor *d);

/*
 * The same for a form that is lost, without which no signature can be made:
 * what can be seen without it.
 */
void doctor_bodiless(struct buf *report, const struct doctor *d);

#endif

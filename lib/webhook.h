/*
 * webhook: what sms-hook serves, in whatever way a request has come: which
 * paths there are, whether a callback is authentic, and what is answered.
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "cron.h"
#include "http.h"
#include "intake.h"
#include "json.h"

struct webhook {
	char *url;            /* public, of the callback, with its query */
	const char *path;     /* where requests for it arrive */
	char *tokens;         /* NULL: signatures are not checked */
	int log_bodies;       /* of callbacks that are refused */
	char *db, *spool;
	struct json *json;    /* NULL until it was needed */
	struct intake in;
	struct cron cron;
};

/* What becomes of a request. */
struct webhook_answer {
	int status;           /* of HTTP; 0: nobody is there to read it */
	const char *reason;   /* a word of DIAGNOSTICS, or NULL: all is well */
	const char *lines;    /* header lines */
	const char *type;     /* of the body */
	const char *body;     /* text */
	int is_kept;          /* it is durable once intake_keep has returned 0 */
	int is_counted;       /* a refusal: intake_refused was called, */
	int is_quiet;         /* and said so */
	int is_cron;          /* cron_run or cron_pass has the answer */
	int exit_status;
};

#define WEBHOOK_ANSWER { 200, NULL, "", "text/plain", "", 0, 0, 0, 0, 0 }

/*
 * Reads the configuration; dies if it is not complete.  w->cron is another
 * one's affair, and opened by its owner.
 */
void webhook_open(struct webhook *w);
void webhook_close(struct webhook *w);

/*
 * Answers a request.  An answer that is_kept must not be given before
 * intake_keep(&w->in), and webhook_kept with what that returned.  A callback
 * that is refused is noted for intake_log(&w->in).
 */
void webhook_take(struct webhook *w, struct http_request *r,
	const struct arrival *from, struct webhook_answer *a);
void webhook_kept(struct webhook_answer *a, int status);

/* For a request that cannot be read, or an answer that cannot be written. */
void webhook_refuse(struct webhook_answer *a, int status, const char *reason);

/* For one that is_cron, while another one runs. */
void webhook_running(struct webhook_answer *a);

/* Says what was refused, and why, unless it is one too many (intake.h). */
void webhook_tell(struct webhook *w, struct webhook_answer *a,
	const struct arrival *from);

#endif

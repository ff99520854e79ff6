/*
 * sms-hook - take in a status callback
 *
 * Serves one HTTP connection on standard input and output, as inetd, socat
 * and tcpserver start it: reads one request within limits of size and time,
 * checks its signature over what was received, makes it durable, and only
 * then answers 200.  Twilio asks once, so that answer is a promise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "edge.h"
#include "form.h"
#include "http.h"
#include "intake.h"
#include "when.h"

enum {
	HEAD_MS = 10000,      /* the head must be there by then, */
	REQUEST_MS = 20000,   /* and the body */
	ANSWER_MS = 5000      /* an answer waits for its client */
};

struct hook {
	char *url;            /* public, of the callback, with its query */
	const char *path;     /* where requests for it arrive */
	char *tokens;         /* NULL: signatures are not checked */
	char *db, *spool;
	struct intake in;
	int kept;             /* a callback waits in the spool */
	int is_callback;      /* it belongs into the log of the store */
};

/* What became of the request. */
struct answer {
	int status;           /* of HTTP; 0: nobody is there to read it */
	const char *reason;   /* a word of DIAGNOSTICS, or NULL: all is well */
	const char *lines;    /* header lines */
	const char *body;
	int exit_status;
};

const char progname[] = "sms-hook";

static const char *unanswered;  /* the peer who still waits for an answer */

static void
usage(FILE *fp)
{
	fputs("usage: sms-hook [-t now]\n", fp);
}

/* Whoever calls die() on the way leaves no client without an answer. */
static void
apologize(void)
{
	static const char sorry[] = "HTTP/1.1 503 Service Unavailable\r\n"
		"Retry-After: 5\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n";

	if (unanswered == NULL)
		return;
	warn("503 died from %s", unanswered);
	http_send(1, sorry, sizeof(sorry) - 1, when_mono_ms() + ANSWER_MS);
	http_linger(1);
}

static void
set_up(struct hook *k)
{
	const char *host;

	conf_load();
	if ((k->url = conf_callback_url()) == NULL)
		die(BAD_SETUP, "no callback URL: set WEBHOOK_BASE_URL or "
			"TWILIO_STATUS_CALLBACK");
	if ((k->path = conf("SMS_HOOK_PATH")) == NULL) {
		host = strstr(k->url, "://") + 3;
		k->path = host + strcspn(host, "/?#");
	} else if (*k->path != '/') {
		die(BAD_SETUP, "SMS_HOOK_PATH does not begin with a slash");
	}
	if (!conf_skip_signature()) {
		if ((k->tokens = conf_secret("TWILIO_AUTH_TOKEN")) == NULL)
			die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
		/* anybody could sign with an empty key */
		if (k->tokens[strspn(k->tokens, " ,\t\n")] == '\0')
			die(BAD_SETUP, "TWILIO_AUTH_TOKEN is empty");
	}
	k->in.db = k->db = conf_db();
	k->in.spool = k->spool = conf_spool();
}

static void
refuse(struct answer *a, int status, const char *reason)
{
	a->status = status;
	a->reason = reason;
}

/* A callback is durable before its answer is written. */
static void
take_callback(struct answer *a, struct hook *k, struct http_request *r)
{
	static const char form_type[] = "application/x-www-form-urlencoded";
	static struct form form;
	const struct callback c = {
		.signature = http_field(r, "X-Twilio-Signature"),
		.query = r->query, .form = &form
	};
	const char *type = http_field(r, "Content-Type"), *why;
	char at[WHEN_SIZE], *params = need_str(r->body);
	struct rec rec;

	if (http_field(r, "Content-Length") == NULL &&
	    http_field(r, "Transfer-Encoding") == NULL) {
		refuse(a, 411, "no_length");
	} else if (type == NULL ||
	    strcspn(type, "; \t") != sizeof(form_type) - 1 ||
	    strncasecmp(type, form_type, sizeof(form_type) - 1) != 0) {
		refuse(a, 415, "media_type");
	} else if (form_parse(&form, r->body, r->body_len, &why) != 0) {
		refuse(a, 400, "bad_form");
	} else if (k->tokens != NULL && c.signature == NULL) {
		refuse(a, 401, "no_signature");
	} else if (k->tokens != NULL &&
	    !callback_authentic(&c, k->tokens, k->url)) {
		refuse(a, 401, "bad_signature");
	} else if ((why = callback_record(&rec, &form, r->query,
	    when_format(at, k->in.now))) != NULL) {
		refuse(a, 400, why);
	} else if ((a->exit_status = intake_keep(&k->in, &rec, params)) == 0) {
		k->kept = 1;
	} else if (a->exit_status == TRY_LATER) {
		refuse(a, 503, "store_busy");
	} else {
		refuse(a, 503, "store_failed");
	}
	if (a->status == 503)
		a->lines = "Retry-After: 5\r\n";
	free(params);
}

static void
route(struct answer *a, struct hook *k, struct http_request *r)
{
	size_t len = strcspn(k->path, "?#");
	const char *path = len > 0 ? k->path : "/";

	if (len == 0)
		len = 1;
	if (strncmp(r->path, path, len) == 0 && r->path[len] == '\0') {
		if (strcmp(r->method, "POST") == 0) {
			k->is_callback = 1;
			take_callback(a, k, r);
			return;
		}
		a->lines = "Allow: POST\r\n";
		refuse(a, 405, "method");
	} else if (strcmp(r->path, "/healthz") == 0) {
		if (strcmp(r->method, "GET") == 0 ||
		    strcmp(r->method, "HEAD") == 0) {
			a->body = "ok\n";
			return;
		}
		a->lines = "Allow: GET, HEAD\r\n";
		refuse(a, 405, "method");
	} else {
		refuse(a, 404, "not_found");
	}
}

static void
tell(const struct answer *a, const struct hook *k)
{
	if (a->reason == NULL)
		return;
	if (k->in.why[0] != '\0' && a->status == 503)
		warn("%d %s from %s: %s", a->status, a->reason, k->in.peer,
			k->in.why);
	else
		warn("%d %s from %s", a->status, a->reason, k->in.peer);
}

/* Reads the request, does what it asks for, answers. */
static int
serve(struct hook *k)
{
	struct answer a = { 200, NULL, "", "", 0 };
	struct buf out = BUF_INIT(4096);
	long long start = when_mono_ms();
	struct http h;
	int got;

	http_init(&h);
	h.head_by = start + HEAD_MS;
	got = http_receive(&h, 0, 1, start + REQUEST_MS);
	if (got > 0) {
		edge_hold(1);
		route(&a, k, &h.req);
	} else if (got < 0) {
		refuse(&a, h.status, h.reason);
	}
	unanswered = NULL;
	if (got != 0 && a.status != 0) {
		http_answer(&out, a.status, a.lines,
			*a.body != '\0' ? "text/plain" : NULL, a.body,
			strlen(a.body), got > 0 &&
			strcmp(h.req.method, "HEAD") == 0, 0);
		if (http_send(1, out.s, out.len,
		    when_mono_ms() + ANSWER_MS) != 0 && a.reason == NULL)
			refuse(&a, 0, "answer_lost");
	}
	if (a.status == 0)
		a.exit_status = IO_FAILED;
	tell(&a, k);
	http_linger(1);
	if (k->kept && intake_settle(&k->in, 0) != 0)
		warn("callbacks wait in '%s': %s", k->spool, k->in.why);
	else if (k->is_callback && a.reason != NULL && a.status != 503)
		intake_refused(&k->in, a.reason, a.status);
	intake_close(&k->in);
	edge_hold(0);
	buf_release(&out);
	http_release(&h);
	return a.exit_status;
}

int
main(int argc, char *argv[])
{
	struct hook k = { 0 };
	int c, status;

	edge_begin();
	clock_gettime(CLOCK_MONOTONIC, &k.in.began);
	k.in.now = when_now();
	while ((c = getopt(argc, argv, "Vht:")) != -1)
		switch (c) {
		case 'V': puts("sms-hook " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 't': k.in.now = when_option('t', optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind != argc) {
		usage(stderr);
		return BAD_USAGE;
	}

	k.in.peer = unanswered = edge_peer();
	atexit(apologize);
	set_up(&k);

	status = serve(&k);

	free(k.url);
	free(k.tokens);
	free(k.db);
	free(k.spool);
	return status;
}

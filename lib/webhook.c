#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "event.h"
#include "form.h"
#include "inbound.h"
#include "utf8.h"
#include "webhook.h"
#include "when.h"

/* Bytes of what the log has of a request; what is longer is left out. */
enum { TARGET_MAX = 2048, SIGNATURE_MAX = 100, HOST_MAX = 255 };

enum media { NEITHER, FORM, JSON };

void
webhook_open(struct webhook *w)
{
	const char *host;

	conf_load();
	if ((w->url = conf_callback_url()) == NULL)
		die(BAD_SETUP, "no callback URL: set WEBHOOK_BASE_URL or "
			"TWILIO_STATUS_CALLBACK");
	if ((w->path = conf("SMS_HOOK_PATH")) == NULL) {
		host = strstr(w->url, "://") + 3;
		w->path = host + strcspn(host, "/?#");
	} else if (*w->path != '/') {
		die(BAD_SETUP, "SMS_HOOK_PATH does not begin with a slash");
	}
	if (!conf_skip_signature()) {
		if ((w->tokens = conf_tokens("TWILIO_AUTH_TOKEN")) == NULL)
			die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
		conf_read_tokens("TWILIO_AUTH_TOKEN_AC");
	}
	if (conf("SMS_LOG_REFUSED") != NULL) {
		w->log_bodies = strcmp(conf("SMS_LOG_REFUSED"), "body") == 0;
		if (!w->log_bodies)
			die(BAD_SETUP, "SMS_LOG_REFUSED is not 'body'");
	}
	w->in.db = w->db = conf_db();
	w->in.spool = w->spool = conf_spool();
}

void
webhook_close(struct webhook *w)
{
	intake_close(&w->in);
	json_close(w->json);
	free(w->url);
	free(w->tokens);
	free(w->db);
	free(w->spool);
}

void
webhook_refuse(struct webhook_answer *a, int status, const char *reason)
{
	a->status = status;
	a->reason = reason;
}

void
webhook_running(struct webhook_answer *a)
{
	a->is_cron = 0;
	a->type = "application/json";
	a->body = "{\"running\":true}\n";
	webhook_refuse(a, 409, "running");
}

void
webhook_kept(struct webhook_answer *a, int status)
{
	a->exit_status = status;
	if (status == 0)
		return;
	a->is_kept = 0;
	a->body = "";
	a->lines = "Retry-After: 5\r\n";
	if (status == TRY_LATER)
		webhook_refuse(a, 503, "store_busy");
	else
		webhook_refuse(a, 503, "store_failed");
}

static enum media
media(const struct http_request *r)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = http_field(r, "Content-Type");

	if (http_is_json(r))
		return JSON;
	return type != NULL && strcspn(type, "; \t") == sizeof(form) - 1 &&
		strncasecmp(type, form, sizeof(form) - 1) == 0 ?
		FORM : NEITHER;
}

static char *
bounded(const char *s, size_t max)
{
	return s != NULL && strlen(s) <= max && utf8_valid(s, strlen(s)) ?
		(char *)s : NULL;
}

/* What the log has of the request, whatever becomes of it. */
static void
fill_seen(struct rec *seen, const struct http_request *r, struct buf *target)
{
	memset(seen, 0, sizeof(*seen));
	if (buf_addstr(target, r->path) == 0 && (r->query == NULL ||
	    buf_addf(target, "?%s", r->query) == 0))
		seen->f[LINE_TARGET] = bounded(target->s, target->len);
	seen->f[LINE_SIGNATURE] = bounded(http_field(r, "X-Twilio-Signature"),
		SIGNATURE_MAX);
	seen->f[LINE_HOST] = bounded(http_field(r, "Host"), HOST_MAX);
}

/* A callback or event that is being taken in. */
struct taking {
	struct webhook *w;
	const struct arrival *from;
	const struct rec *seen;
	int status;  /* what intake_add said */
};

static int
add(void *ctx, const struct rec *told)
{
	struct taking *t = ctx;
	struct rec rec = *told;

	rec.f[LINE_TARGET] = t->seen->f[LINE_TARGET];
	rec.f[LINE_SIGNATURE] = t->seen->f[LINE_SIGNATURE];
	rec.f[LINE_HOST] = t->seen->f[LINE_HOST];
	return t->status = intake_add(&t->w->in, &rec, t->from);
}

/* Takes in a callback or a reply; returns a reason word or NULL. */
static const char *
take_form(struct taking *t, const struct form *form, char *query,
	struct webhook_answer *a)
{
	static const char twiml[] = "<?xml version=\"1.0\" "
		"encoding=\"UTF-8\"?><Response/>";
	struct buf urls = BUF_INIT(INBOUND_URLS_MAX);
	char at[WHEN_SIZE];
	struct rec rec;
	const char *why = callback_record(&rec, form, query,
		when_format(at, t->from->now));

	if (why != NULL)
		return why;
	rec.f[LINE_PARAMS] = t->seen->f[LINE_PARAMS];
	if (inbound_is(&rec, form)) {
		inbound_fill(&rec, form, &urls);
		a->type = "text/xml";
		a->body = twiml;
	}
	add(t, &rec);
	buf_release(&urls);
	return NULL;
}

/* The same for all events of a body, or none of them. */
static const char *
take_events(struct taking *t, const struct http_request *r)
{
	struct webhook *w = t->w;
	size_t before = w->in.batch.len;
	const char *why;

	if (w->json == NULL)
		w->json = json_open();
	why = event_read(w->json, r->body, r->body_len, w->url, t->from->now,
		add, t);
	if (t->status != 0)
		buf_cut(&w->in.batch, before);
	return why != NULL && *why != '\0' ? why : NULL;
}

/* seen: of a callback, else NULL */
static void
count(struct webhook *w, struct webhook_answer *a, const struct rec *seen,
	const struct arrival *from)
{
	a->is_counted = 1;
	a->is_quiet = !intake_refused(&w->in, seen, a->reason, a->status, from);
}

static void
take_callback(struct webhook *w, struct http_request *r,
	const struct arrival *from, struct webhook_answer *a)
{
	static struct form form;
	struct callback c = {
		.signature = http_field(r, "X-Twilio-Signature"),
		.query = r->query, .body = r->body, .body_len = r->body_len
	};
	enum media type = media(r);
	struct buf target = BUF_INIT(TARGET_MAX);
	char *body = need_str(r->body);
	const char *why = NULL;
	struct rec seen;
	struct taking t = { w, from, &seen, 0 };

	fill_seen(&seen, r, &target);
	seen.f[SOURCE] = type == JSON ? "event" : type == FORM ? "hook" : NULL;
	seen.f[LINE_PARAMS] = body;
	if (type == FORM)
		c.form = &form;
	if (http_field(r, "Content-Length") == NULL &&
	    http_field(r, "Transfer-Encoding") == NULL) {
		webhook_refuse(a, 411, "no_length");
	} else if (type == NEITHER) {
		webhook_refuse(a, 415, "media_type");
	} else if (type == FORM &&
	    form_parse(&form, r->body, r->body_len, &why) != 0) {
		webhook_refuse(a, 400, "bad_form");
	} else if (w->tokens != NULL && c.signature == NULL) {
		webhook_refuse(a, 401, "no_signature");
	} else if (w->tokens != NULL &&
	    !callback_authentic(&c, w->tokens, w->url)) {
		webhook_refuse(a, 401, "bad_signature");
	} else if ((why = type == JSON ? take_events(&t, r) :
	    take_form(&t, &form, r->query, a)) != NULL) {
		webhook_refuse(a, 400, why);
	} else {
		a->is_kept = 1;
		webhook_kept(a, t.status);
	}
	if (a->reason != NULL && a->status != 503) {
		if (!w->log_bodies)
			seen.f[LINE_PARAMS] = NULL;
		count(w, a, &seen, from);
	}
	buf_release(&target);
	free(body);
}

static void
take_cron(struct webhook *w, struct http_request *r, struct webhook_answer *a)
{
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "POST") != 0) {
		a->lines = "Allow: GET, POST\r\n";
		webhook_refuse(a, 405, "method");
	} else if (!cron_knows(&w->cron, http_field(r, "Authorization"))) {
		a->lines = "WWW-Authenticate: Bearer\r\n";
		webhook_refuse(a, 401, "bad_secret");
	} else if (cron_runs(&w->cron)) {
		webhook_running(a);
	} else {
		a->is_cron = 1;
	}
}

void
webhook_take(struct webhook *w, struct http_request *r,
	const struct arrival *from, struct webhook_answer *a)
{
	size_t len = strcspn(w->path, "?#");
	const char *path = len > 0 ? w->path : "/";

	if (len == 0)
		len = 1;
	if (strncmp(r->path, path, len) == 0 && r->path[len] == '\0') {
		if (strcmp(r->method, "POST") == 0) {
			take_callback(w, r, from, a);
			return;
		}
		a->lines = "Allow: POST\r\n";
		webhook_refuse(a, 405, "method");
	} else if (strcmp(r->path, cron_path) == 0 && w->cron.secret != NULL) {
		take_cron(w, r, a);
	} else if (strcmp(r->path, "/healthz") == 0) {
		if (strcmp(r->method, "GET") == 0 ||
		    strcmp(r->method, "HEAD") == 0) {
			a->body = "ok\n";
			return;
		}
		a->lines = "Allow: GET, HEAD\r\n";
		webhook_refuse(a, 405, "method");
	} else {
		webhook_refuse(a, 404, "not_found");
	}
}

void
webhook_tell(struct webhook *w, struct webhook_answer *a,
	const struct arrival *from)
{
	const char *peer = from->peer;

	if (a->reason == NULL)
		return;
	/* what is our own fault, no stranger can cause again and again */
	if (a->status != 500 && a->status != 503 && !a->is_counted)
		count(w, a, NULL, from);
	if (a->is_quiet)
		return;
	if (w->in.why[0] != '\0' && a->status == 503)
		warn("%d %s from %s: %s", a->status, a->reason, peer,
			w->in.why);
	else
		warn("%d %s from %s", a->status, a->reason, peer);
}

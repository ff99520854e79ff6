#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "form.h"
#include "webhook.h"
#include "when.h"

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
		if ((w->tokens = conf_secret("TWILIO_AUTH_TOKEN")) == NULL)
			die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
		/* anybody could sign with an empty key */
		if (w->tokens[strspn(w->tokens, " ,\t\n")] == '\0')
			die(BAD_SETUP, "TWILIO_AUTH_TOKEN is empty");
	}
	w->in.db = w->db = conf_db();
	w->in.spool = w->spool = conf_spool();
}

void
webhook_close(struct webhook *w)
{
	intake_close(&w->in);
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
webhook_kept(struct webhook_answer *a, int status)
{
	a->exit_status = status;
	if (status == 0)
		return;
	a->is_kept = 0;
	a->lines = "Retry-After: 5\r\n";
	if (status == TRY_LATER)
		webhook_refuse(a, 503, "store_busy");
	else
		webhook_refuse(a, 503, "store_failed");
}

static void
take_callback(struct webhook *w, struct http_request *r,
	const struct arrival *from, struct webhook_answer *a)
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
		webhook_refuse(a, 411, "no_length");
	} else if (type == NULL ||
	    strcspn(type, "; \t") != sizeof(form_type) - 1 ||
	    strncasecmp(type, form_type, sizeof(form_type) - 1) != 0) {
		webhook_refuse(a, 415, "media_type");
	} else if (form_parse(&form, r->body, r->body_len, &why) != 0) {
		webhook_refuse(a, 400, "bad_form");
	} else if (w->tokens != NULL && c.signature == NULL) {
		webhook_refuse(a, 401, "no_signature");
	} else if (w->tokens != NULL &&
	    !callback_authentic(&c, w->tokens, w->url)) {
		webhook_refuse(a, 401, "bad_signature");
	} else if ((why = callback_record(&rec, &form, r->query,
	    when_format(at, from->now))) != NULL) {
		webhook_refuse(a, 400, why);
	} else {
		a->is_kept = 1;
		webhook_kept(a, intake_add(&w->in, &rec, params, from));
	}
	free(params);
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
			a->is_callback = 1;
			take_callback(w, r, from, a);
			return;
		}
		a->lines = "Allow: POST\r\n";
		webhook_refuse(a, 405, "method");
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
webhook_tell(const struct webhook *w, const struct webhook_answer *a,
	const char *peer)
{
	if (a->reason == NULL)
		return;
	if (w->in.why[0] != '\0' && a->status == 503)
		warn("%d %s from %s: %s", a->status, a->reason, peer,
			w->in.why);
	else
		warn("%d %s from %s", a->status, a->reason, peer);
}

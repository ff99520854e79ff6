/*
 * sms-sign - sign a status callback as Twilio does, or verify one
 *
 * Reads the body of a request on standard input and prints or checks its
 * X-Twilio-Signature for the given URL; or reads a whole request, or takes
 * one from the log of the store, and tells for which URL it is signed.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "doctor.h"
#include "form.h"
#include "http.h"
#include "num.h"
#include "sign.h"
#include "store.h"

enum { REQUEST_MAX = HTTP_IN_MAX / 2 };  /* even where each LF gets a CR */

const char progname[] = "sms-sign";

static void
usage(FILE *fp)
{
	fputs("usage: sms-sign [-v signature] url\n"
		"       sms-sign -d [-l id]\n", fp);
}

static void
read_all(struct buf *b, const char *what)
{
	char chunk[4096];
	size_t n;

	buf_reset(b);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		if (buf_add(b, chunk, n) != 0)
			die(BAD_DATA, "%s is longer than %zu bytes", what,
				b->max);
	if (ferror(stdin))
		die(IO_FAILED, "cannot read standard input:");
}

/* The newline that echo and editors add is no part of a body. */
static void
read_body(struct buf *body)
{
	read_all(body, "body");
	if (body->len > 0 && body->s[body->len - 1] == '\n')
		body->s[--body->len] = '\0';
}

static void
parse_form(struct form *form, char *body, size_t len)
{
	const char *why;

	if (form_parse(form, body, len, &why) != 0)
		die(BAD_DATA, "body: %s", why);
}

static int
sign_body(char *tokens, const char *url)
{
	struct buf body = BUF_INIT(HTTP_BODY_MAX);
	static struct form form;
	char signature[SIGN_SIZE];

	tokens[strcspn(tokens, " ,\t\n")] = '\0';
	if (*tokens == '\0')
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN begins with a separator");
	read_body(&body);
	parse_form(&form, body.s, body.len);
	sign(signature, tokens, url, &form);
	puts(signature);
	buf_release(&body);
	return 0;
}

/* A query with bodySHA256 is what says that the body is JSON. */
static int
is_of_json(const char *query)
{
	return query != NULL && (strncmp(query, "bodySHA256=", 11) == 0 ||
		strstr(query, "&bodySHA256=") != NULL);
}

static int
verify(const char *signature, const char *tokens, const char *url)
{
	struct buf body = BUF_INIT(HTTP_BODY_MAX);
	struct callback c = { .signature = signature };
	static struct form form;
	char *called = need_str(url);
	int good, is_json;

	called[strcspn(called, "#")] = '\0';
	if ((c.query = strchr(called, '?')) != NULL)
		c.query++;
	if ((is_json = is_of_json(c.query)))
		body.max = HTTP_JSON_MAX;
	read_body(&body);
	if (is_json) {
		c.body = body.s;
		c.body_len = body.len;
	} else {
		parse_form(&form, body.s, body.len);
		c.form = &form;
	}
	if (!(good = callback_authentic(&c, tokens, called)))
		warn("signature does not belong to this URL and body");
	buf_release(&body);
	free(called);
	return good ? 0 : NO_PERMISSION;
}

/* A request that was copied out of a log may have lost the CR of its lines. */
static void
feed(struct http *h, const struct buf *got)
{
	const char *s = got->s, *end = s + got->len, *line = s, *lf;
	int lost = (lf = memchr(s, '\n', got->len)) != NULL &&
		(lf == s || lf[-1] != '\r');

	while (lost &&
	    (lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		buf_add(&h->in, line, (size_t)(lf - line));
		buf_addstr(&h->in, "\r\n");
		lost = lf != line;  /* the head ends with an empty line */
		line = lf + 1;
	}
	buf_add(&h->in, line, (size_t)(end - line));
}

static void
parse_request(struct http *h, const char *what)
{
	enum http_state state;

	while ((state = http_parse(h)) == HTTP_CONTINUE)
		continue;
	if (state == HTTP_BAD)
		die(BAD_DATA, "%s: %s (see sms-hook(8))", what, h->reason);
	if (state != HTTP_READY)
		die(BAD_DATA, "%s is not whole", what);
	if (http_field(&h->req, "X-Twilio-Signature") == NULL)
		die(NO_PERMISSION, "%s has no X-Twilio-Signature", what);
}

/* True if its body is JSON. */
static int
read_request(struct http *h)
{
	struct buf got = BUF_INIT(REQUEST_MAX);

	read_all(&got, "request");
	feed(h, &got);
	buf_release(&got);
	parse_request(h, "request");
	return http_is_json(&h->req);
}

/* A request of the log, as it may have come. */
struct logged {
	struct http *h;
	struct doctor *d;
	char what[64];
};

static void
write_request(void *ctx, const struct store_request *r)
{
	struct logged *l = ctx;
	const char *body = r->params != NULL ? r->params : "", *query;
	struct buf *in = &l->h->in;
	int bad;

	snprintf(l->what, sizeof(l->what), "row %lld of webhook_logs", r->id);
	l->d->logged = 1;
	l->d->bodiless = r->params == NULL;
	if (r->target == NULL)
		die(BAD_DATA, "%s does not say what was requested", l->what);
	/* only there may a request do without a host */
	bad = buf_addf(in, "POST %s HTTP/1.0\r\n", r->target);
	if (r->host != NULL)
		bad |= buf_addf(in, "Host: %s\r\n", r->host);
	if (r->signature != NULL)
		bad |= buf_addf(in, "X-Twilio-Signature: %s\r\n",
			r->signature);
	query = strchr(r->target, '?');
	if (query != NULL && is_of_json(query + 1))
		bad |= buf_addstr(in, "Content-Type: application/json\r\n");
	bad |= buf_addf(in, "Content-Length: %zu\r\n\r\n%s", strlen(body),
		body);
	if (bad != 0)
		die(BAD_DATA, "%s is longer than %zu bytes", l->what, in->max);
}

static int
find_request(struct http *h, struct doctor *d, long long id)
{
	struct logged l = { h, d, "" };
	char *path = conf_db();
	struct store *s;
	const char *why;
	int r;

	if ((r = store_open(&s, path, STORE_READ, &why)) != 0)
		die(r, "%s", why);
	if ((r = store_logged(s, id, write_request, &l)) > 0)
		die(r, "%s", store_why(s));
	store_close(s);
	free(path);
	if (r < 0 && id > 0)
		die(BAD_DATA, "webhook_logs has no row %lld", id);
	if (r < 0)
		die(BAD_DATA, "webhook_logs has no row of bad_signature");
	parse_request(h, l.what);
	return is_of_json(h->req.query);
}

/* The token of the account that the form names, if it has its own. */
static char *
own_token(struct doctor *d, char name[64])
{
	const char *account = form_get(d->form, "AccountSid");
	char *own;

	if (account == NULL || !callback_is_account(account))
		return NULL;
	snprintf(name, 64, "TWILIO_AUTH_TOKEN_%s", account);
	if ((own = conf_secret(name)) == NULL)
		return NULL;
	d->tokens[1] = d->tokens[0];
	d->tokens[0].name = name;
	d->tokens[0].list = own;
	return own;
}

/* row: of the log; 0: the last one; -1: the request is on standard input. */
static int
examine(const char *tokens, long long row)
{
	struct buf report = BUF_INIT(DOCTOR_REPORT_MAX);
	char *url = conf_callback_url(), *own = NULL, name[64];
	static struct form form;
	struct doctor d = {
		.url = url, .whole = conf("TWILIO_STATUS_CALLBACK") != NULL,
		.hook_path = conf("SMS_HOOK_PATH"),
		.account = conf("TWILIO_ACCOUNT_SID"),
		.tokens = { { "TWILIO_AUTH_TOKEN", tokens }, { NULL, NULL } }
	};
	struct http h;
	int is_json, status;

	http_init(&h);
	d.req = &h.req;
	is_json = row < 0 ? read_request(&h) : find_request(&h, &d, row);
	if (!is_json && d.bodiless) {
		doctor_bodiless(&report, &d);
		warn("the body was not kept, and it is signed, too: set "
			"SMS_LOG_REFUSED=body for sms-hook and wait for the "
			"next one, or capture one, see sms-sign(1)");
		status = BAD_DATA;
	} else {
		if (!is_json) {
			parse_form(&form, h.req.body, h.req.body_len);
			d.form = &form;
			own = own_token(&d, name);
		}
		status = doctor(&report, &d) ? 0 : NO_PERMISSION;
	}
	if (report.len > 0)
		fputs(report.s, stdout);
	buf_release(&report);
	http_release(&h);
	free(own);
	free(url);
	return status;
}

/* A row of the log, or "last". */
static long long
row_option(const char *s)
{
	long long n;

	if (strcmp(s, "last") == 0)
		return 0;
	if (num_parse(s, 1, LLONG_MAX, &n) != 0)
		die(BAD_USAGE, "-l takes the id of a row of webhook_logs, or "
			"last, not '%s'", s);
	return n;
}

int
main(int argc, char *argv[])
{
	const char *signature = NULL;
	char *tokens;
	long long row = -1;
	int c, doctored = 0, status;

	while ((c = getopt(argc, argv, "Vdhl:v:")) != -1)
		switch (c) {
		case 'V': puts("sms-sign " VERSION); return finish_stdout(0);
		case 'd': doctored = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'l': row = row_option(optarg); break;
		case 'v': signature = optarg; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind != !doctored || (doctored && signature != NULL) ||
	    (!doctored && row >= 0)) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	if ((tokens = conf_tokens("TWILIO_AUTH_TOKEN")) == NULL)
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");

	if (doctored)
		status = examine(tokens, row);
	else if (signature != NULL)
		status = verify(signature, tokens, argv[optind]);
	else
		status = sign_body(tokens, argv[optind]);

	free(tokens);
	return finish_stdout(status);
}

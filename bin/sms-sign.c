/*
 * sms-sign - sign a status callback as Twilio does, or verify one
 *
 * Reads the body of a request on standard input and prints or checks its
 * X-Twilio-Signature for the given URL; or reads a whole request and tells
 * for which URL it is signed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "die.h"
#include "doctor.h"
#include "form.h"
#include "http.h"
#include "sign.h"

enum {
	BODY_MAX = 65536,              /* as much as sms-hook takes */
	REQUEST_MAX = HTTP_IN_MAX / 2  /* fits even where each LF gets a CR */
};

const char progname[] = "sms-sign";

static void
usage(FILE *fp)
{
	fputs("usage: sms-sign [-v signature] url\n"
		"       sms-sign -d\n", fp);
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
	struct buf body = BUF_INIT(BODY_MAX);
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
verify(const char *signature, const char *tokens, const char *url)
{
	struct buf body = BUF_INIT(BODY_MAX);
	struct callback c = { .signature = signature };
	static struct form form;
	char *called = need_str(url);
	int good;

	called[strcspn(called, "#")] = '\0';
	if ((c.query = strchr(called, '?')) != NULL)
		c.query++;
	read_body(&body);
	if (c.query != NULL && (strncmp(c.query, "bodySHA256=", 11) == 0 ||
	    strstr(c.query, "&bodySHA256=") != NULL)) {
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
read_request(struct http *h)
{
	struct buf got = BUF_INIT(REQUEST_MAX);
	enum http_state state;

	read_all(&got, "request");
	feed(h, &got);
	buf_release(&got);
	while ((state = http_parse(h)) == HTTP_CONTINUE)
		continue;
	if (state == HTTP_BAD)
		die(BAD_DATA, "request: %s (see sms-hook(8))", h->reason);
	if (state != HTTP_READY)
		die(BAD_DATA, "request is not whole");
	if (http_field(&h->req, "X-Twilio-Signature") == NULL)
		die(NO_PERMISSION, "request has no X-Twilio-Signature");
}

static int
examine(const char *tokens)
{
	struct buf report = BUF_INIT(DOCTOR_REPORT_MAX);
	char *url = conf_callback_url(), *own = NULL, name[64];
	const char *type, *account;
	static struct form form;
	struct doctor d = {
		.url = url, .whole = conf("TWILIO_STATUS_CALLBACK") != NULL,
		.hook_path = conf("SMS_HOOK_PATH"),
		.account = conf("TWILIO_ACCOUNT_SID"),
		.tokens = { { "TWILIO_AUTH_TOKEN", tokens }, { NULL, NULL } }
	};
	struct http h;
	int good;

	http_init(&h);
	read_request(&h);
	d.req = &h.req;
	type = http_field(&h.req, "Content-Type");
	if (type == NULL || strncasecmp(type, "application/json", 16) != 0) {
		parse_form(&form, h.req.body, h.req.body_len);
		d.form = &form;
		account = form_get(&form, "AccountSid");
		if (account != NULL && callback_is_account(account)) {
			snprintf(name, sizeof(name), "TWILIO_AUTH_TOKEN_%s",
				account);
			own = conf_secret(name);
		}
	}
	if (own != NULL) {
		d.tokens[1] = d.tokens[0];
		d.tokens[0].name = name;
		d.tokens[0].list = own;
	}
	good = doctor(&report, &d);
	fputs(report.s, stdout);
	buf_release(&report);
	http_release(&h);
	free(own);
	free(url);
	return good ? 0 : NO_PERMISSION;
}

int
main(int argc, char *argv[])
{
	const char *signature = NULL;
	char *tokens;
	int c, doctored = 0, status;

	while ((c = getopt(argc, argv, "Vdhv:")) != -1)
		switch (c) {
		case 'V': puts("sms-sign " VERSION); return finish_stdout(0);
		case 'd': doctored = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'v': signature = optarg; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind != !doctored || (doctored && signature != NULL)) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	if ((tokens = conf_secret("TWILIO_AUTH_TOKEN")) == NULL)
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
	/* anybody could sign with an empty key */
	if (tokens[strspn(tokens, " ,\t\n")] == '\0')
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is empty");

	if (doctored)
		status = examine(tokens);
	else if (signature != NULL)
		status = verify(signature, tokens, argv[optind]);
	else
		status = sign_body(tokens, argv[optind]);

	free(tokens);
	return finish_stdout(status);
}

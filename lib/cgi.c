#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cgi.h"
#include "conf.h"
#include "die.h"
#include "num.h"
#include "when.h"

enum {
	DROP_MS = 1000,
	DROP_MAX = 1048576,  /* bytes of a body nobody wants */
	LENGTH_MAX = 1 << 30
};

/* Only what is listed is passed on: no HTTP_PROXY, nothing unforeseen. */
static const struct {
	const char *name, *field;
} known[] = {
	{ "CONTENT_LENGTH", "Content-Length" },
	{ "CONTENT_TYPE", "Content-Type" },
	{ "HTTP_AUTHORIZATION", "Authorization" },
	{ "HTTP_HOST", "Host" },
	{ "HTTP_X_TWILIO_SIGNATURE", "X-Twilio-Signature" }
};

/* The variable, or "". */
static const char *
value(const char *name)
{
	const char *v = conf(name);

	return v != NULL ? v : "";
}

static int
refuse(struct http *h, int status, const char *reason)
{
	h->status = status;
	h->reason = reason;
	return -1;
}

/*
 * Writes the head as it was before the server took it apart, so that there is
 * one reader of requests and not two.
 */
static int
add_head(struct http *h)
{
	static const char *const start[] = {
		"REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "PATH_INFO",
		"QUERY_STRING"
	};
	const char *query = value("QUERY_STRING"), *v;
	size_t i;
	int r;

	/* a value that ends its line could bring one of its own */
	for (i = 0; i < sizeof(start) / sizeof(start[0]); i++)
		if (strpbrk(value(start[i]), "\r\n") != NULL)
			return refuse(h, 400, "control");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strpbrk(value(known[i].name), "\r\n") != NULL)
			return refuse(h, 400, "control");
	r = buf_addf(&h->in, "%s ", value("REQUEST_METHOD"));
	if ((v = conf("REQUEST_URI")) != NULL)
		r |= buf_addstr(&h->in, v);
	else
		r |= buf_addf(&h->in, "%s%s%s%s", value("SCRIPT_NAME"),
			value("PATH_INFO"), *query != '\0' ? "?" : "", query);
	r |= buf_addstr(&h->in, " HTTP/1.0\r\n");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((v = conf(known[i].name)) != NULL)
			r |= buf_addf(&h->in, "%s: %s\r\n", known[i].field, v);
	r |= buf_addstr(&h->in, "\r\n");
	return r == 0 ? 0 : refuse(h, 431, "head_long");
}

/* An end of file is promised to nobody (RFC 3875, 4.2). */
static void
drop_body(void)
{
	char dropped[16384];
	long long left, until = when_mono_ms() + DROP_MS, ms;
	struct pollfd p = { 0, POLLIN, 0 };
	ssize_t n;

	if (num_parse(value("CONTENT_LENGTH"), 0, LENGTH_MAX, &left) != 0)
		left = *value("CONTENT_LENGTH") != '\0' ? DROP_MAX : 0;
	if (left > DROP_MAX)
		left = DROP_MAX;
	while (left > 0 && (ms = until - when_mono_ms()) > 0) {
		if (poll(&p, 1, (int)ms) <= 0)
			continue;
		n = read(0, dropped, left < (long long)sizeof(dropped) ?
			(size_t)left : sizeof(dropped));
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
		left -= n > 0 ? n : 0;
	}
}

int
cgi_receive(struct http *h, long long deadline)
{
	int got = -1;

	h->exact = 1;
	if (add_head(h) == 0)
		got = http_receive(h, 0, 1, deadline);
	/* what was half read is half lost already */
	if (got < 0 && h->status != 408 && h->status != 0)
		drop_body();
	return got;
}

void
cgi_answer(struct buf *out, int status, const char *lines, const char *type,
	const char *body, size_t len, int head_only)
{
	int r = buf_addf(out, "Status: %d %s\r\n%s", status,
		http_phrase(status), lines);

	if (type != NULL)
		r |= buf_addf(out, "Content-Type: %s\r\n", type);
	r |= buf_addf(out, "Content-Length: %zu\r\n\r\n", len);
	if (!head_only)
		r |= buf_add(out, body, len);
	if (r != 0)
		die(BUG, "an answer larger than its buffer");
}

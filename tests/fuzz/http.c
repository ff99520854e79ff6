/*
 * http: any bytes as a connection's input.  However they arrive, the same
 * requests come out and the same end; a request that was taken, written
 * again in its plainest form, is the same request.
 *
 * In an input that begins with a byte 31, each further one stands for 4,099
 * letters: so that a small input reaches the limits.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

const char progname[] = "http";

enum {
	BODY_LIMIT = 5000,       /* so that it is passed, too */
	LONG = 31, LONGER = 4099, LONG_TIMES = 10,
	SLOW = 4096,             /* more bytes than these go in larger pieces */
	TEXT_MAX = 1 << 20
};

/* One request as text, from which it can be told from any other. */
static void
tell(struct buf *to, const struct http_request *r)
{
	size_t i;

	assert(r->method[0] != '\0' && (r->minor == 0 || r->minor == 1));
	assert(r->path[0] == '/' || strcmp(r->path, "*") == 0);
	assert(strcspn(r->path, " \r\n?#") == strlen(r->path));
	assert(r->n <= HTTP_FIELDS_MAX && r->body_len <= BODY_LIMIT);
	assert(r->body[r->body_len] == '\0');
	assert(r->minor == 0 || http_field(r, "host") != NULL);
	buf_addf(to, "%s %s%s%s HTTP/1.%d%s\n", r->method, r->path,
		r->query != NULL ? "?" : "", r->query != NULL ? r->query : "",
		r->minor, r->keep_alive ? " and on" : "");
	for (i = 0; i < r->n; i++) {
		assert(strpbrk(r->field[i].name, " \t:\r\n") == NULL);
		assert(strpbrk(r->field[i].value, "\r\n") == NULL);
		if (strcasecmp(r->field[i].name, "Content-Length") != 0 &&
		    strcasecmp(r->field[i].name, "Transfer-Encoding") != 0 &&
		    strcasecmp(r->field[i].name, "Expect") != 0)
			buf_addf(to, "%s: %s\n", r->field[i].name,
				r->field[i].value);
	}
	buf_addf(to, "%zu ", r->body_len);
	buf_add(to, r->body, r->body_len);
	assert(buf_addc(to, '\n') == 0);
}

/* The same request with a length instead of chunks, and without Expect. */
static void
write_again(struct buf *to, const struct http_request *r)
{
	size_t i;

	buf_reset(to);
	buf_addf(to, "%s %s%s%s HTTP/1.%d\r\n", r->method, r->path,
		r->query != NULL ? "?" : "", r->query != NULL ? r->query : "",
		r->minor);
	for (i = 0; i < r->n; i++)
		if (strcasecmp(r->field[i].name, "Content-Length") != 0 &&
		    strcasecmp(r->field[i].name, "Transfer-Encoding") != 0 &&
		    strcasecmp(r->field[i].name, "Expect") != 0)
			buf_addf(to, "%s:%s\r\n", r->field[i].name,
				r->field[i].value);
	if (r->body_len > 0)
		buf_addf(to, "Content-Length: %zu\r\n", r->body_len);
	buf_addstr(to, "\r\n");
	assert(buf_add(to, r->body, r->body_len) == 0);
}

/*
 * Feeds a parser n bytes at a time until it refuses or the connection would
 * end, and tells what came out; last, unless NULL, gets the last request,
 * which was told from at[0] to at[1].  The parser has room for these bytes
 * and not one more, so that a sanitizer sees each step too far.
 */
static void
feed(struct buf *told, struct buf *last, size_t at[2], const char *s,
	size_t len, size_t n)
{
	struct http h;
	struct buf in = BUF_INIT(len);
	enum http_state state = HTTP_MORE;
	int continued = 0;

	memset(&h, 0, sizeof(h));
	in.cap = len + 1;
	in.s = need(in.cap);
	in.s[0] = '\0';
	h.in = in;
	h.max_body = h.max_json = BODY_LIMIT;
	buf_reset(told);
	while (len > 0) {
		n = n < len ? n : len;
		assert(buf_add(&h.in, s, n) == 0);
		s += n;
		len -= n;
		while ((state = http_parse(&h)) == HTTP_READY ||
		    state == HTTP_CONTINUE) {
			if (state == HTTP_CONTINUE) {
				assert(!continued);
				continued = 1;
				continue;
			}
			assert(http_parse(&h) == HTTP_READY);
			if (last != NULL) {
				write_again(last, &h.req);
				at[0] = told->len;
			}
			tell(told, &h.req);
			if (last != NULL)
				at[1] = told->len;
			if (!h.req.keep_alive)
				goto out;
			http_next(&h);
			continued = 0;
		}
		if (state == HTTP_BAD) {
			assert(h.status >= 400 && h.status <= 505);
			assert(http_phrase(h.status)[0] != '\0');
			buf_addf(told, "%d %s\n", h.status, h.reason);
			assert(http_parse(&h) == HTTP_BAD);
			goto out;
		}
	}
	buf_addstr(told, "and no more\n");
out:
	http_release(&h);
}

static void
same(const struct buf *a, const struct buf *b)
{
	assert(a->len == b->len && memcmp(a->s, b->s, a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf text = BUF_INIT(TEXT_MAX), whole = BUF_INIT(TEXT_MAX),
		pieces = BUF_INIT(TEXT_MAX), last = BUF_INIT(TEXT_MAX);
	static char longer[LONGER];
	const uint8_t *next;
	size_t i, times = 0, plain, at[2] = { 0, 0 }, len;

	memset(longer, 'x', sizeof(longer));
	buf_reset(&text);
	buf_reset(&last);
	for (i = size > 0 && data[0] == LONG; i < size; i += plain) {
		if (data[0] == LONG && data[i] == LONG &&
		    times++ < LONG_TIMES) {
			buf_add(&text, longer, sizeof(longer));
			plain = 1;
			continue;
		}
		next = memchr(data + i + 1, LONG, size - i - 1);
		plain = next != NULL ? (size_t)(next - data) - i : size - i;
		buf_add(&text, data + i, plain);
	}
	feed(&whole, &last, at, text.s, text.len, text.len);
	feed(&pieces, NULL, NULL, text.s, text.len, text.len > SLOW ? 1021 : 1);
	same(&whole, &pieces);
	feed(&pieces, NULL, NULL, text.s, text.len, text.len > SLOW ? 7001 : 7);
	same(&whole, &pieces);
	if (last.len == 0)
		return 0;
	feed(&pieces, NULL, NULL, last.s, last.len, last.len);
	len = at[1] - at[0];
	assert(pieces.len >= len);
	assert(memcmp(whole.s + at[0], pieces.s, len) == 0);
	assert(pieces.s[len] == '\0' ||
		strcmp(pieces.s + len, "and no more\n") == 0);
	return 0;
}

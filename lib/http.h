/*
 * http: HTTP/1.1 messages as RFC 9112 has them, strictly: a request that two
 * readers could understand differently is refused, never repaired.
 *
 * The caller puts bytes into h->in and calls http_parse until it says
 * HTTP_READY or HTTP_BAD; http_receive does both on a descriptor, under a
 * deadline.  A request lives in h until http_next.
 *
 * No extension is understood: chunk extensions are refused, trailers are
 * checked and dropped, no transfer coding but chunked.  The target may hold
 * bytes above 127, since Twilio signs and sends a URL as it was configured.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>

#include "buf.h"

enum {
	HTTP_LINE_MAX = 8192,     /* bytes of the request line: else 414 */
	HTTP_HEAD_MAX = 32768,    /* bytes of all header fields: else 431 */
	HTTP_FIELDS_MAX = 100,    /* header fields: else 431 */
	HTTP_BODY_MAX = 65536,    /* bytes of a body, decoded: else 413 */
	HTTP_JSON_MAX = 262144,   /* of one that is JSON: nobody tells how many
	                             events Twilio puts into one, and what is
	                             refused for four hours is lost */
	/*
	 * What h->in may hold: a request behind others that were dropped and
	 * not yet moved away, which are less than half of it.
	 */
	HTTP_IN_MAX = 2 * (HTTP_LINE_MAX + HTTP_HEAD_MAX + HTTP_JSON_MAX) +
		HTTP_BODY_MAX,
	/* patience in ms, from the beginning of a request: */
	HTTP_HEAD_MS = 10000,     /* the head must be there by then, */
	HTTP_REQUEST_MS = 20000,  /* and the body: else 408 */
	HTTP_ANSWER_MS = 5000     /* how long an answer waits for its client */
};

struct http_field {
	char *name, *value;  /* value without the blanks around it */
};

struct http_request {
	char *method;        /* as sent: methods are case-sensitive */
	char *path;          /* of the target, as sent; "*" for OPTIONS * */
	char *query;         /* behind the first "?", as sent; NULL without */
	int minor;           /* of HTTP/1.minor: 0 or 1 */
	struct http_field field[HTTP_FIELDS_MAX];
	size_t n;
	char *body;          /* decoded if it was chunked; writable, with NUL */
	size_t body_len;
	int keep_alive;      /* the client allows another request */
};

enum http_state {
	HTTP_MORE,           /* not whole yet */
	HTTP_CONTINUE,       /* as MORE, and the client waits for a 100; once */
	HTTP_READY,          /* h->req is whole */
	HTTP_BAD             /* h->status and h->reason say why; then close */
};

struct http {
	struct buf in;       /* bytes received; allocated once, never moves */
	size_t max_body, max_json;  /* as above unless the owner lowers them */
	long long head_by;   /* when_mono_ms() for http_receive: the head must
	                        be whole then; 0: no sooner than the rest */
	int exact;           /* http_receive reads no byte behind the body */
	struct http_request req;
	int status;          /* of HTTP_BAD: 400, 413, 414, 417, 431, 501, 505 */
	const char *reason;  /* of HTTP_BAD: one word, such as "bare_cr" */
	/* where the parser is: its own affair */
	size_t start, pos, seen, body_at, left, max;
	int phase, has_host, has_length, chunked, expects;
};

void http_init(struct http *h);
void http_release(struct http *h);

enum http_state http_parse(struct http *h);

/* Drops the request that was ready, for the next one on the connection. */
void http_next(struct http *h);

/* Forgets all that was received, for another connection. */
void http_reset(struct http *h);

/*
 * True if no request has begun: nothing is there but the empty line that some
 * clients send behind a body (RFC 9112, 2.2).
 */
int http_is_idle(const struct http *h);

/* True until the head is whole. */
int http_in_head(const struct http *h);

/* The value of the field of that name (in any case), or NULL. */
const char *http_field(const struct http_request *r, const char *name);

/* True if its Content-Type is JSON or based on it (RFC 6839). */
int http_is_json(const struct http_request *r);

/*
 * Reads from fd until a request is ready, sending the 100 itself.  deadline:
 * in when_mono_ms() terms.  Returns 1 when ready, 0 when the client closed
 * while http_is_idle, -1 with h->status and h->reason otherwise: those of
 * HTTP_BAD, 408 "timeout", 400 "half_request" (closed in the middle), or 0
 * "read_error".
 */
int http_receive(struct http *h, int in, int out, long long deadline);

/*
 * Appends an answer to out: status line, Date, the given header lines (each
 * with its CRLF, or ""), Content-Type unless type is NULL, Content-Length,
 * Connection, and the body unless head_only.
 */
void http_answer(struct buf *out, int status, const char *lines,
	const char *type, const char *body, size_t len, int head_only,
	int keep_alive);

const char *http_phrase(int status);  /* "Not Found" */

/* Writes all of data before the deadline.  Returns 0, or -1. */
int http_send(int fd, const char *data, size_t len, long long deadline);

/*
 * Closes fd so that the client can still read the answer (RFC 9112, 9.6):
 * ends our side, then reads what it still sends, for 1 s and 1 MiB at most.
 */
void http_linger(int fd);

#endif

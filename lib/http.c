#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "http.h"
#include "num.h"
#include "when.h"

enum {
	READ_MAX = 16384,        /* bytes of one read */
	LENGTH_DIGITS = 16,      /* of a Content-Length */
	CHUNK_DIGITS = 8,        /* of a chunk size, with leading zeros */
	LINGER_MS = 1000,
	LINGER_MAX = 1048576
};

/* What http_parse looks for next, at h->pos. */
enum phase {
	REQUEST_LINE, FIELD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER,
	WHOLE, REFUSED_IT
};

#define DIGITS "0123456789"
#define ALNUM "abcdefghijklmnopqrstuvwxyz" "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

static int
refuse(struct http *h, int status, const char *reason)
{
	h->status = status;
	h->reason = reason;
	h->phase = REFUSED_IT;
	return -1;
}

static int
is_token(const char *s)
{
	return *s != '\0' && s[strspn(s, ALNUM "!#$%&'*+-.^_`|~")] == '\0';
}

/* uri-host [ ":" port ] (RFC 3986, 3.2); the host may not be empty. */
static int
is_authority(const char *s, size_t len)
{
	size_t n, digits;

	if (*s == '[') {
		n = 1 + strspn(s + 1, DIGITS "abcdefABCDEF:.");
		if (n == 1 || s[n++] != ']')
			return 0;
	} else {
		n = strspn(s, ALNUM "-._~%!$&'()*+,;=");
	}
	if (n > 0 && s[n] == ':') {
		digits = strspn(s + n + 1, DIGITS);
		if (digits > 5)
			return 0;
		n += 1 + digits;
	}
	return n > 0 && n == len;
}

/*
 * The line at h->pos, NUL-terminated, with h->pos moved behind it.  Returns
 * 1, 0 if it is not whole, or -1; one that passes limit is refused with
 * status and reason.  Every byte is looked at once, however they arrive.
 */
static int
next_line(struct http *h, char **line, size_t limit, int status,
	const char *reason)
{
	char *s = h->in.s;
	unsigned char c;

	for (; h->seen < h->in.len; h->seen++) {
		c = (unsigned char)s[h->seen];
		if (c == '\r') {
			if (h->seen + 1 == h->in.len)
				return 0;
			if (s[h->seen + 1] != '\n')
				return refuse(h, 400, "bare_cr");
			s[h->seen] = '\0';
			*line = s + h->pos;
			h->pos = h->seen += 2;
			return 1;
		}
		if (c == '\n')
			return refuse(h, 400, "bare_lf");
		if ((c < ' ' && c != '\t') || c == 127)
			return refuse(h, 400, "control");
		if (h->seen - h->pos >= limit)
			return refuse(h, status, reason);
	}
	return 0;
}

/* Splits the target into r->path and r->query. */
static int
take_target(struct http *h, char *target)
{
	struct http_request *r = &h->req;
	const unsigned char *c;
	size_t len;

	for (c = (unsigned char *)target; *c != '\0'; c++)
		if (*c <= ' ' || strchr("\"#<>\\^`{|}", *c) != NULL)
			return refuse(h, 400, "bad_target");
	r->path = target;
	if (strncasecmp(target, "http://", 7) == 0 ||
	    strncasecmp(target, "https://", 8) == 0) {
		r->path = strstr(target, "//") + 2;
		len = strcspn(r->path, "/?");
		if (!is_authority(r->path, len))
			return refuse(h, 400, "bad_target");
		r->path += len;
		if (*r->path != '/')  /* the host is checked and not needed */
			*--r->path = '/';
	} else if (strcmp(target, "*") == 0) {
		if (strcmp(r->method, "OPTIONS") != 0)
			return refuse(h, 400, "bad_target");
	} else if (*target != '/') {
		return refuse(h, 400, "bad_target");
	}
	if ((r->query = strchr(r->path, '?')) != NULL)
		*r->query++ = '\0';
	return 0;
}

static int
take_request_line(struct http *h, char *line)
{
	struct http_request *r = &h->req;
	char *target, *version;

	r->method = line;
	if ((target = strchr(line, ' ')) == NULL)
		return refuse(h, 400, "bad_request_line");
	*target++ = '\0';
	if ((version = strchr(target, ' ')) == NULL)
		return refuse(h, 400, "bad_request_line");
	*version++ = '\0';
	if (!is_token(r->method))
		return refuse(h, 400, "bad_method");
	if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) != 0 ||
	    strspn(version + 5, DIGITS) != 1 || version[6] != '.' ||
	    strspn(version + 7, DIGITS) != 1)
		return refuse(h, 400, "bad_request_line");
	if (version[5] != '1' || version[7] > '1')
		return refuse(h, 505, "bad_version");
	if (strcmp(r->method, "CONNECT") == 0 ||
	    strcmp(r->method, "TRACE") == 0)
		return refuse(h, 501, "not_implemented");
	r->minor = version[7] - '0';
	r->keep_alive = r->minor == 1;
	return take_target(h, target);
}

/* Splits a field line; name and value point into it. */
static int
split_field(struct http *h, char *line, struct http_field *f)
{
	char *end;

	if (*line == ' ' || *line == '\t')
		return refuse(h, 400, "obs_fold");
	if ((end = strchr(line, ':')) == NULL)
		return refuse(h, 400, "bad_field");
	*end++ = '\0';
	if (!is_token(line))
		return refuse(h, 400, "bad_field");
	f->name = line;
	f->value = end + strspn(end, " \t");
	end = f->value + strlen(f->value);
	while (end > f->value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return 0;
}

/* True if the comma-separated list has that token, in any case. */
static int
has_token(const char *list, const char *token)
{
	size_t n = strlen(token), len;

	for (; *list != '\0'; list += strspn(list, ", \t")) {
		len = strcspn(list, ", \t");
		if (len == n && strncasecmp(list, token, n) == 0)
			return 1;
		list += len;
	}
	return 0;
}

static int
take_length(struct http *h, const char *value)
{
	long long n;

	if (h->has_length)
		return refuse(h, 400, "two_lengths");
	h->has_length = 1;
	if (*value == '-' || strlen(value) > LENGTH_DIGITS ||
	    num_parse(value, 0, 9999999999999999LL, &n) != 0)
		return refuse(h, 400, "bad_length");
	h->left = (size_t)n;
	return 0;
}

static int
take_field(struct http *h, char *line)
{
	struct http_request *r = &h->req;
	struct http_field f;

	if (split_field(h, line, &f) != 0)
		return -1;
	if (r->n == HTTP_FIELDS_MAX)
		return refuse(h, 431, "fields_many");
	if (strcasecmp(f.name, "Host") == 0) {
		if (h->has_host)
			return refuse(h, 400, "two_hosts");
		h->has_host = 1;
		if (!is_authority(f.value, strlen(f.value)))
			return refuse(h, 400, "bad_host");
	} else if (strcasecmp(f.name, "Content-Length") == 0) {
		if (take_length(h, f.value) != 0)
			return -1;
	} else if (strcasecmp(f.name, "Transfer-Encoding") == 0) {
		if (h->chunked || r->minor == 0 ||
		    strcasecmp(f.value, "chunked") != 0)
			return refuse(h, 400, "bad_transfer");
		h->chunked = 1;
	} else if (strcasecmp(f.name, "Content-Type") == 0) {
		if (http_field(r, f.name) != NULL)
			return refuse(h, 400, "two_types");
	} else if (strcasecmp(f.name, "Expect") == 0 && r->minor == 1) {
		if (strcasecmp(f.value, "100-continue") != 0)
			return refuse(h, 417, "bad_expect");
		h->expects = 1;
	} else if (strcasecmp(f.name, "Connection") == 0) {
		if (has_token(f.value, "close"))
			r->keep_alive = 0;
	}
	r->field[r->n++] = f;
	return 0;
}

/* The empty line after the fields: what follows? */
static int
end_head(struct http *h)
{
	if (h->req.minor == 1 && !h->has_host)
		return refuse(h, 400, "no_host");
	if (h->has_length && h->chunked)
		return refuse(h, 400, "length_and_chunked");
	h->max = http_is_json(&h->req) ? h->max_json : h->max_body;
	if (h->left > h->max)
		return refuse(h, 413, "body_long");
	h->body_at = h->pos;
	h->phase = h->chunked ? CHUNK_SIZE : BODY;
	return 0;
}

/* The size of the next chunk in h->left; 0 begins the trailers. */
static int
take_chunk_size(struct http *h, const char *line)
{
	size_t digits = strspn(line, DIGITS "abcdefABCDEF");
	size_t n = 0, i;

	if (digits > 0 && line[digits] == ';')
		return refuse(h, 400, "chunk_extension");
	if (digits == 0 || digits > CHUNK_DIGITS || line[digits] != '\0')
		return refuse(h, 400, "bad_chunk");
	for (i = 0; i < digits; i++)
		n = n * 16 + (size_t)(line[i] <= '9' ? line[i] - '0' :
			(line[i] | ' ') - 'a' + 10);
	if (n > h->max - h->req.body_len)
		return refuse(h, 413, "body_long");
	h->left = n > 0 ? n : HTTP_HEAD_MAX;  /* of data, or of trailers */
	h->phase = n > 0 ? CHUNK_DATA : TRAILER;
	return 0;
}

/* Trailers are dropped, but none may look like framing or routing. */
static int
take_trailer(struct http *h, char *line)
{
	static const char *const never[] = {
		"Authorization", "Connection", "Content-Encoding",
		"Content-Length", "Content-Range", "Content-Type", "Expect",
		"Host", "TE", "Trailer", "Transfer-Encoding", "Upgrade"
	};
	struct http_field f;
	size_t len = strlen(line) + 2, i;

	if (split_field(h, line, &f) != 0)
		return -1;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strcasecmp(f.name, never[i]) == 0)
			return refuse(h, 400, "bad_trailer");
	h->left -= len < h->left ? len : h->left;
	return 0;
}

/* Moves what has arrived of a chunk to the end of the body. */
static void
take_chunk_data(struct http *h)
{
	struct http_request *r = &h->req;
	size_t n = h->in.len - h->pos;

	if (n > h->left)
		n = h->left;
	memmove(h->in.s + h->body_at + r->body_len, h->in.s + h->pos, n);
	r->body_len += n;
	h->pos += n;
	h->left -= n;
}

/* Removes the framing that was read from between body and unread bytes. */
static void
close_gap(struct http *h)
{
	size_t end = h->body_at + h->req.body_len, gap = h->pos - end;

	memmove(h->in.s + end, h->in.s + h->pos, h->in.len - h->pos);
	h->in.len -= gap;
	h->in.s[h->in.len] = '\0';
	h->pos -= gap;
	h->seen -= gap;
}

/* The request is whole: the body gets its place and its NUL. */
static int
end_request(struct http *h)
{
	struct http_request *r = &h->req;
	char *body = h->in.s + h->body_at;

	/*
	 * The byte behind a body may be the first of another request.  The
	 * one before it is the newline of the head and free.
	 */
	if (!h->chunked && h->pos < h->in.len)
		body = memmove(body - 1, body, r->body_len);
	body[r->body_len] = '\0';
	r->body = body;
	h->phase = WHOLE;
	return 0;
}

/* One step.  Returns 0 to go on, 1 when bytes are missing, -1 refused. */
static int
step(struct http *h)
{
	char *line;
	size_t used = h->pos - h->body_at;
	int got;

	switch (h->phase) {
	case REQUEST_LINE:
		got = next_line(h, &line, HTTP_LINE_MAX, 414, "line_long");
		if (got <= 0)
			return got == 0 ? 1 : -1;
		if (*line == '\0' && line == h->in.s + h->start)
			return 0;  /* one empty line (RFC 9112, 2.2) */
		h->phase = FIELD;
		h->body_at = h->pos;  /* for now: where the fields begin */
		return take_request_line(h, line);
	case FIELD:
		got = next_line(h, &line, used < HTTP_HEAD_MAX ?
			HTTP_HEAD_MAX - used : 0, 431, "head_long");
		if (got <= 0)
			return got == 0 ? 1 : -1;
		return *line == '\0' ? end_head(h) : take_field(h, line);
	case BODY:
		if (h->in.len - h->pos < h->left)
			return 1;
		h->req.body_len = h->left;
		h->pos += h->left;
		return end_request(h);
	case CHUNK_SIZE:
		h->seen = h->seen > h->pos ? h->seen : h->pos;
		got = next_line(h, &line, 2 * CHUNK_DIGITS, 400, "bad_chunk");
		if (got <= 0)
			return got == 0 ? 1 : -1;
		return take_chunk_size(h, line);
	case CHUNK_DATA:
		take_chunk_data(h);
		if (h->left > 0)
			return 1;
		h->phase = CHUNK_END;
		return 0;
	case CHUNK_END:
		if (h->in.len - h->pos > 0 && h->in.s[h->pos] != '\r')
			return refuse(h, 400, "bad_chunk");
		if (h->in.len - h->pos < 2)
			return 1;
		if (h->in.s[h->pos + 1] != '\n')
			return refuse(h, 400, "bad_chunk");
		h->pos += 2;
		h->phase = CHUNK_SIZE;
		return 0;
	case TRAILER:
		got = next_line(h, &line, h->left, 431, "head_long");
		if (got <= 0)
			return got == 0 ? 1 : -1;
		return *line == '\0' ? end_request(h) : take_trailer(h, line);
	}
	return -1;
}

void
http_init(struct http *h)
{
	struct buf in = BUF_INIT(HTTP_IN_MAX);

	memset(h, 0, sizeof(*h));
	h->in = in;
	h->max_body = HTTP_BODY_MAX;
	h->max_json = HTTP_JSON_MAX;
	if (buf_reserve(&h->in, HTTP_IN_MAX) != 0)
		die(BUG, "no room for a request");
	buf_reset(&h->in);
}

void
http_release(struct http *h)
{
	buf_release(&h->in);
}

enum http_state
http_parse(struct http *h)
{
	int got = 0;

	while (got == 0 && h->phase != WHOLE && h->phase != REFUSED_IT)
		got = step(h);
	if (h->phase == WHOLE)
		return HTTP_READY;
	if (h->phase == REFUSED_IT)
		return HTTP_BAD;
	if (h->phase >= CHUNK_SIZE)
		close_gap(h);
	if (h->phase >= BODY && h->expects && h->pos == h->in.len &&
	    h->body_at == h->pos) {
		h->expects = 0;
		return HTTP_CONTINUE;
	}
	return HTTP_MORE;
}

/*
 * What was read is moved away only when it is the larger half: so many small
 * requests in one buffer cost no more than their bytes.
 */
void
http_next(struct http *h)
{
	h->start = h->pos;
	if (h->start >= h->in.len - h->start) {
		buf_drop(&h->in, h->start);
		h->start = 0;
	}
	h->pos = h->seen = h->start;
	h->body_at = h->left = 0;
	h->phase = REQUEST_LINE;
	h->has_host = h->has_length = h->chunked = h->expects = 0;
	h->req.n = h->req.body_len = 0;
	h->req.body = h->req.query = NULL;
}

void
http_reset(struct http *h)
{
	buf_reset(&h->in);
	h->pos = 0;
	http_next(h);
}

int
http_is_idle(const struct http *h)
{
	/* step() has passed that line */
	return h->phase == REQUEST_LINE && h->pos == h->in.len;
}

int
http_in_head(const struct http *h)
{
	return h->phase <= FIELD;
}

const char *
http_field(const struct http_request *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (strcasecmp(r->field[i].name, name) == 0)
			return r->field[i].value;
	return NULL;
}

int
http_is_json(const struct http_request *r)
{
	static const char tree[] = "application/", json[] = "json";
	const char *type = http_field(r, "Content-Type");
	size_t len, n = sizeof(tree) - 1, tail = sizeof(json) - 1;

	if (type == NULL || strncasecmp(type, tree, n) != 0)
		return 0;
	len = strcspn(type, "; \t");
	return len >= n + tail &&
		strncasecmp(type + len - tail, json, tail) == 0 &&
		(len == n + tail || type[len - tail - 1] == '+');
}

/* Waits until fd is ready.  Returns 1, or 0 when the deadline came first. */
static int
wait_for(int fd, short events, long long deadline)
{
	struct pollfd p = { fd, events, 0 };
	long long ms;
	int n;

	do {
		if ((ms = deadline - when_mono_ms()) < 0)
			ms = 0;
		n = poll(&p, 1, ms > 60000 ? 60000 : (int)ms);
	} while ((n < 0 && errno == EINTR) || (n == 0 && ms > 60000));
	return n != 0;  /* trouble shows in the read or write that follows */
}

int
http_receive(struct http *h, int in, int out, long long deadline)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	enum http_state state;
	long long by;
	size_t room;
	ssize_t n;

	while ((state = http_parse(h)) != HTTP_READY) {
		if (state == HTTP_BAD)
			return -1;
		if (state == HTTP_CONTINUE &&
		    http_send(out, go_on, sizeof(go_on) - 1, deadline) != 0)
			return refuse(h, 0, "read_error");
		by = http_in_head(h) && h->head_by != 0 &&
			h->head_by < deadline ? h->head_by : deadline;
		if (!wait_for(in, POLLIN, by))
			return refuse(h, 408, "timeout");
		room = h->in.max - h->in.len;
		if (h->exact && h->phase == BODY)
			room = h->left - (h->in.len - h->pos);
		n = read(in, h->in.s + h->in.len,
			room < READ_MAX ? room : READ_MAX);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(h, 0, "read_error");
		if (n == 0) {
			if (http_is_idle(h))
				return 0;
			return refuse(h, 400, "half_request");
		}
		h->in.len += (size_t)n;
		h->in.s[h->in.len] = '\0';
	}
	return 1;
}

const char *
http_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} known[] = {
		{ 200, "OK" }, { 201, "Created" }, { 204, "No Content" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 409, "Conflict" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" }
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].phrase;
	return "";
}

void
http_answer(struct buf *out, int status, const char *lines,
	const char *type, const char *body, size_t len, int head_only,
	int keep_alive)
{
	char date[WHEN_HTTP_SIZE];
	int r = 0;

	r |= buf_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", status,
		http_phrase(status), when_format_http(date, when_now()),
		lines);
	if (type != NULL)
		r |= buf_addf(out, "Content-Type: %s\r\n", type);
	if (status != 204)
		r |= buf_addf(out, "Content-Length: %zu\r\n", len);
	r |= buf_addf(out, "Connection: %s\r\n\r\n",
		keep_alive ? "keep-alive" : "close");
	if (!head_only && status != 204)
		r |= buf_add(out, body, len);
	if (r != 0)
		die(BUG, "an answer larger than its buffer");
}

/* The descriptor does not block meanwhile, or the deadline would not hold. */
int
http_send(int fd, const char *data, size_t len, long long deadline)
{
	int flags = fcntl(fd, F_GETFL), failed = 0, saved;
	ssize_t n;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	while (len > 0 && !failed) {
		n = write(fd, data, len);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for(fd, POLLOUT, deadline)) {
				errno = ETIMEDOUT;
				failed = 1;
			}
		} else if (errno != EINTR) {
			failed = 1;
		}
	}
	saved = errno;
	fcntl(fd, F_SETFL, flags);
	errno = saved;
	return failed ? -1 : 0;
}

void
http_linger(int fd)
{
	char dropped[READ_MAX];
	long long deadline = when_mono_ms() + LINGER_MS;
	size_t total = 0;
	ssize_t n;

	if (shutdown(fd, SHUT_WR) == 0)
		while (total < LINGER_MAX && wait_for(fd, POLLIN, deadline) &&
		    (n = read(fd, dropped, sizeof(dropped))) > 0)
			total += (size_t)n;
	close(fd);
}

/*
 * http: every request of tests/fixtures/requests.tsv (named on the command
 * line), whole, byte by byte and cut in two at every place, which must make
 * no difference; then bodies, pipelining, limits, answers and connections.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http.h"
#include "when.h"

const char progname[] = "http";

static int failures;

static void
check(int good, const char *what)
{
	if (!good) {
		printf("http: %s\n", what);
		failures++;
	}
}

/* Undoes \r \n \t \\ and \0ooo in place; returns the length. */
static size_t
unescape(char *s)
{
	char *to = s, *from = s, *end;

	for (; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		switch (*++from) {
		case 'r': *to++ = '\r'; break;
		case 'n': *to++ = '\n'; break;
		case 't': *to++ = '\t'; break;
		case '0': {
			char octal[4] = { from[1], from[2], from[3], '\0' };

			*to++ = (char)strtol(octal, &end, 8);
			from += 3;
			break;
		}
		default: *to++ = *from;
		}
	}
	return (size_t)(to - s);
}

/* Feeds s in pieces: first bytes, then n at a time. */
static enum http_state
feed(struct http *h, const char *s, size_t len, size_t first, size_t n)
{
	enum http_state state = HTTP_MORE;
	size_t piece;

	for (piece = first; len > 0; s += piece, len -= piece, piece = n) {
		if (piece == 0)
			continue;
		if (piece > len)
			piece = len;
		if (buf_add(&h->in, s, piece) != 0) {
			check(0, "no room");
			return HTTP_BAD;
		}
		state = http_parse(h);
		if (state == HTTP_CONTINUE)
			state = http_parse(h);
		if (state != HTTP_MORE)
			break;
	}
	return state;
}

static void
one(const char *s, size_t len, size_t first, size_t n, long status,
	const char *reason, const char *what)
{
	struct http h;
	enum http_state state;
	int good;

	http_init(&h);
	state = feed(&h, s, len, first, n);
	if (strcmp(reason, "half_request") == 0)
		good = state == HTTP_MORE;
	else if (strcmp(reason, "-") == 0 || status == 404 || status == 405)
		good = state == HTTP_READY;
	else
		good = state == HTTP_BAD && h.status == status &&
			strcmp(h.reason, reason) == 0;
	if (!good) {
		printf("http: %s: cut at %zu, then by %zu: state %d, %d %s "
			"instead of %ld %s\n", what, first, n, (int)state,
			h.status, h.reason ? h.reason : "-", status, reason);
		failures++;
	}
	http_release(&h);
}

static void
table(const char *path)
{
	FILE *fp = fopen(path, "r");
	char line[4096], *reason, *text, *what;
	size_t len, cut, n = 0;
	long status;

	if (fp == NULL) {
		check(0, "cannot open the table");
		return;
	}
	while (fgets(line, sizeof(line), fp) != NULL) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		status = strtol(line, &reason, 10);
		reason++;
		text = strchr(reason, '\t');
		*text++ = '\0';
		what = strchr(text, '\t');
		*what++ = '\0';
		len = unescape(text);
		one(text, len, len, len, status, reason, what);
		one(text, len, 1, 1, status, reason, what);
		for (cut = 1; cut < len; cut++)
			one(text, len, cut, len, status, reason, what);
		n++;
	}
	fclose(fp);
	check(n >= 150, "the table is short");
}

/* Several on one connection, n bytes at a time; each sees its own only. */
static void
pipelined(size_t n)
{
	static const char text[] = "POST /a?q=1 HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 3\r\n\r\nabcGET /b HTTP/1.0\r\n\r\n"
		"POST /c HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n"
		"0\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n";
	static const struct {
		const char *path, *query, *body;
		size_t fields;
		int keep_alive;
	} want[] = {
		{ "/a", "q=1", "abc", 2, 1 }, { "/b", NULL, "", 0, 0 },
		{ "/c", NULL, "def", 3, 0 }, { "/d", NULL, "", 1, 1 }
	};
	const struct http_request *r;
	size_t i, got = 0;
	struct http h;

	http_init(&h);
	r = &h.req;
	for (i = 0; i < sizeof(text) - 1; i += n) {
		buf_add(&h.in, text + i, i + n < sizeof(text) ? n :
			sizeof(text) - 1 - i);
		for (; http_parse(&h) == HTTP_READY && got < 4; got++) {
			check(strcmp(r->path, want[got].path) == 0 &&
				strcmp(r->body, want[got].body) == 0 &&
				r->body_len == strlen(r->body) &&
				r->n == want[got].fields &&
				r->keep_alive == want[got].keep_alive &&
				(r->query ? strcmp(r->query, "q=1") == 0 :
				want[got].query == NULL), "one of four");
			http_next(&h);
		}
	}
	check(got == 4, "four requests on a connection");
	check(http_parse(&h) == HTTP_MORE && h.in.len == 0,
		"nothing behind the last");
	http_release(&h);
}

static void
bodies(void)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\n";
	struct buf b = BUF_INIT(1000000);
	struct http h;
	size_t i;

	for (i = 1; i < 300; i++)
		pipelined(i);

	/* the largest body, in chunks of one byte with the longest framing */
	http_init(&h);
	buf_addstr(&b, head);
	buf_addstr(&b, "Transfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < HTTP_BODY_MAX; i++)
		buf_addf(&b, "00000001\r\n%c\r\n", (int)('a' + i % 26));
	buf_addstr(&b, "00000000\r\n\r\n");
	check(feed(&h, b.s, b.len, 7, 16384) == HTTP_READY &&
		h.req.body_len == HTTP_BODY_MAX, "64 KiB in chunks of 1");
	for (i = 0; i < HTTP_BODY_MAX; i++)
		if (h.req.body[i] != (char)('a' + i % 26))
			break;
	check(i == HTTP_BODY_MAX, "its bytes");
	http_release(&h);
	http_init(&h);
	check(feed(&h, b.s, b.len, 1, 1) == HTTP_READY, "byte by byte");
	http_release(&h);

	/* the client waits for a 100 and is told so once */
	http_init(&h);
	buf_addstr(&h.in, head);
	buf_addstr(&h.in, "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
	check(http_parse(&h) == HTTP_CONTINUE, "100 is due");
	check(http_parse(&h) == HTTP_MORE, "100 is due once");
	buf_addstr(&h.in, "ab");
	check(http_parse(&h) == HTTP_READY, "after 100");
	http_release(&h);
	http_init(&h);
	buf_addstr(&h.in, head);
	buf_addstr(&h.in, "Content-Length: 2\r\nExpect: 100-continue\r\n\r\na");
	check(http_parse(&h) == HTTP_MORE, "no 100 when the body comes anyway");
	http_release(&h);
	buf_release(&b);
}

/* Requests of one kind that are just within a limit and just beyond it. */
static void
limits(void)
{
	struct buf b = BUF_INIT(1000000);
	struct http h;
	int i, more;

	for (more = 0; more <= 1; more++) {
		buf_reset(&b);
		buf_addstr(&b, "GET /");
		while (b.len < (size_t)(HTTP_LINE_MAX - 9 + more))
			buf_addc(&b, 'x');
		buf_addstr(&b, " HTTP/1.1\r\nHost: x\r\n\r\n");
		one(b.s, b.len, 1, 100, more ? 414 : 200,
			more ? "line_long" : "-", "request line");

		buf_reset(&b);
		buf_addstr(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
		for (i = 0; i < HTTP_FIELDS_MAX - 1 + more; i++)
			buf_addstr(&b, "X: y\r\n");
		buf_addstr(&b, "\r\n");
		one(b.s, b.len, b.len, 1, more ? 431 : 200,
			more ? "fields_many" : "-", "fields");

		buf_reset(&b);
		buf_addstr(&b, "GET / HTTP/1.1\r\nHost: x\r\nX:");
		while (b.len < (size_t)(16 + HTTP_HEAD_MAX + more))
			buf_addc(&b, 'x');
		buf_addstr(&b, "\r\n\r\n");
		one(b.s, b.len, b.len, 1, more ? 431 : 200,
			more ? "head_long" : "-", "head");
		one(b.s, b.len, 1, 1, more ? 431 : 200,
			more ? "head_long" : "-", "head");

		buf_reset(&b);
		buf_addf(&b, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: "
			"%d\r\n\r\n", HTTP_BODY_MAX + more);
		for (i = 0; i < HTTP_BODY_MAX + more; i++)
			buf_addc(&b, '\0');
		one(b.s, b.len, b.len, 1, more ? 413 : 200,
			more ? "body_long" : "-", "body");

		buf_reset(&b);
		buf_addf(&b, "GET / HTTP/1.1\r\nHost: x\r\nContent-Type: "
			"Application/x+JSON;a=b\r\nContent-Length: %d\r\n\r\n",
			HTTP_JSON_MAX + more);
		for (i = 0; i < HTTP_JSON_MAX + more; i++)
			buf_addc(&b, '\0');
		one(b.s, b.len, b.len, 1, more ? 413 : 200,
			more ? "body_long" : "-", "body of JSON");

		buf_reset(&b);
		buf_addstr(&b, "GET / HTTP/1.1\r\nHost: x\r\n"
			"Transfer-Encoding: chunked\r\n\r\n0\r\n");
		for (i = 0; i < HTTP_HEAD_MAX / 8 + more; i++)
			buf_addstr(&b, "X: abc\r\n");
		buf_addstr(&b, more ? "Y:\r\n\r\n" : "\r\n");
		one(b.s, b.len, 1, 100, more ? 431 : 200,
			more ? "head_long" : "-", "trailers");
	}

	/* as many requests as the buffer holds: no byte is moved often */
	http_init(&h);
	buf_reset(&b);
	while (buf_addstr(&h.in, "GET / HTTP/1.0\r\n\r\n") == 0)
		;
	for (i = 0; http_parse(&h) == HTTP_READY; i++)
		http_next(&h);
	check(i == HTTP_IN_MAX / 18, "a buffer full of requests");

	/* half a buffer used up, then the largest request there is */
	http_release(&h);
	http_init(&h);
	while (h.in.len < HTTP_IN_MAX / 2 - 20)
		buf_addstr(&h.in, "GET / HTTP/1.0\r\n\r\n");
	buf_reset(&b);
	buf_addf(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
		"Content-Type: application/json\r\nX: ", HTTP_JSON_MAX);
	while (b.len < HTTP_HEAD_MAX)
		buf_addc(&b, 'x');
	buf_addstr(&b, "\r\n\r\n");
	for (i = 0; i < HTTP_JSON_MAX; i++)
		buf_addc(&b, 'b');
	check(buf_add(&h.in, b.s, b.len) == 0, "room for it");
	while (http_parse(&h) == HTTP_READY && h.req.body_len == 0)
		http_next(&h);
	check(h.req.body_len == HTTP_JSON_MAX, "the largest behind many");
	http_release(&h);
	buf_release(&b);
}

static void
answers(void)
{
	struct buf b = BUF_INIT(4096);

	http_answer(&b, 404, "X: y\r\n", "text/plain", "ab", 2, 0, 0);
	check(strncmp(b.s, "HTTP/1.1 404 Not Found\r\nDate: ", 30) == 0 &&
		strstr(b.s, " GMT\r\nX: y\r\nContent-Type: text/plain\r\n"
		"Content-Length: 2\r\nConnection: close\r\n\r\nab") != NULL,
		"an answer");
	buf_reset(&b);
	http_answer(&b, 200, "", NULL, "ab", 2, 1, 1);
	check(strstr(b.s, "GMT\r\nContent-Length: 2\r\n"
		"Connection: keep-alive\r\n\r\n") != NULL &&
		strcmp(b.s + b.len - 4, "\r\n\r\n") == 0, "an answer to HEAD");
	buf_reset(&b);
	http_answer(&b, 204, "", NULL, "", 0, 0, 0);
	check(strstr(b.s, "Content-Length") == NULL, "204 has no length");
	buf_release(&b);
}

/*
 * A client that sends a byte every 10 ms, without end: each limit holds for
 * the whole, however lively the connection is.
 */
static void
dribble(int fd, const char *head)
{
	if (write(fd, head, strlen(head)) > 0)
		while (write(fd, "X", 1) == 1)
			when_sleep_ms(10);
	_exit(0);
}

static void
slow(const char *head, long long head_ms, long long all_ms, int status,
	const char *reason)
{
	long long now = when_mono_ms();
	struct http h;
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0 || (pid = fork()) < 0) {
		check(0, "cannot start a client");
		return;
	}
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(fd[0]);
		dribble(fd[1], head);
	}
	close(fd[1]);
	http_init(&h);
	h.head_by = now + head_ms;
	check(http_receive(&h, fd[0], fd[0], now + all_ms) == -1 &&
		h.status == status && strcmp(h.reason, reason) == 0, reason);
	http_release(&h);
	close(fd[0]);
	waitpid(pid, NULL, 0);
}

/* What http_receive and http_send say when the other end does odd things. */
static void
connections(void)
{
	static char much[4 << 20];
	long long soon = when_mono_ms() + 100, late = soon + 60000;
	struct http h;
	int fd[2];

	slow("GET / HTTP/1.1\r\n", 100, 60000, 408, "timeout");
	slow("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n",
		60000, 200, 408, "timeout");

	/* a head in time, a body after the limit of the head */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		return;
	http_init(&h);
	buf_addstr(&h.in, "POST / HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 1\r\n\r\n");
	h.head_by = when_mono_ms();
	check(write(fd[1], "b", 1) == 1, "write");
	check(http_receive(&h, fd[0], fd[0], late) == 1, "a late body");
	http_next(&h);
	shutdown(fd[1], SHUT_WR);
	check(http_receive(&h, fd[0], fd[0], late) == 0, "closed");
	http_release(&h);

	/* nobody reads: the deadline holds, and the descriptor blocks again */
	check(http_send(fd[0], much, sizeof(much), soon) == -1,
		"sending to nobody");
	check(http_send(fd[0], much, 0, soon) == 0, "sending nothing");
	close(fd[1]);
	signal(SIGPIPE, SIG_IGN);
	check(http_send(fd[0], "x", 1, late) == -1, "sending to a closed end");
	http_linger(fd[0]);
}

int
main(int argc, char *argv[])
{
	table(argc > 1 ? argv[1] : "tests/fixtures/requests.tsv");
	bodies();
	limits();
	answers();
	connections();
	return failures != 0;
}

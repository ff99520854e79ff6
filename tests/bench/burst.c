/*
 * burst - post callbacks over several connections at once, at full speed
 *
 *	burst [-k] url address port connections <bodies
 *
 * Each line of standard input is the form of one callback; it is signed for
 * url with TWILIO_AUTH_TOKEN, and all of that is done before the clock starts.
 * Each connection posts, waits for the whole answer, and begins again, with -k
 * without being made anew.  One process does it for all of them, so that as
 * much as can be is left of the machine for who is measured.
 *
 * Prints one line: callbacks, callbacks a second, p50, p99 and the longest
 * time of an answer in milliseconds, from connecting on, and how many had no
 * answer or another one than 2xx.  (load.c, which the tests use, has a process
 * for each connection and does without a kept one.)
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "form.h"
#include "num.h"
#include "sign.h"

enum {
	REQUEST_MAX = 70000,
	ANSWER_MAX = 8192,
	CONNECTIONS_MAX = 1000,
	SILENCE_MS = 15000       /* Twilio waits no longer */
};

const char progname[] = "burst";

struct request {
	char *text;
	size_t len;
	double ms;
	int good;
};

struct connection {
	int fd;                  /* -1: none */
	struct request *r;       /* NULL: all are done */
	size_t sent, have;
	double start;
	char answer[ANSWER_MAX + 1];
};

struct burst {
	const struct addrinfo *to;
	struct request *r;
	size_t n, next, done;
	int kept;
};

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
write_request(struct request *r, const char *url, const char *body, int kept)
{
	struct buf b = BUF_INIT(REQUEST_MAX);
	const char *token = getenv("TWILIO_AUTH_TOKEN"), *why, *path;
	char made[SIGN_SIZE], *copy = need_str(body);
	static struct form form;

	if (token == NULL || (path = strstr(url, "://")) == NULL ||
	    form_parse(&form, copy, strlen(copy), &why) != 0)
		die(BAD_USAGE, "needs TWILIO_AUTH_TOKEN, a URL and forms");
	sign(made, token, url, &form);
	path += 3;
	path += strcspn(path, "/");
	if (buf_addf(&b, "POST %s HTTP/1.1\r\nHost: sms.example.org\r\n"
	    "User-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n"
	    "I-Twilio-Idempotency-Token: 00000000-0000-0000-0000-000000000000"
	    "\r\nX-Twilio-Signature: %s\r\n%sContent-Length: %zu\r\n\r\n%s",
	    path, made, kept ? "" : "Connection: close\r\n", strlen(body),
	    body) != 0)
		die(BAD_DATA, "a line is too long");
	free(copy);
	r->text = b.s;
	r->len = b.len;
	r->ms = SILENCE_MS;
	r->good = 0;
}

/* True when the answer is whole; *ends says that the server closes now. */
static int
is_whole(const char *answer, size_t have, int *ends)
{
	const char *end = strstr(answer, "\r\n\r\n"), *line;
	unsigned long length = 0;

	if (end == NULL)
		return 0;
	for (line = answer; line < end; line = strstr(line, "\r\n") + 2) {
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			length = strtoul(line + 15, NULL, 10);
		if (strncasecmp(line, "Connection: close", 17) == 0)
			*ends = 1;
	}
	return have >= (size_t)(end + 4 - answer) + length;
}

static void
shut(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void
finish(struct burst *l, struct connection *c, int good)
{
	c->r->ms = now_ms() - c->start;
	c->r->good = good;
	c->r = NULL;
	l->done++;
	if (!good)
		shut(c);
}

static void
open_connection(struct burst *l, struct connection *c)
{
	if ((c->fd = socket(l->to->ai_family, SOCK_STREAM, 0)) < 0 ||
	    fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
		die(NO_SYSTEM, "cannot make a socket:");
	if (connect(c->fd, l->to->ai_addr, l->to->ai_addrlen) != 0 &&
	    errno != EINPROGRESS)
		die(IO_FAILED, "cannot connect:");
}

static void
send_some(struct burst *l, struct connection *c)
{
	ssize_t n = write(c->fd, c->r->text + c->sent, c->r->len - c->sent);

	if (n > 0)
		c->sent += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		finish(l, c, 0);
}

/* Begins with the next one, if there is any. */
static void
begin(struct burst *l, struct connection *c)
{
	while (c->r == NULL && l->next < l->n) {
		c->r = &l->r[l->next++];
		c->sent = c->have = 0;
		c->start = now_ms();
		if (c->fd < 0)
			open_connection(l, c);
		send_some(l, c);
	}
	if (c->r == NULL)
		shut(c);
}

static void
read_some(struct burst *l, struct connection *c)
{
	ssize_t n = read(c->fd, c->answer + c->have, ANSWER_MAX - c->have);
	int ends = !l->kept;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		finish(l, c, 0);
		return;
	}
	c->have += (size_t)n;
	c->answer[c->have] = '\0';
	if (!is_whole(c->answer, c->have, &ends))
		return;
	finish(l, c, strncmp(c->answer, "HTTP/1.1 2", 10) == 0);
	if (ends)
		shut(c);
}

static void
run(struct burst *l, size_t connections)
{
	struct pollfd *p = need(connections * sizeof(*p));
	struct connection *c = need(connections * sizeof(*c));
	size_t i;

	for (i = 0; i < connections; i++) {
		c[i].fd = -1;
		c[i].r = NULL;
		begin(l, &c[i]);
	}
	while (l->done < l->n) {
		for (i = 0; i < connections; i++) {
			p[i].fd = c[i].fd;
			p[i].events = c[i].r != NULL &&
				c[i].sent < c[i].r->len ? POLLOUT : POLLIN;
		}
		if (poll(p, (nfds_t)connections, SILENCE_MS) <= 0)
			break;
		for (i = 0; i < connections; i++)
			if (p[i].fd >= 0 && p[i].revents != 0) {
				if (c[i].sent < c[i].r->len)
					send_some(l, &c[i]);
				else
					read_some(l, &c[i]);
				begin(l, &c[i]);
			}
	}
	for (i = 0; i < connections; i++)
		shut(&c[i]);
	free(c);
	free(p);
}

static int
by_ms(const void *a, const void *b)
{
	const struct request *x = a, *y = b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

static void
usage(void)
{
	die(BAD_USAGE, "usage: burst [-k] url address port connections "
		"<bodies");
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { 0 }, *to;
	struct burst l = { NULL, NULL, 0, 0, 0, 0 };
	char *line = NULL;
	size_t size = 0, bad = 0, i;
	long long connections;
	double start;
	int c;

	while ((c = getopt(argc, argv, "k")) != -1) {
		if (c != 'k')
			usage();
		l.kept = 1;
	}
	argv += optind;
	if (argc - optind != 4 ||
	    num_parse(argv[3], 1, CONNECTIONS_MAX, &connections) != 0)
		usage();
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		die(BAD_USAGE, "there is no '%s' '%s'", argv[1], argv[2]);
	signal(SIGPIPE, SIG_IGN);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		l.r = need_again(l.r, (l.n + 1) * sizeof(*l.r));
		write_request(&l.r[l.n++], argv[0], line, l.kept);
	}
	if (l.n == 0)
		die(BAD_DATA, "no callbacks");

	l.to = to;
	start = now_ms();
	run(&l, (size_t)connections);
	start = now_ms() - start;

	qsort(l.r, l.n, sizeof(*l.r), by_ms);
	for (i = 0; i < l.n; i++)
		bad += !l.r[i].good;
	printf("%zu %.0f %.2f %.2f %.2f %zu\n", l.n, (double)l.n * 1e3 / start,
		l.r[l.n / 2].ms, l.r[l.n * 99 / 100].ms, l.r[l.n - 1].ms, bad);
	while (l.n > 0)
		free(l.r[--l.n].text);
	free(l.r);
	free(line);
	freeaddrinfo(to);
	return finish_stdout(0);
}

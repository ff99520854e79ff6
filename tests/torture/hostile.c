/*
 * hostile - post callbacks to sms-hook, and much else at the same time
 *
 *	hostile url connections attacks <bodies
 *
 * Each line of standard input is the form of one callback; it is signed with
 * TWILIO_AUTH_TOKEN and posted once, by one of so many processes.  As many
 * others make so many attacks meanwhile.  Writes a line for each callback:
 *
 *	good STATUS MILLISECONDS FORM
 *
 * and for each attack, as evil STATUS MILLISECONDS KIND.  STATUS is that of
 * the answer, 0 without one.  What an attack would have a hook believe has the
 * parameter N=evil.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "form.h"
#include "num.h"
#include "sign.h"

enum {
	REQUEST_MAX = 200000, PATH_START = 7 /* behind "http://" */,
	SLOW_MAX = 8,        /* slow connections of one attacker */
	PATIENCE_S = 15      /* as Twilio's */
};

enum kind {
	UNSIGNED, FORGED, BORROWED, TAMPERED, OTHER_URL, REPLAYED, LARGE_BODY,
	LARGE_HEAD, LONG_LINE, HALF, BROKEN, SLOW, GARBAGE, SMUGGLED, KINDS
};

static const char *const name[KINDS] = {
	"unsigned", "forged", "borrowed", "tampered", "other_url", "replayed",
	"large_body", "large_head", "long_line", "half", "broken", "slow",
	"garbage", "smuggled"
};

const char progname[] = "hostile";

static const char *url, *path, *token;
static struct addrinfo *to;
static char **body;
static size_t n;

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
sign_body(char made[SIGN_SIZE], const char *text)
{
	char *copy = need_str(text);
	struct form form;
	const char *why;

	if (form_parse(&form, copy, strlen(copy), &why) != 0)
		die(BAD_DATA, "not a form: %s", why);
	sign(made, token, url, &form);
	free(copy);
}

/* A request; extra are more header lines, signed_as another body or NULL. */
static void
post(struct buf *b, const char *query, const char *extra,
	const char *signed_as, const char *text)
{
	char made[SIGN_SIZE];

	buf_reset(b);
	buf_addf(b, "POST %s%s HTTP/1.1\r\nHost: x\r\nContent-Type: "
		"application/x-www-form-urlencoded\r\n%s", path, query, extra);
	if (signed_as != NULL) {
		sign_body(made, signed_as);
		buf_addf(b, "X-Twilio-Signature: %s\r\n", made);
	}
	if (buf_addf(b, "Content-Length: %zu\r\n\r\n%s", strlen(text),
	    text) != 0)
		die(BUG, "a request too large");
}

static int
reach(void)
{
	struct timeval patience = { PATIENCE_S, 0 };
	int fd = socket(to->ai_family, SOCK_STREAM, 0);

	if (fd < 0)
		die(NO_SYSTEM, "no socket:");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The status of the answer, or 0. */
static int
hear(int fd)
{
	char answer[4096];
	size_t have = 0;
	ssize_t r;

	while ((r = read(fd, answer + have, sizeof(answer) - 1 - have)) > 0) {
		have += (size_t)r;
		answer[have] = '\0';
		if (strstr(answer, "\r\n\r\n") != NULL)
			break;
	}
	return have > 12 && strncmp(answer, "HTTP/1.1 ", 9) == 0 ?
		atoi(answer + 9) : 0;
}

static int
send_all(int fd, const char *s, size_t len)
{
	ssize_t r = 0;

	while (fd >= 0 && len > 0 && (r = send(fd, s, len, MSG_NOSIGNAL)) > 0) {
		s += r;
		len -= (size_t)r;
	}
	return len == 0 ? 0 : -1;
}

static void
tell(const char *who, int status, double start, const char *what)
{
	struct buf b = BUF_INIT(REQUEST_MAX);

	buf_addf(&b, "%s %d %.1f %s\n", who, status, now_ms() - start, what);
	if (write(1, b.s, b.len) != (ssize_t)b.len)
		_exit(1);
	buf_release(&b);
}

static void
do_good(size_t first, size_t step)
{
	struct buf b = BUF_INIT(REQUEST_MAX);
	double start;
	size_t i;
	int fd, status;

	for (i = first; i < n; i += step) {
		post(&b, "", "", body[i], body[i]);
		start = now_ms();
		status = 0;
		if ((fd = reach()) >= 0) {
			if (send_all(fd, b.s, b.len) == 0)
				status = hear(fd);
			close(fd);
		}
		tell("good", status, start, body[i]);
	}
	_exit(0);
}

/* What is sent for that kind of attack. */
static void
attack(struct buf *b, enum kind kind, size_t i)
{
	static char filling[100000];
	const char *good = body[i % n], *other = body[(i + 1) % n];
	char evil[256], extra[50000];
	size_t k;

	memset(filling, 'x', sizeof(filling) - 1);
	snprintf(evil, sizeof(evil), "%.*s&MessageStatus=failed&N=evil",
		(int)strcspn(good, "&"), good);
	switch (kind) {
	case UNSIGNED: post(b, "", "", NULL, evil); break;
	case FORGED:
		post(b, "", "X-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
			NULL, evil);
		break;
	case BORROWED: post(b, "", "", other, evil); break;
	case TAMPERED:
		snprintf(extra, sizeof(extra), "%s&N=evil", good);
		post(b, "", "", good, extra);
		break;
	case OTHER_URL: post(b, "?N=evil", "", good, good); break;
	case REPLAYED: post(b, "", "", good, good); break;
	case LARGE_BODY:
		filling[70000] = '\0';
		post(b, "", "", filling, filling);
		filling[70000] = 'x';
		break;
	case LARGE_HEAD:
		snprintf(extra, sizeof(extra), "X: %.40000s\r\n", filling);
		post(b, "", extra, good, good);
		break;
	case LONG_LINE:
		snprintf(extra, sizeof(extra), "?N=evil%.9000s", filling);
		post(b, extra, "", good, good);
		break;
	case HALF:
	case BROKEN:
	case SLOW:
		post(b, "", "", good, good);
		b->len -= 1 + i % (b->len - 1);
		break;
	case GARBAGE:
		buf_reset(b);
		for (k = 0; k < 500; k++)
			buf_addc(b, (char)(rand() & 255));
		break;
	case SMUGGLED:
		post(b, "", "Transfer-Encoding: chunked\r\n", good, good);
		snprintf(extra, sizeof(extra), "0\r\n\r\nPOST %s HTTP/1.1\r\n"
			"Host: x\r\nContent-Length: %zu\r\n\r\n%s", path,
			strlen(evil), evil);
		buf_addstr(b, extra);
		break;
	case KINDS: break;
	}
}

/* Bytes one by one, on some connections at once. */
static void
drip(int slow[SLOW_MAX], size_t i)
{
	size_t k;

	for (k = 0; k < SLOW_MAX; k++)
		if (slow[k] >= 0 && send_all(slow[k], &"xy"[i % 2], 1) != 0) {
			close(slow[k]);
			slow[k] = -1;
		}
}

static void
do_evil(size_t first, size_t step, size_t attacks)
{
	struct linger reset = { 1, 0 };
	struct buf b = BUF_INIT(REQUEST_MAX);
	int slow[SLOW_MAX], fd, status;
	size_t i, k = 0;
	enum kind kind;
	double start;

	memset(slow, -1, sizeof(slow));
	srand((unsigned)first + 1);
	for (i = first; i < attacks; i += step) {
		kind = (enum kind)(i / step % KINDS);
		attack(&b, kind, i);
		drip(slow, i);
		start = now_ms();
		status = 0;
		if ((fd = reach()) >= 0 && kind == SLOW) {
			if (slow[k] >= 0)
				close(slow[k]);
			send_all(fd, b.s, b.len / 2);
			slow[k] = fd;
			k = (k + 1) % SLOW_MAX;
		} else if (fd >= 0) {
			send_all(fd, b.s, b.len);
			if (kind == BROKEN)
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
					sizeof(reset));
			else
				shutdown(fd, SHUT_WR);
			if (kind != BROKEN)
				status = hear(fd);
			close(fd);
		}
		tell("evil", status, start, name[kind]);
	}
	_exit(0);
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { 0 };
	char *line = NULL, *host, *port;
	long long jobs, attacks, i;
	size_t size = 0;
	int status, bad = 0;

	token = getenv("TWILIO_AUTH_TOKEN");
	if (argc != 4 || token == NULL || num_parse(argv[2], 1, 1000,
	    &jobs) != 0 || num_parse(argv[3], 0, 1000000, &attacks) != 0)
		die(BAD_USAGE, "usage: hostile url connections attacks <bodies");
	url = argv[1];
	path = url + PATH_START;
	path += strcspn(path, "/");
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		body = need_again(body, (n + 1) * sizeof(*body));
		body[n++] = need_str(line);
	}
	host = need_str(url + PATH_START);
	host[strcspn(host, "/")] = '\0';
	if (n == 0 || (port = strchr(host, ':')) == NULL)
		die(BAD_USAGE, "no callbacks, or a URL without a port");
	*port++ = '\0';
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &to) != 0)
		die(NO_SYSTEM, "cannot reach '%s'", url);

	for (i = 0; i < jobs * 2; i++)
		switch (fork()) {
		case -1: die(NO_SYSTEM, "cannot fork:");
		case 0:
			if (i < jobs)
				do_good((size_t)i, (size_t)jobs);
			do_evil((size_t)(i - jobs), (size_t)jobs,
				(size_t)attacks);
		}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

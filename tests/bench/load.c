/*
 * load - post callbacks to sms-hook from several connections at once
 *
 *	load [-C certificate] url connections <bodies
 *
 * Each line of standard input is the form of one callback; it is signed with
 * TWILIO_AUTH_TOKEN, and all of that is done before the clock starts.  Each
 * connection is a process that connects, posts, waits for the answer, closes,
 * and begins again.  Prints one line: callbacks, callbacks a second, p50, p99
 * and the longest time of an answer in milliseconds, answers other than 2xx.
 * An https URL has to be vouched for by the certificate in that file.
 */
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "form.h"
#include "num.h"
#include "sign.h"

enum { REQUEST_MAX = 70000 };

const char progname[] = "load";

struct result {
	double ms;
	int good;
};

static SSL_CTX *tls;  /* NULL for http */

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* What stands behind the scheme. */
static const char *
host_of(const char *url)
{
	const char *scheme = tls != NULL ? "https://" : "http://";

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		die(BAD_USAGE, "needs an http URL, or -C and an https one");
	return url + strlen(scheme);
}

/* The request for one line, to be freed. */
static char *
request(const char *url, const char *body)
{
	struct buf b = BUF_INIT(REQUEST_MAX);
	const char *token = getenv("TWILIO_AUTH_TOKEN"), *why;
	const char *host = host_of(url), *path = host + strcspn(host, "/");
	char made[SIGN_SIZE], *copy = need_str(body);
	struct form form;

	if (token == NULL || form_parse(&form, copy, strlen(copy), &why) != 0)
		die(BAD_USAGE, "needs TWILIO_AUTH_TOKEN and forms");
	sign(made, token, url, &form);
	if (buf_addf(&b, "POST %s HTTP/1.1\r\nHost: %.*s\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n"
	    "X-Twilio-Signature: %s\r\nContent-Length: %zu\r\n\r\n%s", path,
	    (int)(path - host), host, made, strlen(body), body) != 0)
		die(BAD_DATA, "a line is too long");
	free(copy);
	return b.s;
}

static SSL *
tls_begin(int fd)
{
	SSL *ssl = SSL_new(tls);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		die(NO_SYSTEM, "no memory for TLS");
	if (SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* Writes the request and reads the head of the answer; returns 1 for 2xx. */
static int
ask(int fd, SSL *ssl, const char *text)
{
	char answer[4096];
	size_t have = 0, len = strlen(text), room;
	ssize_t n = ssl != NULL ? SSL_write(ssl, text, (int)len) :
		write(fd, text, len);

	if (n != (ssize_t)len)
		return 0;
	do {
		room = sizeof(answer) - 1 - have;
		n = ssl != NULL ? SSL_read(ssl, answer + have, (int)room) :
			read(fd, answer + have, room);
		if (n > 0)
			have += (size_t)n;
		answer[have] = '\0';
	} while (n > 0 && strstr(answer, "\r\n\r\n") == NULL);
	return strncmp(answer, "HTTP/1.1 2", 10) == 0;
}

static int
post(const struct addrinfo *to, const char *text)
{
	int fd = socket(to->ai_family, SOCK_STREAM, 0), good = 0;
	SSL *ssl = NULL;

	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
	    (tls == NULL || (ssl = tls_begin(fd)) != NULL))
		good = ask(fd, ssl, text);
	SSL_free(ssl);
	if (fd >= 0)
		close(fd);
	return good;
}

static void
work(const struct addrinfo *to, char *text[], size_t n, size_t first,
	size_t step, int out)
{
	struct result r;
	double start;
	size_t i;

	for (i = first; i < n; i += step) {
		start = now_ms();
		r.good = post(to, text[i]);
		r.ms = now_ms() - start;
		if (write(out, &r, sizeof(r)) != sizeof(r))
			_exit(1);
	}
	_exit(0);
}

/* Who presents another certificate than the one in that file is nobody. */
static SSL_CTX *
trusting(const char *file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL || SSL_CTX_load_verify_locations(ctx, file, NULL) != 1)
		die(BAD_USAGE, "cannot read certificate '%s'", file);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static int
by_ms(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { 0 }, *to;
	struct result r;
	char **text = NULL, *line = NULL, *host, *port;
	double *ms, start;
	size_t size = 0, n = 0, got = 0, bad = 0;
	long long jobs, i;
	int out[2], c, bad_option = 0;

	while ((c = getopt(argc, argv, "C:")) != -1)
		if (c == 'C')
			tls = trusting(optarg);
		else
			bad_option = 1;
	argv += optind;
	if (bad_option || argc - optind != 2 ||
	    num_parse(argv[1], 1, 1000, &jobs) != 0)
		die(BAD_USAGE, "usage: load [-C certificate] url connections "
			"<bodies");
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		text = need_again(text, (n + 1) * sizeof(*text));
		text[n++] = request(argv[0], line);
	}
	if (n == 0)
		die(BAD_DATA, "no callbacks");
	host = need_str(host_of(argv[0]));
	host[strcspn(host, "/")] = '\0';
	if ((port = strchr(host, ':')) == NULL)
		die(BAD_USAGE, "the URL has no port");
	*port++ = '\0';
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &to) != 0 || pipe(out) != 0)
		die(NO_SYSTEM, "cannot reach '%s'", argv[0]);

	ms = need(n * sizeof(*ms));
	start = now_ms();
	for (i = 0; i < jobs; i++)
		switch (fork()) {
		case -1: die(NO_SYSTEM, "cannot fork:");
		case 0: work(to, text, n, (size_t)i, (size_t)jobs, out[1]);
		}
	close(out[1]);
	while (got < n && read(out[0], &r, sizeof(r)) == sizeof(r)) {
		ms[got++] = r.ms;
		bad += !r.good;
	}
	start = now_ms() - start;
	while (wait(NULL) > 0)
		;

	if (got == 0)
		die(IO_FAILED, "no answer");
	qsort(ms, got, sizeof(*ms), by_ms);
	printf("%zu %.0f %.1f %.1f %.1f %zu\n", got, (double)got * 1e3 / start,
		ms[got / 2], ms[got * 99 / 100], ms[got - 1], bad + n - got);
	while (n > 0)
		free(text[--n]);
	free(text);
	free(line);
	free(host);
	free(ms);
	freeaddrinfo(to);
	SSL_CTX_free(tls);
	return finish_stdout(0);
}

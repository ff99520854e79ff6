/*
 * sms-sim - a Twilio in a box, for tests and for trying things out
 *
 * Serves the Messages resource of Twilio's API on a loopback port and posts
 * signed status callbacks.  One process and one loop: what a request changes
 * is committed before its answer leaves, and answers that have to wait (for
 * the latency asked for, or for a callback that must come first) hold up
 * nobody else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "sim-api.h"
#include "conf.h"
#include "sim-courier.h"
#include "die.h"
#include "http.h"
#include "num.h"
#include "sim.h"
#include "when.h"

enum {
	CLIENTS_MAX = 1000,   /* connections at once; the others wait */
	CHUNK = 16384,        /* bytes read at a time */
	OUT_MAX = 65 << 20    /* bytes of an answer with its head */
};

const char progname[] = "sms-sim";

/* The write end of a pipe by which a signal wakes the loop. */
static int wake;

struct client {
	int fd;
	struct http http;
	struct buf out;            /* the answer, from when it is made */
	size_t sent;
	enum api_ending ending;
	int keep, counted;         /* counted: as a request under way */
	long long ready_at;        /* the answer may leave, when_mono_ms() */
	long long callback;        /* to be posted before that; 0: none */
};

struct server {
	struct api api;
	struct courier *courier;
	int listener, woken;       /* woken: read end of the pipe */
	int port;
	int concurrent, limit;
	long long latency_ms;
	struct client *client[CLIENTS_MAX];
	size_t n;
};

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	if (write(wake, "", 1) < 0)
		errno = saved;
	errno = saved;
}

static void
set_flags(int fd)
{
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		die(NO_SYSTEM, "cannot set flags of a descriptor:");
}

static void
start_listening(struct server *v, int port)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	struct sigaction act;
	int end[2], yes = 1;

	memset(&at, 0, sizeof(at));
	at.sin_family = AF_INET;
	at.sin_port = htons((unsigned short)port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (v->listener < 0 || setsockopt(v->listener, SOL_SOCKET,
	    SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
	    bind(v->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(v->listener, SOMAXCONN) != 0 ||
	    getsockname(v->listener, (struct sockaddr *)&at, &len) != 0)
		die(IO_FAILED, "cannot listen on port %d:", port);
	v->port = ntohs(at.sin_port);

	if (pipe(end) != 0)
		die(NO_SYSTEM, "cannot make a pipe:");
	v->woken = end[0];
	wake = end[1];
	set_flags(v->listener);
	set_flags(end[0]);
	set_flags(end[1]);
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

static void
accept_clients(struct server *v)
{
	struct client *c;
	int fd;

	while (v->n < CLIENTS_MAX &&
	    (fd = accept(v->listener, NULL, NULL)) >= 0) {
		set_flags(fd);
		c = need(sizeof(*c));
		memset(c, 0, sizeof(*c));
		c->fd = fd;
		c->out.max = OUT_MAX;
		http_init(&c->http);
		v->client[v->n++] = c;
	}
}

/* Ends the i-th connection; the last one takes its place. */
static void
drop_client(struct server *v, size_t i, int reset)
{
	struct client *c = v->client[i];
	struct linger now = { 1, 0 };

	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c->fd);
	v->concurrent -= c->counted;
	http_release(&c->http);
	buf_release(&c->out);
	free(c);
	v->client[i] = v->client[--v->n];
}

/* Carries out the request that is whole and makes the answer ready. */
static void
answer_client(struct server *v, struct client *c)
{
	struct http_request *r = &c->http.req;
	struct answer a;

	c->counted = strncmp(r->path, "/sim/", 5) != 0;
	v->concurrent += c->counted;
	api_answer(&v->api, r, v->concurrent, v->limit, &a);
	c->ending = a.ending;
	c->keep = r->keep_alive && a.ending == API_WHOLE;
	c->callback = a.callback;
	c->ready_at = when_mono_ms() + a.delay_ms +
		(c->counted ? v->latency_ms : 0);
	http_answer(&c->out, a.status, a.lines, a.type, a.body.s, a.body.len,
		strcmp(r->method, "HEAD") == 0, c->keep);
	if (a.ending == API_CUT)
		c->out.len -= a.body.len / 2;
	buf_release(&a.body);
}

/* Looks whether a request is whole.  Returns -1 to end the connection. */
static int
parse_client(struct server *v, struct client *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	switch (http_parse(&c->http)) {
	case HTTP_CONTINUE:
		return send(c->fd, go_on, sizeof(go_on) - 1, 0) < 0 ? -1 : 0;
	case HTTP_READY:
		answer_client(v, c);
		return 0;
	case HTTP_BAD:
		http_answer(&c->out, c->http.status, "", "text/plain",
			c->http.reason, strlen(c->http.reason), 0, 0);
		c->keep = 0;
		return 0;
	default:
		return 0;
	}
}

static int
read_client(struct server *v, struct client *c)
{
	struct buf *in = &c->http.in;
	ssize_t n;

	if (buf_reserve(in, CHUNK) != 0)
		return -1;
	n = read(c->fd, in->s + in->len, CHUNK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	in->len += (size_t)n;
	in->s[in->len] = '\0';
	return parse_client(v, c);
}

/* Sends what is ready to leave.  Returns -1 to end the connection. */
static int
write_client(struct server *v, struct client *c)
{
	ssize_t n;

	if (c->ending == API_RESET)
		return -1;
	while (c->sent < c->out.len) {
		n = write(c->fd, c->out.s + c->sent, c->out.len - c->sent);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		c->sent += (size_t)n;
	}
	v->concurrent -= c->counted;
	c->counted = 0;
	if (!c->keep)
		return -1;
	buf_reset(&c->out);
	c->sent = 0;
	c->ready_at = 0;
	http_next(&c->http);
	return parse_client(v, c);
}

static int
is_ready(const struct client *c, long long now)
{
	return c->out.len > 0 && c->callback == 0 && now >= c->ready_at;
}

/* Takes note of the callbacks that came to their end, begins others. */
static void
deliver(struct server *v)
{
	long long id;
	size_t i;
	int http_status, tries;

	sim_post(v->api.sim, v->courier);
	while (courier_done(v->courier, &id, &http_status, &tries)) {
		sim_posted(v->api.sim, id, http_status, tries);
		for (i = 0; i < v->n; i++)
			if (v->client[i]->callback == id)
				v->client[i]->callback = 0;
		sim_post(v->api.sim, v->courier);
	}
	sim_commit(v->api.sim);
}

/* How long nothing will happen by itself from now, when_mono_ms(), on. */
static int
idle_ms(struct server *v, long long now)
{
	long long ms = sim_next_due(v->api.sim), left;
	size_t i;

	if (ms < 0 || ms > 60000)
		ms = 60000;
	for (i = 0; i < v->n; i++) {
		if (v->client[i]->out.len == 0 || v->client[i]->callback != 0)
			continue;
		left = v->client[i]->ready_at - now;
		if (left > 0 && left < ms)
			ms = left;
	}
	return (int)ms;
}

/*
 * Waits, then reads from and writes to whoever is ready for it.  Returns 0
 * when a signal came.
 */
static int
turn(struct server *v)
{
	static struct curl_waitfd set[CLIENTS_MAX + 2];
	static struct client *of[CLIENTS_MAX + 2];
	/* one time for both: who is not ready has some left to wait */
	long long now = when_mono_ms();
	struct client *c;
	size_t i, k, n = 0;
	int end;

	memset(set, 0, sizeof(set));
	set[n].fd = v->woken;
	set[n++].events = CURL_WAIT_POLLIN;
	set[n].fd = v->listener;
	set[n++].events = v->n < CLIENTS_MAX ? CURL_WAIT_POLLIN : 0;
	/* one that waits for its answer is left alone until that may go */
	for (i = 0; i < v->n; i++) {
		c = v->client[i];
		if (c->out.len > 0 && !is_ready(c, now))
			continue;
		set[n].fd = c->fd;
		set[n].events = c->out.len > 0 ? CURL_WAIT_POLLOUT :
			CURL_WAIT_POLLIN;
		of[n++] = c;
	}
	courier_wait(v->courier, set, n, idle_ms(v, now));

	for (k = 2; k < n; k++) {
		if (set[k].revents == 0)
			continue;
		c = of[k];
		end = c->out.len > 0 ? write_client(v, c) : read_client(v, c);
		for (i = 0; end != 0 && i < v->n; i++) {
			if (v->client[i] == c) {
				drop_client(v, i, c->ending == API_RESET);
				break;
			}
		}
	}
	if (set[1].revents != 0)
		accept_clients(v);
	return set[0].revents == 0;
}

static void
write_port(const char *path, int port)
{
	FILE *fp = fopen(path, "w");

	if (fp == NULL || fprintf(fp, "%d\n", port) < 0 || fclose(fp) != 0)
		die(IO_FAILED, "cannot write '%s':", path);
}

static void
usage(FILE *fp)
{
	fputs("usage: sms-sim [-q] [-c limit] [-d file] [-f fault=percent,...]"
		" [-l ms]\n               [-o file] [-p port] [-S seed] [-s ms]"
		" [-t time]\n", fp);
}

int
main(int argc, char *argv[])
{
	struct server v = { 0 };
	struct plan plan = { "1", { 0 }, 100 };
	const char *bad, *path = NULL, *port_file = NULL, *key;
	char *tokens, *secret;
	long long start_ms = -1;
	int opt, len, quiet = 0, port = 0;

	while ((opt = getopt(argc, argv, "c:d:f:hl:o:p:qS:s:t:V")) != -1) {
		switch (opt) {
		case 'c':
			v.limit = (int)num_option(opt, optarg, 0, CLIENTS_MAX);
			break;
		case 'd': path = optarg; break;
		case 'f':
			if (plan_faults(&plan, optarg, &bad, &len) != 0)
				die(BAD_USAGE, "no fault with a percentage: "
					"'%.*s'", len, bad);
			break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'l':
			v.latency_ms = num_option(opt, optarg, 0, 600000);
			break;
		case 'o': port_file = optarg; break;
		case 'p': port = (int)num_option(opt, optarg, 0, 65535); break;
		case 'q': quiet = 1; break;
		case 'S': plan.seed = optarg; break;
		case 's':
			plan.pace_ms = num_option(opt, optarg, 0, 604800000);
			break;
		case 't': start_ms = when_option(opt, optarg) * 1000; break;
		case 'V': puts("sms-sim " VERSION); return finish_stdout(0);
		default: usage(stderr); return BAD_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return BAD_USAGE;
	}

	/* an old one must not be taken for ours */
	if (port_file != NULL)
		unlink(port_file);
	conf_load();
	v.api.account = conf_need("TWILIO_ACCOUNT_SID");
	if ((tokens = conf_secret("TWILIO_AUTH_TOKEN")) == NULL)
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
	api_add_logins(&v.api, v.api.account, tokens);
	key = conf("TWILIO_API_KEY");
	secret = conf_secret("TWILIO_API_SECRET");
	if (key != NULL && secret != NULL)
		api_add_logins(&v.api, key, secret);

	v.api.plan = &plan;
	v.api.sim = sim_open(path, start_ms);
	tokens[strcspn(tokens, " ,\t\n")] = '\0';
	v.courier = courier_open(tokens);
	start_listening(&v, port);
	if (port_file != NULL)
		write_port(port_file, v.port);
	if (!quiet)
		printf("http://127.0.0.1:%d\n", v.port);
	if (fflush(stdout) != 0)
		die(IO_FAILED, "cannot write standard output:");

	do
		deliver(&v);
	while (turn(&v));

	while (v.n > 0)
		drop_client(&v, 0, 0);
	courier_close(v.courier);
	sim_close(v.api.sim);
	api_release(&v.api);
	close(v.listener);
	if (port_file != NULL)
		unlink(port_file);
	free(tokens);
	free(secret);
	return finish_stdout(0);
}

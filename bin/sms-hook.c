/*
 * sms-hook - take in a status callback
 *
 * Serves one HTTP connection on standard input and output, as inetd, socat
 * and tcpserver start it, or one request that a web server passes on by CGI,
 * or all connections to a socket that inetd (wait) or systemd hands over:
 * reads requests within limits of size and time, checks their signature over
 * what was received, makes them durable, and only then answers 200.  Twilio
 * asks once, so that answer is a promise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "cgi.h"
#include "confine.h"
#include "cron.h"
#include "die.h"
#include "edge.h"
#include "http.h"
#include "listener.h"
#include "webhook.h"
#include "when.h"

enum { IDLE_S = 60 };  /* a process that listens ends */

const char progname[] = "sms-hook";

static const char *unanswered;  /* the peer who still waits for an answer */
static enum edge_shape shape;

static void
usage(FILE *fp)
{
	fputs("usage: sms-hook [-s] [-t now] [-w age]\n", fp);
}

/* Whoever calls die() on the way leaves no client without an answer. */
static void
apologize(void)
{
	static const char sorry[] = "HTTP/1.1 503 Service Unavailable\r\n"
		"Retry-After: 5\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n";
	static const char sorry_cgi[] = "Status: 503 Service Unavailable\r\n"
		"Retry-After: 5\r\nContent-Length: 0\r\n\r\n";
	const char *text = shape == EDGE_CGI ? sorry_cgi : sorry;
	int fd = 1;

	if (unanswered == NULL)
		return;
	/* one at least; else whoever started us would do so again at once */
	if (shape == EDGE_LISTENING && (fd = accept(0, NULL, NULL)) < 0)
		return;
	warn("503 died from %s", unanswered);
	http_send(fd, text, strlen(text), when_mono_ms() + HTTP_ANSWER_MS);
	http_linger(fd);
}

static void
answer(struct buf *out, const struct webhook_answer *a, int head_only)
{
	const char *type = *a->body != '\0' ? a->type : NULL;
	size_t len = strlen(a->body);

	if (shape == EDGE_CGI)
		cgi_answer(out, a->status, a->lines, type, a->body, len,
			head_only);
	else
		http_answer(out, a->status, a->lines, type, a->body, len,
			head_only, 0);
}

/* Has sms-reconcile run; *c keeps what a is about. */
static void
reconcile(struct webhook *w, struct webhook_answer *a, struct cron_answer *c)
{
	struct cron_result result;

	if (cron_run(&w->cron, &result) != 0) {
		webhook_refuse(a, 503, "no_runner");
		return;
	}
	cron_judge(&result, c);
	a->status = c->status;
	a->reason = c->reason;
	a->lines = c->lines;
	a->type = "application/json";
	a->body = c->body;
}

/* Reads the request, does what it asks for, answers. */
static int
serve(struct webhook *w, const struct arrival *from)
{
	struct webhook_answer a = WEBHOOK_ANSWER;
	struct buf out = BUF_INIT(4096);
	long long start = when_mono_ms();
	struct cron_answer run;
	struct http h;
	int got;

	http_init(&h);
	h.head_by = start + HTTP_HEAD_MS;
	got = shape == EDGE_CGI ? cgi_receive(&h, start + HTTP_REQUEST_MS) :
		http_receive(&h, 0, 1, start + HTTP_REQUEST_MS);
	if (got > 0) {
		edge_hold(1);
		webhook_take(w, &h.req, from, &a);
		if (a.is_kept)
			webhook_kept(&a, intake_keep(&w->in));
		if (a.is_cron)
			reconcile(w, &a, &run);
	} else if (got < 0) {
		webhook_refuse(&a, h.status, h.reason);
	}
	unanswered = NULL;
	if (got != 0 && a.status != 0) {
		answer(&out, &a, got > 0 && strcmp(h.req.method, "HEAD") == 0);
		if (http_send(1, out.s, out.len,
		    when_mono_ms() + HTTP_ANSWER_MS) != 0 && a.reason == NULL)
			webhook_refuse(&a, 0, "answer_lost");
	}
	if (a.status == 0)
		a.exit_status = IO_FAILED;
	webhook_tell(w, &a, from);
	http_linger(1);
	if (shape == EDGE_CGI)
		edge_mute();
	/* it has our messages' descriptor, whose end a web server awaits */
	cron_close(&w->cron);
	if (a.is_kept && intake_settle(&w->in, SPOOL_STAY) != 0)
		warn("callbacks wait in '%s': %s", w->spool, w->in.why);
	if (a.is_kept || w->in.n_refused > 0)
		intake_log(&w->in);
	edge_hold(0);
	buf_release(&out);
	http_release(&h);
	return a.exit_status;
}

int
main(int argc, char *argv[])
{
	static struct webhook w;
	struct listener l = { 0, 0, -1 };
	struct confine allowed = { .listens = 0 };
	struct arrival from;
	long long idle = IDLE_S;
	int c, status = 0;

	shape = edge_begin();
	clock_gettime(CLOCK_MONOTONIC, &from.began);
	/* a query without "=" comes as arguments: a stranger's (RFC 3875, 4.4) */
	if (shape == EDGE_CGI)
		argc = 1;
	while ((c = getopt(argc, argv, "Vhst:w:")) != -1)
		switch (c) {
		case 'V': puts("sms-hook " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 's': die_to_syslog(); break;
		case 't': l.now = when_option('t', optarg); break;
		case 'w': idle = when_age_option('w', optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind != argc) {
		usage(stderr);
		return BAD_USAGE;
	}

	from.peer = unanswered = edge_peer();
	atexit(apologize);
	webhook_open(&w);
	cron_open(&w.cron);
	allowed.path[0] = w.db;
	allowed.path[1] = w.spool;
	allowed.listens = allowed.forks = shape == EDGE_LISTENING;
	allowed.sends = allowed.listens && w.cron.secret != NULL;
	confine(&allowed);

	if (shape == EDGE_LISTENING) {
		unanswered = NULL;
		l.idle_ms = idle * 1000;
		listener_serve(&l, &w);
	} else {
		from.now = l.now >= 0 ? l.now : when_now();
		status = serve(&w, &from);
	}

	cron_close(&w.cron);
	webhook_close(&w);
	return status;
}

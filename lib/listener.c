/*
 * Each turn of the loop:
 *
 *   1  wait until something can be read or written, or is due
 *   2  accept who waits; read once from each connection that has something
 *   3  a request that is whole is judged; a good callback joins the batch
 *   4  intake_keep: the whole batch is durable now, or none of it
 *   5  answer all that were judged
 *   6  now and then, tell the settler to take the spool into the store
 *
 * Killed before 4 is done: nobody was told anything.  Killed after it: the
 * callbacks are in the spool, whether the answer got out or not.  Nothing here
 * waits for one client, nor for others who hold the store (but where there is
 * no spool, for a second).
 *
 * Requests that a client has sent at once (pipelining) are judged in one turn
 * as far as they are whole, and answered in order with one write.  What is
 * more than ANSWERS_MAX of them stays in the buffer for the next turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "edge.h"
#include "http.h"
#include "listener.h"
#include "settler.h"
#include "when.h"

enum {
	CONNECTIONS_MAX = 512,
	DESCRIPTORS_SPARED = 16,  /* for the store and the spool */
	READ_MAX = 16384,         /* bytes from one connection in one turn */
	ANSWER_MAX = 4096,        /* bytes */
	ANSWERS_MAX = 32,         /* of one connection in one turn, */
	BATCH_FULL = 1048576,     /* bytes, when it is one only */
	KEEP_MS = 180000,         /* longer than proxies keep a connection: who
	                             closes first must not be we */
	LINGER_MS = 1000,
	LINGER_MAX = 1048576,     /* bytes behind the last request */
	CROWDED_MS = 1000,        /* who was silent for so long makes room */
	PAUSE_MS = 100,           /* without a descriptor for another one */
	SETTLE_MS = 20,           /* from the spool into the store */
	RETRY_MS = 1000,          /* when nobody can do that */
	LOOK_MS = 10000,          /* should a signal not have woken us */
	STOP_MS = 5000,           /* for what is under way at the end, */
	STOP_IDLE_MS = 500        /* and for who may be about to ask */
};

enum state { READING, JUDGED, WRITING, LINGERING, CLOSED };

/* Where what is polled begins: a pipe, l->fd, the settler, connections. */
enum { WOKEN, LISTENED, SETTLER, OTHERS };

struct judged {
	struct webhook_answer a;
	struct arrival from;
	int head_only;
};

struct connection {
	struct connection *next;  /* of those that can be used again */
	int fd;
	enum state state;
	struct http h;
	struct judged answers[ANSWERS_MAX];
	size_t n;                 /* of them */
	struct buf out;
	size_t sent;              /* bytes of out */
	struct arrival from;      /* the request that is being read */
	char peer[EDGE_PEER_MAX];
	long long since;          /* when the state, or the request, began */
	int begun;                /* bytes of the request are there */
	int served;               /* requests before this one */
	int ahead;                /* bytes that were not looked at yet */
	int go_on;                /* a 100 is due behind the answers */
	int last;                 /* no request follows */
	size_t dropped;
};

struct loop {
	const struct listener *l;
	struct webhook *w;
	struct connection *c[CONNECTIONS_MAX], *unused;
	struct pollfd p[OTHERS + CONNECTIONS_MAX];
	size_t n, max;
	long long now;            /* when_mono_ms() of this turn */
	long long alone_since;    /* n is 0 */
	long long pause_until;    /* accept cannot work before */
	struct settler settler;
	long long settle_at;      /* it is to be told; 0: nothing waits */
	int troubled;             /* that failed, and it was said */
	long long stop_at;        /* when the signal came; 0: none */
};

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
static int woken[2];              /* a pipe, written to by signals */
static volatile sig_atomic_t told;  /* there was one */

static void
wake(int number)
{
	int saved = errno;

	(void)number;
	told = 1;
	if (write(woken[1], "", 1) < 0)
		errno = saved;  /* it is full of the same news */
	errno = saved;
}

static void
catch_signals(void)
{
	static const int ends[] = { SIGTERM, SIGHUP, SIGINT };
	struct sigaction sa;
	size_t i;

	if (pipe(woken) != 0 || edge_own(woken[0]) != 0 ||
	    edge_own(woken[1]) != 0)
		die(NO_SYSTEM, "cannot make a pipe:");
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = wake;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &sa, NULL);
}

/* When the patience with a connection is at its end. */
static long long
deadline(const struct loop *o, const struct connection *c)
{
	long long idle = c->since + KEEP_MS, by;

	switch (c->state) {
	case WRITING: return c->since + HTTP_ANSWER_MS;
	case LINGERING: return c->since + LINGER_MS;
	default: break;
	}
	if (c->begun || c->served == 0) {
		by = c->since + (http_in_head(&c->h) ? HTTP_HEAD_MS :
			HTTP_REQUEST_MS);
		if (o->stop_at != 0 && by > o->stop_at + STOP_MS)
			by = o->stop_at + STOP_MS;
		return by;
	}
	if (o->stop_at != 0 && idle > o->stop_at + STOP_IDLE_MS)
		return o->stop_at + STOP_IDLE_MS;
	return idle;
}

/* It has bytes to be looked at, whether more come or not. */
static int
is_ahead(const struct connection *c)
{
	return c->state == READING && c->ahead;
}

static void
enter(struct loop *o, struct connection *c, enum state state)
{
	c->state = state;
	c->since = o->now;
}

static void
shut(struct connection *c)
{
	close(c->fd);
	c->state = CLOSED;
}

/* Now a request comes, or somebody who may send one. */
static void
arrive(struct loop *o, struct connection *c)
{
	c->from.peer = c->peer;
	c->from.now = o->l->now >= 0 ? o->l->now : when_now();
	clock_gettime(CLOCK_MONOTONIC, &c->from.began);
}

static void
open_connection(struct loop *o, int fd, const struct sockaddr_storage *a)
{
	struct connection *c = o->unused;
	struct buf out = BUF_INIT(ANSWERS_MAX * ANSWER_MAX);
	const char *peer;
	int yes = 1;

	if (c != NULL) {
		o->unused = c->next;
		http_reset(&c->h);
	} else {
		c = need(sizeof(*c));
		memset(c, 0, sizeof(*c));
		c->out = out;
		http_init(&c->h);
	}
	/* answers to pipelined requests do not wait for each other */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	c->fd = fd;
	if ((peer = edge_address(a, c->peer)) != c->peer)
		snprintf(c->peer, sizeof(c->peer), "%s", peer);
	c->served = c->begun = c->go_on = c->last = 0;
	c->n = 0;
	c->ahead = 1;  /* the request is most often there already */
	c->dropped = 0;
	arrive(o, c);
	enter(o, c, READING);
	o->c[o->n++] = c;
}

/* What was refused is not worth a second line. */
static void
lose_answers(struct loop *o, struct connection *c)
{
	struct webhook_answer a = WEBHOOK_ANSWER;
	size_t i;

	webhook_refuse(&a, 0, "answer_lost");
	for (i = 0; i < c->n; i++)
		if (c->answers[i].a.reason == NULL)
			webhook_tell(o->w, &a, &c->from);
	shut(c);
}

/* Writes what is left of the answers. */
static void
send_some(struct loop *o, struct connection *c)
{
	ssize_t n;

	while (c->sent < c->out.len) {
		n = write(c->fd, c->out.s + c->sent, c->out.len - c->sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			lose_answers(o, c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->n = 0;
	if (!c->last) {
		enter(o, c, READING);
	} else if (shutdown(c->fd, SHUT_WR) == 0) {
		enter(o, c, LINGERING);
	} else {
		shut(c);
	}
}

/*
 * Whoever runs sms-reconcile answers behind what is answered already.  One that
 * was judged in the same turn may have been passed before this one.
 */
static int
pass(struct loop *o, struct connection *c, struct webhook_answer *a)
{
	ssize_t n = 0;

	if (cron_runs(&o->w->cron)) {
		webhook_running(a);
		return -1;
	}
	webhook_refuse(a, 503, "no_runner");
	if (c->out.len > 0 && (n = write(c->fd, c->out.s, c->out.len)) > 0)
		c->sent = (size_t)n;
	if (c->sent < c->out.len)
		return -1;
	buf_reset(&c->out);
	c->sent = 0;
	if (cron_pass(&o->w->cron, c->fd, c->peer) != 0)
		return -1;
	shut(c);
	return 0;
}

/* Answers what was judged; from then on it is out of our hands. */
static void
answer(struct loop *o, struct connection *c)
{
	struct webhook_answer *a;
	size_t i;

	if (o->stop_at != 0 || o->n == o->max)
		c->last = 1;
	buf_reset(&c->out);
	c->sent = 0;
	for (i = 0; i < c->n; i++) {
		a = &c->answers[i].a;
		if (a->is_cron && pass(o, c, a) == 0)
			return;
		webhook_tell(o->w, a, &c->answers[i].from);
		if (a->status != 0)
			http_answer(&c->out, a->status, a->lines,
				*a->body != '\0' ? a->type : NULL,
				a->body, strlen(a->body),
				c->answers[i].head_only,
				!c->last || i + 1 < c->n);
	}
	if (o->w->in.n_refused > 0 && o->settle_at == 0)
		o->settle_at = o->now + SETTLE_MS;
	if (c->out.len == 0) {
		shut(c);
		return;
	}
	if (c->go_on && !c->last)
		buf_addstr(&c->out, go_on);
	c->go_on = 0;
	enter(o, c, WRITING);
	send_some(o, c);
}

static struct webhook_answer *
add_answer(struct connection *c)
{
	static const struct webhook_answer plain = WEBHOOK_ANSWER;
	struct judged *j = &c->answers[c->n++];

	j->a = plain;
	j->from = c->from;
	j->head_only = 0;
	c->state = JUDGED;
	return &j->a;
}

/* The request is not one, or not in time. */
static void
refuse(struct connection *c, int status, const char *reason)
{
	webhook_refuse(add_answer(c), status, reason);
	c->last = 1;
}

static void
begin(struct loop *o, struct connection *c)
{
	c->begun = 1;
	if (c->served)
		c->since = o->now;
	arrive(o, c);
}

/* Judges the request if it is whole; returns 1 if another one may follow. */
static int
judge(struct loop *o, struct connection *c)
{
	struct webhook_answer *a;

	switch (http_parse(&c->h)) {
	case HTTP_MORE:
		c->begun = !http_is_idle(&c->h);
		break;
	case HTTP_CONTINUE:
		/* without answers on their way there is room for it */
		if (c->n > 0)
			c->go_on = 1;
		else if (write(c->fd, go_on, strlen(go_on)) < 0)
			refuse(c, 0, "read_error");
		break;
	case HTTP_READY:
		a = add_answer(c);
		c->answers[c->n - 1].head_only =
			strcmp(c->h.req.method, "HEAD") == 0;
		c->last = !c->h.req.keep_alive;
		webhook_take(o->w, &c->h.req, &c->from, a);
		http_next(&c->h);
		c->served = 1;
		c->begun = 0;
		c->last |= a->is_cron;
		return !c->last;
	case HTTP_BAD:
		refuse(c, c->h.status, c->h.reason);
		break;
	}
	return 0;
}

/* Judges all requests that are whole, or so many that it is enough. */
static void
judge_all(struct loop *o, struct connection *c)
{
	const struct http *h = &c->h;

	do {
		c->ahead = 0;
		if (!c->begun && http_is_idle(h))
			return;
		c->ahead = c->n == ANSWERS_MAX ||
			(c->n > 0 && o->w->in.batch.len >= BATCH_FULL);
		if (c->ahead)
			return;
		if (!c->begun)
			begin(o, c);
	} while (judge(o, c));
}

static void
read_some(struct loop *o, struct connection *c, int readable)
{
	struct buf *in = &c->h.in;
	size_t room = in->max - in->len;
	ssize_t n = -1;

	errno = EAGAIN;
	if (readable)
		n = read(c->fd, in->s + in->len,
			room < READ_MAX ? room : READ_MAX);
	if (n > 0) {
		in->len += (size_t)n;
		in->s[in->len] = '\0';
	} else if (n == 0 && http_is_idle(&c->h)) {
		shut(c);
		return;
	} else if (n == 0 && !c->ahead) {
		refuse(c, 400, "half_request");
		return;
	} else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK &&
	    errno != EINTR) {
		if (c->begun)
			refuse(c, 0, "read_error");
		else
			shut(c);
		return;
	}
	judge_all(o, c);
}

/* Reads what nobody wants, so that closing does not take the answer back. */
static void
drop_some(struct connection *c)
{
	char dropped[READ_MAX];
	ssize_t n = read(c->fd, dropped, sizeof(dropped));

	if (n > 0)
		c->dropped += (size_t)n;
	if (n == 0 || c->dropped > LINGER_MAX || (n < 0 && errno != EAGAIN &&
	    errno != EWOULDBLOCK && errno != EINTR))
		shut(c);
}

static void
expire(struct loop *o, struct connection *c)
{
	if (c->state == READING && (c->begun || c->served == 0))
		refuse(c, 408, "timeout");
	else if (c->state == WRITING)
		lose_answers(o, c);
	else
		shut(c);
}

/*
 * The connection from which nothing whole has come, or that has taken nothing,
 * for the longest time makes room for a new one: slow clients can keep each
 * other out, and nobody else.  (Nor can busy ones: while all are in use none is
 * kept behind its answer.)
 */
static int
make_room(struct loop *o)
{
	struct connection *oldest = NULL;
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->c[i]->state != JUDGED &&
		    o->c[i]->since + CROWDED_MS <= o->now &&
		    (oldest == NULL || o->c[i]->since < oldest->since))
			oldest = o->c[i];
	if (oldest == NULL)
		return 0;
	if (oldest->begun && oldest->state == READING) {
		refuse(oldest, 408, "timeout");
		answer(o, oldest);
	}
	if (oldest->state == WRITING)
		lose_answers(o, oldest);
	else if (oldest->state != CLOSED)
		shut(oldest);
	return 1;
}

/* Takes those out that were closed. */
static void
sweep(struct loop *o)
{
	size_t i = 0;

	while (i < o->n)
		if (o->c[i]->state == CLOSED) {
			o->c[i]->next = o->unused;
			o->unused = o->c[i];
			o->c[i] = o->c[--o->n];
		} else {
			i++;
		}
}

static void
accept_all(struct loop *o)
{
	struct sockaddr_storage a;
	socklen_t len;
	int fd;

	for (;;) {
		if (o->n == o->max) {
			if (!make_room(o)) {
				o->pause_until = o->now + PAUSE_MS;
				return;
			}
			sweep(o);
		}
		len = sizeof(a);
		memset(&a, 0, sizeof(a));
		fd = accept(o->l->fd, (struct sockaddr *)&a, &len);
		if (fd >= 0 && edge_own(fd) == 0)
			open_connection(o, fd, &a);
		else if (fd >= 0)
			close(fd);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR && errno != ECONNABORTED) {
			/* no descriptor or no memory for one more */
			o->pause_until = o->now + PAUSE_MS;
			return;
		}
	}
}

/* What waits in the spool is to be taken into the store. */
static void
settle(struct loop *o)
{
	struct intake *in = &o->w->in;

	o->settle_at = 0;
	if (settler_wake(&o->settler, in) == 0) {
		o->troubled = 0;
		return;
	}
	if (!o->troubled)
		warn("callbacks wait in '%s': nobody takes them in:",
			in->spool);
	o->troubled = 1;
	o->settle_at = o->now + RETRY_MS;
}

static long long
sooner(long long a, long long b)
{
	return b < a ? b : a;
}

/* Waits; true when there may be somebody to accept. */
static int
wait_for_news(struct loop *o)
{
	long long until = o->now + LOOK_MS;
	struct connection *c;
	size_t i;
	int accepting = o->stop_at == 0 && o->now >= o->pause_until;

	for (i = 0; i < o->n; i++) {
		c = o->c[i];
		until = sooner(until, is_ahead(c) ? 0 : deadline(o, c));
		o->p[OTHERS + i].fd = c->fd;
		o->p[OTHERS + i].events =
			c->state == WRITING ? POLLOUT : POLLIN;
	}
	if (o->settle_at != 0)
		until = sooner(until, o->settle_at);
	if (o->stop_at == 0 && !accepting)
		until = sooner(until, o->pause_until);
	if (o->n == 0 && o->l->idle_ms > 0)
		until = sooner(until, o->alone_since + o->l->idle_ms);
	o->p[WOKEN].fd = o->stop_at == 0 ? woken[0] : -1;
	o->p[LISTENED].fd = accepting ? o->l->fd : -1;
	o->p[WOKEN].events = o->p[LISTENED].events = POLLIN;
	o->p[SETTLER].fd = o->settler.fd;
	until -= o->now;
	if (poll(o->p, (nfds_t)o->n + OTHERS,
	    until > 0 ? (int)until : 0) < 0)
		for (i = 0; i < o->n + OTHERS; i++)
			o->p[i].revents = 0;
	o->now = when_mono_ms();
	return accepting && o->p[LISTENED].revents != 0;
}

/* How many callbacks of a connection wait for the sync. */
static int
kept(const struct connection *c)
{
	size_t i;
	int n = 0;

	for (i = 0; i < c->n; i++)
		n += c->answers[i].a.is_kept;
	return n;
}

static void
turn(struct loop *o)
{
	size_t i, j, before = o->n;
	int news = wait_for_news(o), batch = 0, r;
	struct connection *c;

	if (told && o->stop_at == 0)
		o->stop_at = o->now;
	if (o->p[SETTLER].revents != 0) {
		warn("who takes '%s' in has died: another one will",
			o->w->in.spool);
		settler_ended(&o->settler);
		o->settle_at = o->now + RETRY_MS;
	}
	for (i = 0; i < before; i++) {
		c = o->c[i];
		if (is_ahead(c) || o->p[OTHERS + i].revents != 0)
			switch (c->state) {
			case READING:
				read_some(o, c, o->p[OTHERS + i].revents != 0);
				break;
			case WRITING: send_some(o, c); break;
			default: drop_some(c);
			}
		else if (deadline(o, c) <= o->now)
			expire(o, c);
		if (c->state == JUDGED)
			batch += kept(c);
	}
	r = batch > 0 ? intake_keep(&o->w->in) : 0;
	for (i = 0; i < before; i++) {
		c = o->c[i];
		if (c->state != JUDGED)
			continue;
		for (j = 0; j < c->n; j++)
			if (c->answers[j].a.is_kept)
				webhook_kept(&c->answers[j].a, r);
		answer(o, c);
	}
	if (batch > 0 && o->settle_at == 0)
		o->settle_at = o->now + SETTLE_MS;
	if (o->settle_at != 0 && o->settle_at <= o->now)
		settle(o);
	sweep(o);
	if (news)
		accept_all(o);
	/* who ends before its runner may take that one along */
	if (o->n > 0 || cron_runs(&o->w->cron))
		o->alone_since = when_mono_ms();
}

void
listener_serve(const struct listener *l, struct webhook *w)
{
	static struct loop o = { .settler = SETTLER_INIT };
	struct connection *c;
	long open_max = sysconf(_SC_OPEN_MAX);
	int flags = fcntl(l->fd, F_GETFL);

	if (flags < 0 || !(flags & O_NONBLOCK))
		die(NO_SYSTEM, "the socket would keep all waiting for one");
	catch_signals();
	o.l = l;
	o.w = w;
	o.max = CONNECTIONS_MAX;
	if (open_max > 0 && open_max < CONNECTIONS_MAX + DESCRIPTORS_SPARED)
		o.max = open_max > 2 * DESCRIPTORS_SPARED ?
			(size_t)open_max - DESCRIPTORS_SPARED :
			DESCRIPTORS_SPARED;
	w->in.hurry = 1;
	o.now = o.alone_since = when_mono_ms();
	o.settle_at = o.now;  /* what one that was killed has left */
	while (o.n > 0 || (o.stop_at == 0 && (l->idle_ms == 0 ||
	    o.now < o.alone_since + l->idle_ms)))
		turn(&o);
	if (o.settle_at != 0)
		settle(&o);
	settler_stop(&o.settler);
	for (; (c = o.unused) != NULL; free(c)) {
		o.unused = c->next;
		http_release(&c->h);
		buf_release(&c->out);
	}
}

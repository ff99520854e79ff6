/*
 * It lives as long as the process that listens and keeps the store open: to
 * open it costs more than to take in what comes within 50 ms.  One socket that
 * keeps messages apart leads to it.  The end of that is the order to end, so a
 * settler never outlives the other one by much; killed at any point it has
 * lost nothing (spool.c), and the next one goes on.
 *
 * SQLite must not be carried over a fork: neither a handle nor what the
 * library remembers of open files.  So the store is closed before it, and a
 * database in memory is left alone.  No descriptor of a client or of the
 * socket that listens stays open in the settler: a connection ends when the
 * other process closes it.
 *
 * When processes are confined: a settler opens, locks, renames and removes
 * what its parent may, the store and the spool and what lies beside them.
 * The parent needs socketpair, fork, waitpid and nanosleep all its life.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "die.h"
#include "edge.h"
#include "num.h"
#include "settler.h"
#include "spool.h"
#include "utf8.h"
#include "when.h"

enum {
	RETRY_MS = 1000,    /* after a failure */
	STOP_MS = 5000,
	STOP_STEP_MS = 5,
	CLOSE_MAX = 1024    /* descriptors of a process that listens are below */
};

/*
 * A message is one line: that of a refused callback as the spool would have
 * it, and behind it why it was refused and what was answered; or an empty one.
 */
enum { REASON = LINE_FIELDS, ANSWER, FIELDS };

static void
tell(int fd, const struct refusal *f)
{
	char at[WHEN_SIZE], took[24], answer[12];
	const char *params = f->rec.f[LINE_PARAMS];
	struct buf line = BUF_INIT(REC_LINE_MAX);
	struct rec rec = f->rec;

	snprintf(took, sizeof(took), "%lld", f->took_us);
	snprintf(answer, sizeof(answer), "%d", f->answer);
	rec.f[LINE_CAME_AT] = when_format(at, f->at);
	rec.f[LINE_TOOK_US] = took;
	rec.f[REASON] = (char *)f->reason;
	rec.f[ANSWER] = answer;
	if (params != NULL && !utf8_valid(params, strlen(params)))
		rec.f[LINE_PARAMS] = NULL;
	if (rec_add(&line, rec.f, FIELDS) != 0) {
		rec.f[LINE_PARAMS] = NULL;
		rec_add(&line, rec.f, FIELDS);
	}
	/* it was told of anyway: one that does not get through is not missed */
	send(fd, line.s, line.len, 0);
	buf_release(&line);
}

/* The same at the other end. */
static void
note(struct intake *in, const struct rec *rec)
{
	struct refusal *f = &in->refused[in->n_refused];
	long long answer;

	if (in->n_refused == INTAKE_REFUSED_MAX || rec->f[REASON] == NULL ||
	    rec->f[ANSWER] == NULL || rec->f[LINE_CAME_AT] == NULL ||
	    rec->f[LINE_TOOK_US] == NULL ||
	    when_parse(rec->f[LINE_CAME_AT], &f->at) != 0 ||
	    num_parse(rec->f[LINE_TOOK_US], 0, 1LL << 50, &f->took_us) != 0 ||
	    num_parse(rec->f[ANSWER], 0, 999, &answer) != 0)
		return;
	f->answer = (int)answer;
	f->text = rec_copy(&f->rec, rec, FIELDS);
	f->reason = f->rec.f[REASON];
	in->n_refused++;
}

/* Reads all there is; returns 0 when the other process has closed its end. */
static int
heed(int fd, struct intake *in)
{
	static char text[REC_LINE_MAX];
	struct rec rec;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0) {
		struct rec_reader line = REC_LINES(text, (size_t)n);

		if (rec_read(&line, &rec) > 0)
			note(in, &rec);
	}
	return n < 0;
}

static _Noreturn void
work(int fd, struct intake *in)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int going_on = 1, troubled = 0, wait = -1;

	while (going_on) {
		/* only the end comes before its time */
		p.events = wait < 0 ? POLLIN : 0;
		poll(&p, 1, wait);
		going_on = heed(fd, in);
		/* nobody looks after us */
		if (intake_settle(in, going_on ? SPOOL_ONCE : SPOOL_WAIT) != 0) {
			if (!troubled)
				warn("callbacks wait in '%s': %s", in->spool,
					in->why);
			troubled = 1;
		} else {
			troubled = 0;
			intake_log(in);
		}
		/* more has come, or is another taker's, who may be killed */
		wait = troubled ? RETRY_MS :
			spool_waits(in->spool) ? SPOOL_GATHER_MS : -1;
	}
	intake_close(in);
	_exit(0);
}

/* Nothing of what the parent has under way may be touched. */
static _Noreturn void
begin(int fd, struct intake *in)
{
	int i;

	signal(SIGTERM, SIG_IGN);  /* the end of the socket says it, later */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* 2 is no client's: edge_begin saw to that */
	dup2(2, 0);
	dup2(2, 1);
	for (i = 3; i < CLOSE_MAX; i++)
		if (i != fd && i != die_syslog_fd())
			close(i);
	in->n_refused = 0;
	buf_reset(&in->batch);
	work(fd, in);
}

static int
start(struct settler *s, struct intake *in)
{
	int end[2], saved;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, end) != 0)
		return -1;
	intake_close(in);
	if (edge_own(end[0]) == 0 && edge_own(end[1]) == 0 &&
	    (s->pid = fork()) >= 0) {
		if (s->pid == 0)
			begin(end[0], in);
		close(end[0]);
		s->fd = end[1];
		return 0;
	}
	saved = errno;
	close(end[0]);
	close(end[1]);
	s->pid = 0;
	errno = saved;
	return -1;
}

int
settler_wake(struct settler *s, struct intake *in)
{
	size_t i;

	if (s->pid == 0 && start(s, in) != 0)
		return -1;
	for (i = 0; i < in->n_refused; i++) {
		tell(s->fd, &in->refused[i]);
		free(in->refused[i].text);
	}
	in->n_refused = 0;
	/* what is full wakes as well, and of what is broken poll tells */
	return write(s->fd, "\n", 1) >= 0 || errno == EAGAIN ||
		errno == EWOULDBLOCK || errno == EPIPE ||
		errno == ECONNRESET ? 0 : -1;
}

void
settler_ended(struct settler *s)
{
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(s->fd);
	s->pid = 0;
	s->fd = -1;
}

void
settler_stop(struct settler *s)
{
	struct timespec step = { 0, STOP_STEP_MS * 1000000L };
	int i;

	if (s->pid == 0)
		return;
	close(s->fd);
	s->fd = -1;
	for (i = 0; i < STOP_MS / STOP_STEP_MS &&
	    waitpid(s->pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&step, NULL);
	s->pid = 0;
}

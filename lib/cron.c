#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "cron.h"
#include "die.h"
#include "http.h"
#include "sign.h"
#include "when.h"

#ifndef BINDIR
#define BINDIR "/usr/local/bin"
#endif

enum {
	PATH_SIZE = 4096,
	ANSWER_MAX = 4096
};

/* What goes to the runner, with the descriptor of a client or without. */
struct order {
	char peer[CRON_PEER_MAX];
};

const char cron_path[] = "/api/cron/reconcile-sms";

extern char **environ;

/* The length of "word number" pairs at the beginning of s, or 0. */
static size_t
pair(const char *s, size_t *word, size_t *digits)
{
	*word = strspn(s, "abcdefghijklmnopqrstuvwxyz_");
	if (*word == 0 || s[*word] != ' ')
		return 0;
	*digits = strspn(s + *word + 1, "0123456789");
	/* JSON knows no leading zeros, and nobody counts farther */
	if (*digits == 0 || *digits > 15 ||
	    (*digits > 1 && s[*word + 1] == '0'))
		return 0;
	return *word + 1 + *digits;
}

/* A line like "checked 5 applied 3"; what it counts may change. */
static int
is_summary(const char *s)
{
	size_t n, word, digits;

	for (;; s += n + 1) {
		if ((n = pair(s, &word, &digits)) == 0)
			return 0;
		if (s[n] == '\0')
			return 1;
		if (s[n] != ' ')
			return 0;
	}
}

static void
refuse(struct cron_answer *a, int status, const char *reason)
{
	a->status = status;
	a->reason = reason;
}

void
cron_judge(const struct cron_result *result, struct cron_answer *a)
{
	struct buf b = BUF_INIT(sizeof(a->body) - 1);
	const char *s = result->summary;
	size_t word, digits;
	int r = 0;

	a->status = 200;
	a->reason = NULL;
	a->lines = "Cache-Control: no-store\r\n";
	if (result->exit_status == TRY_LATER) {
		refuse(a, 503, "reconcile_failed");
		a->lines = "Cache-Control: no-store\r\nRetry-After: 60\r\n";
	} else if (result->exit_status != 0) {
		refuse(a, 500, "reconcile_failed");
	} else if (*s == '\0') {
		/* it says nothing when another one holds the lock */
		refuse(a, 409, "running");
	}
	r |= buf_addstr(&b, "{");
	for (; pair(s, &word, &digits) > 0; s += *s == ' ') {
		r |= buf_addf(&b, "\"%.*s\":%.*s,", (int)word, s, (int)digits,
			s + word + 1);
		s += word + 1 + digits;
	}
	if (a->status == 409)
		r |= buf_addstr(&b, "\"running\":true}\n");
	else
		r |= buf_addf(&b, "\"exit_status\":%d}\n",
			result->exit_status);
	snprintf(a->body, sizeof(a->body), "%s", r == 0 ? b.s : "");
	buf_release(&b);
}

/*
 * By CGI a client names variables: HTTP_PROXY is one that programs listen to.
 * The secret is of no use to the ones that are run.
 */
static void
clean_environment(void)
{
	char name[256];
	size_t i = 0, n;

	while (environ[i] != NULL) {
		n = strcspn(environ[i], "=");
		if ((strncmp(environ[i], "HTTP_", 5) == 0 ||
		    strncmp(environ[i], "CRON_SECRET", 11) == 0) &&
		    n < sizeof(name)) {
			memcpy(name, environ[i], n);
			name[n] = '\0';
			if (unsetenv(name) == 0) {
				i = 0;
				continue;
			}
		}
		i++;
	}
}

/*
 * What is run, told from outside or beside ourselves; without /proc, or alone
 * there, where it was to be installed.
 */
static const char *
find_command(void)
{
	static const char name[] = "/sms-reconcile";
	static char path[PATH_SIZE];
	const char *told = conf("SMS_RECONCILE");
	ssize_t n;

	if (told != NULL) {
		if (*told != '/')
			die(BAD_SETUP, "SMS_RECONCILE does not begin with a "
				"slash");
		return told;
	}
	n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
	if (n > 0 && n < (ssize_t)(sizeof(path) - sizeof(name)) &&
	    *path == '/') {
		path[n] = '\0';
		strcpy(strrchr(path, '/'), name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return BINDIR "/sms-reconcile";
}

/* sms-reconcile finds its own where it was found, whatever a server left. */
static void
set_path(const char *command)
{
	struct buf path = BUF_INIT(2 * PATH_SIZE);
	const char *rest = conf("PATH");

	buf_add(&path, command, (size_t)(strrchr(command, '/') - command));
	if (buf_addf(&path, ":%s", rest != NULL ? rest :
	    "/usr/local/bin:/usr/bin:/bin") == 0)
		setenv("PATH", path.s, 1);
	buf_release(&path);
}

/*
 * They end what is run, if it gets them, but never the runner: somebody waits
 * for its answer, and it ends when nobody gives orders any more.
 */
static void
set_signals(void (*what)(int))
{
	signal(SIGTERM, what);
	signal(SIGHUP, what);
	signal(SIGINT, what);
}

/* Becomes sms-reconcile, with both of its outputs in the pipe. */
static _Noreturn void
become(const char *command, int out)
{
	if (dup2(out, 1) >= 0 && dup2(out, 2) >= 0) {
		close(out);
		set_signals(SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		signal(SIGXFSZ, SIG_DFL);
		execl(command, "sms-reconcile", (char *)NULL);
		dprintf(1, "cannot run '%s': %s\n", command, strerror(errno));
	}
	_exit(NO_SYSTEM);
}

/* Its summary is kept, what else it says goes where our messages go. */
static void
hear(int fd, struct cron_result *result)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *fp;

	if ((fp = fdopen(fd, "r")) == NULL) {
		close(fd);
		return;
	}
	while ((n = getline(&line, &size, fp)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n < CRON_SUMMARY_MAX && is_summary(line))
			memcpy(result->summary, line, (size_t)n + 1);
		else
			warn("%s", line);
	}
	free(line);
	fclose(fp);
}

static void
run(const char *command, struct cron_result *result)
{
	int out[2], status;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	result->exit_status = NO_SYSTEM;
	if (pipe(out) != 0) {
		warn("cannot make a pipe:");
		return;
	}
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	if ((pid = fork()) == 0)
		become(command, out[1]);
	close(out[1]);
	if (pid < 0)
		warn("cannot fork:");
	hear(out[0], result);
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) :
		128 + WTERMSIG(status);
}

static void
answer(int client, const char *peer, const struct cron_result *result)
{
	struct buf out = BUF_INIT(ANSWER_MAX);
	struct cron_answer a;

	cron_judge(result, &a);
	http_answer(&out, a.status, a.lines, "application/json", a.body,
		strlen(a.body), 0, 0);
	if (a.reason != NULL)
		warn("%d %s from %s", a.status, a.reason, peer);
	if (http_send(client, out.s, out.len,
	    when_mono_ms() + HTTP_ANSWER_MS) != 0 && a.reason == NULL)
		warn("0 answer_lost from %s", peer);
	http_linger(client);
	buf_release(&out);
}

/*
 * Takes an order; *client is the descriptor that came with it, or -1.
 * Returns 0, or -1 when there will be none.
 */
static int
take_order(int fd, struct order *o, int *client)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { o, sizeof(*o) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	ssize_t n;

	*client = -1;
	while ((n = recvmsg(fd, &m, MSG_WAITALL)) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(*o))
		return -1;
	o->peer[sizeof(o->peer) - 1] = '\0';
	head = CMSG_FIRSTHDR(&m);
	if (head != NULL && head->cmsg_level == SOL_SOCKET &&
	    head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(client, CMSG_DATA(head), sizeof(int));
		fcntl(*client, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

/* The runner.  It holds nothing of the client that its parent serves. */
static _Noreturn void
serve(int fd, const char *command)
{
	struct cron_result result;
	struct order order;
	int client, null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(NO_SYSTEM);
	if (null > 2)
		close(null);
	set_signals(SIG_IGN);
	clean_environment();
	set_path(command);
	while (take_order(fd, &order, &client) == 0) {
		run(command, &result);
		/* whether somebody is there to read it or not */
		if (send(fd, &result, sizeof(result), 0) < 0 && errno != EPIPE)
			warn("cannot tell what became of sms-reconcile:");
		if (client >= 0)
			answer(client, order.peer, &result);
	}
	_exit(0);
}

void
cron_open(struct cron *c)
{
	const char *command;
	int end[2], i;
	pid_t pid;

	c->fd = -1;
	c->is_running = 0;
	if ((c->secret = conf_secret("CRON_SECRET")) == NULL)
		return;
	command = find_command();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) != 0)
		die(NO_SYSTEM, "cannot make a pair of sockets:");
	for (i = 0; i < 2; i++)
		fcntl(end[i], F_SETFD, FD_CLOEXEC);
	if ((pid = fork()) < 0)
		die(NO_SYSTEM, "cannot fork:");
	if (pid == 0) {
		close(end[0]);
		serve(end[1], command);
	}
	close(end[1]);
	c->fd = end[0];
}

void
cron_close(struct cron *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->secret);
	c->secret = NULL;
}

int
cron_knows(const struct cron *c, const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (c->secret == NULL || authorization == NULL ||
	    strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return 0;
	authorization += sizeof(scheme) - 1;
	return sign_equal(authorization + strspn(authorization, " "),
		c->secret);
}

int
cron_runs(struct cron *c)
{
	struct cron_result result;

	if (c->is_running && recv(c->fd, &result, sizeof(result),
	    MSG_DONTWAIT) >= 0)
		c->is_running = 0;
	return c->is_running;
}

static int
order(struct cron *c, int client, const char *peer)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct order o;
	struct iovec iov = { &o, sizeof(o) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&o, 0, sizeof(o));
	snprintf(o.peer, sizeof(o.peer), "%s", peer);
	if (client < 0)
		return write(c->fd, &o, sizeof(o)) == (ssize_t)sizeof(o) ?
			0 : -1;
	memset(&control, 0, sizeof(control));
	m.msg_control = &control;
	m.msg_controllen = sizeof(control);
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &client, sizeof(int));
	/* a runner that was stopped takes no more, and nobody waits for it */
	return sendmsg(c->fd, &m, MSG_DONTWAIT) == (ssize_t)sizeof(o) ? 0 : -1;
}

int
cron_run(struct cron *c, struct cron_result *result)
{
	ssize_t n;

	if (order(c, -1, "") != 0)
		return -1;
	while ((n = recv(c->fd, result, sizeof(*result), MSG_WAITALL)) < 0 &&
	    errno == EINTR)
		;
	return n == (ssize_t)sizeof(*result) ? 0 : -1;
}

int
cron_pass(struct cron *c, int client, const char *peer)
{
	if (order(c, client, peer) != 0)
		return -1;
	c->is_running = 1;
	return 0;
}

#ifdef __linux__
#define _DEFAULT_SOURCE  /* syscall */
#endif
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "conf.h"
#include "die.h"
#include "edge.h"
#include "num.h"

enum {
	PASSED = 3,       /* the first descriptor of LISTEN_FDS */
	CLOSE_MAX = 1024  /* closed where /dev/fd does not list them */
};

/* Linux does in one call what takes ten elsewhere. */
static void
close_others(void)
{
	DIR *dir;
	struct dirent *e;
	long long fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
#endif
	if ((dir = opendir("/dev/fd")) == NULL) {
		for (fd = 3; fd < CLOSE_MAX; fd++)
			close((int)fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (num_parse(e->d_name, 3, 0x7fffffff, &fd) == 0 &&
		    fd != dirfd(dir))
			close((int)fd);
	closedir(dir);
}

static int
listens(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
		yes;
}

/*
 * Descriptors that systemd passes begin at 3 (sd_listen_fds(3)).  Returns how
 * many there are; the first takes the place that inetd would have given it.
 */
static long long
adopt(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long long n;

	if (pid == NULL || num_parse(pid, 1, 0x7fffffff, &n) != 0 ||
	    n != getpid() || fds == NULL || num_parse(fds, 0, 1024, &n) != 0)
		return 0;
	if (n > 0 && dup2(PASSED, 0) == 0 && !listens(0))
		dup2(PASSED, 1);
	return n;
}

static int
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The client's address, if the server that has started us tells it. */
static const char *
told_peer(void)
{
	static const char *const name[] = {
		"TCPREMOTEIP", "REMOTE_ADDR", "REMOTE_HOST", "SOCAT_PEERADDR"
	};
	const char *v;
	size_t i;

	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if ((v = conf(name[i])) != NULL && strlen(v) < EDGE_PEER_MAX &&
		    strspn(v, "0123456789abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ.:[]%-") == strlen(v))
			return v;
	return NULL;
}

/*
 * Descriptor 2 is the connection, which may be two pipes, or the socket that
 * listens for others.  Who tries out a request by hand may read answer and
 * messages from one pipe: no server has told of a client then.
 */
static int
stderr_is_client(void)
{
	struct stat st[3];
	int i;

	memset(st, 0, sizeof(st));
	for (i = 0; i < 3; i++)
		fstat(i, &st[i]);
	if (S_ISFIFO(st[2].st_mode))
		return same_file(&st[1], &st[2]) && (told_peer() != NULL ||
			conf("GATEWAY_INTERFACE") != NULL);
	return S_ISSOCK(st[2].st_mode) && (same_file(&st[0], &st[2]) ||
		same_file(&st[1], &st[2]) || listens(2));
}

static void
let_block(int fd, int yes)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && yes == ((flags & O_NONBLOCK) != 0))
		fcntl(fd, F_SETFL, flags ^ O_NONBLOCK);
}

int
edge_own(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ? -1 : 0;
}

void
edge_mute(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd < 0 || dup2(fd, 2) < 0)
		close(2);
	if (fd > 2)
		close(fd);
	die_to_syslog();
}

enum edge_shape
edge_begin(void)
{
	int fd, mute = 0;
	long long passed;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			/* the lowest that is free, so it is this one */
			if (open("/dev/null", O_RDWR) != fd)
				exit(NO_SYSTEM);
			mute = fd == 2;
		}
	passed = adopt();
	close_others();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	let_block(0, 1);
	let_block(1, 1);
	if (mute || stderr_is_client())
		edge_mute();
	if (passed > 1)
		die(BAD_SETUP, "LISTEN_FDS is %lld: only one socket is served",
			passed);
	if (listens(0)) {
		let_block(0, 0);
		return EDGE_LISTENING;
	}
	if (conf("GATEWAY_INTERFACE") == NULL)
		return EDGE_CONNECTION;
	die_open_syslog();  /* for edge_mute */
	return EDGE_CGI;
}

const char *
edge_address(const struct sockaddr_storage *a, char text[EDGE_PEER_MAX])
{
	const void *in;

	if (a->ss_family == AF_UNIX)
		return "local";
	if (a->ss_family == AF_INET)
		in = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
	else
		in = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	if (inet_ntop(a->ss_family, in, text, EDGE_PEER_MAX) == NULL)
		return "unknown";
	return text;
}

const char *
edge_peer(void)
{
	static char text[EDGE_PEER_MAX];
	const char *told = told_peer();
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (told != NULL)
		return told;
	memset(&a, 0, sizeof(a));
	if (getpeername(0, (struct sockaddr *)&a, &len) != 0)
		return "unknown";
	return edge_address(&a, text);
}

void
edge_hold(int on)
{
	signal(SIGTERM, on ? SIG_IGN : SIG_DFL);
	signal(SIGHUP, on ? SIG_IGN : SIG_DFL);
}

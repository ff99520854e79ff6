/*
 * drip - many clients who never come to the end of their request
 *
 *	drip port connections
 *
 * Keeps that many connections to 127.0.0.1 and sends one byte of a header
 * on each five times a second; one that the server closes is made anew.
 * Writes "ready" once all of them are open, and at SIGTERM how many of them
 * were closed meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "num.h"

enum { CLIENTS_MAX = 1000, PAUSE_MS = 200 };

const char progname[] = "drip";

static volatile sig_atomic_t ended;

static void
end(int number)
{
	(void)number;
	ended = 1;
}

/* Does not wait until it is connected: the backlog may be full. */
static int
begin(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		die(NO_SYSTEM, "cannot make a socket:");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 &&
	    errno != EINPROGRESS)
		die(NO_SYSTEM, "cannot connect:");
	return fd;
}

int
main(int argc, char *argv[])
{
	static const char start[] = "POST / HTTP/1.1\r\nHost: x\r\nX: ";
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd[CLIENTS_MAX], begun[CLIENTS_MAX] = { 0 }, said = 0;
	long long n, port, i, ready, closed = 0;
	ssize_t r;

	if (argc != 3 || num_parse(argv[1], 1, 65535, &port) != 0 ||
	    num_parse(argv[2], 1, CLIENTS_MAX, &n) != 0)
		die(BAD_USAGE, "usage: drip port connections");
	to.sin_port = htons((unsigned short)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, end);
	for (i = 0; i < n; i++)
		fd[i] = begin(&to);
	while (!ended) {
		ready = 0;
		for (i = 0; i < n; i++) {
			r = begun[i] ? write(fd[i], "x", 1) :
				write(fd[i], start, sizeof(start) - 1);
			if (r > 0) {
				begun[i] = 1;
				ready++;
			} else if (errno != EAGAIN) {
				close(fd[i]);
				fd[i] = begin(&to);
				begun[i] = 0;
				closed++;
			}
		}
		if (ready == n && !said) {
			puts("ready");
			fflush(stdout);
			said = 1;
		}
		poll(NULL, 0, PAUSE_MS);
	}
	printf("%lld closed\n", closed);
	return finish_stdout(said ? 0 : 1);
}

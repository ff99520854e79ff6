/*
 * door - run sms-hook with a socket that listens, as inetd (wait) does, once
 *
 *	door request command [argument ...]
 *
 * Connects to that socket, sends the file as it is and ends its side.  Writes
 * what is answered, tells the command to end, and waits until all processes
 * that it has begun are gone.  The exit status is the command's, as a shell
 * would give it; 124 if it did not end.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "die.h"

enum { SILENT_MS = 1500, ENDLESS_MS = 20000 };

const char progname[] = "door";

/* What is read from one is written to the other; 0 at the end. */
static int
copy(int from, int to)
{
	char data[65536];
	ssize_t n = read(from, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return 1;
	if (n > 0 && write(to, data, (size_t)n) != n)
		die(IO_FAILED, "cannot write:");
	return n > 0;
}

/* A client that has sent all of the file; door is where it is waited for. */
static int
client(int door, const char *file)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int fd, in = open(file, O_RDONLY);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (in < 0)
		die(IO_FAILED, "cannot open '%s':", file);
	if (bind(door, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(door, 64) != 0 ||
	    getsockname(door, (struct sockaddr *)&a, &len) != 0 ||
	    (fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, len) != 0)
		die(NO_SYSTEM, "no socket:");
	while (copy(in, fd))
		;
	close(in);
	shutdown(fd, SHUT_WR);
	return fd;
}

int
main(int argc, char *argv[])
{
	int door = socket(AF_INET, SOCK_STREAM, 0), said[2], status, n;
	struct pollfd p[2] = { { -1, POLLIN, 0 }, { -1, POLLIN, 0 } };
	pid_t pid;

	if (argc < 3)
		die(BAD_USAGE, "usage: door request command [argument ...]");
	signal(SIGPIPE, SIG_IGN);
	p[0].fd = client(door, argv[1]);
	if (pipe(said) != 0 || (pid = fork()) < 0)
		die(NO_SYSTEM, "cannot fork:");
	if (pid == 0) {
		/* the last of them closes descriptor 2 */
		dup2(door, 0);
		dup2(said[1], 1);
		dup2(said[1], 2);
		close(p[0].fd);
		close(door);
		close(said[0]);
		close(said[1]);
		execvp(argv[2], argv + 2);
		die(NO_SYSTEM, "cannot run '%s':", argv[2]);
	}
	close(door);
	close(said[1]);
	p[1].fd = said[0];

	while (p[1].fd >= 0) {
		n = poll(p, 2, p[0].fd >= 0 ? SILENT_MS : ENDLESS_MS);
		if (n == 0 && p[0].fd < 0) {
			kill(pid, SIGKILL);
			die(124, "it does not end");
		}
		if (p[0].fd >= 0 && (n == 0 ||
		    (p[0].revents != 0 && !copy(p[0].fd, 1)))) {
			close(p[0].fd);
			p[0].fd = -1;
			kill(pid, SIGTERM);
		}
		if (p[1].revents != 0 && !copy(p[1].fd, 2))
			p[1].fd = -1;
	}
	if (waitpid(pid, &status, 0) < 0)
		die(NO_SYSTEM, "cannot wait:");
	return WIFEXITED(status) ? WEXITSTATUS(status) :
		128 + WTERMSIG(status);
}

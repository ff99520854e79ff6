/*
 * keeper - run sms-hook with a socket that listens, as inetd (wait) does
 *
 *	keeper command [argument ...]
 *
 * Prints the port, which is the kernel's choice on the loopback interface.
 * Whenever somebody connects and the command does not run, starts it; however
 * it ends, the next who connects finds another one.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "die.h"

const char progname[] = "keeper";

int
main(int argc, char *argv[])
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct pollfd p = { socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0 };
	pid_t pid;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc < 2)
		die(BAD_USAGE, "usage: keeper command [argument ...]");
	if (bind(p.fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(p.fd, 512) != 0 ||
	    getsockname(p.fd, (struct sockaddr *)&a, &len) != 0)
		die(NO_SYSTEM, "no socket:");
	printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	while (poll(&p, 1, -1) > 0) {
		if ((pid = fork()) == 0) {
			dup2(p.fd, 0);
			execvp(argv[1], argv + 1);
			die(NO_SYSTEM, "cannot run '%s':", argv[1]);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			die(NO_SYSTEM, "cannot fork:");
	}
	return IO_FAILED;
}

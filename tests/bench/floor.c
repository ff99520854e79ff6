/*
 * floor - answer 200 to whatever comes, once
 *
 * The least that a process for each callback can cost: nothing is looked at,
 * verified or kept.
 */
#include <sys/socket.h>
#include <unistd.h>

int
main(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n"
		"Content-Length: 0\r\nConnection: close\r\n\r\n";
	char request[16384];

	if (read(0, request, sizeof(request)) <= 0 ||
	    write(1, answer, sizeof(answer) - 1) != sizeof(answer) - 1)
		return 1;
	shutdown(1, SHUT_WR);
	return 0;
}

/*
 * hold - lock a byte of a file, as one who was stopped would
 *
 *	hold path byte
 *
 * Says so, and gives it up at the end of standard input.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct flock l;
	char byte;
	int fd;

	memset(&l, 0, sizeof(l));
	l.l_type = F_WRLCK;
	l.l_whence = SEEK_SET;
	l.l_start = argc == 3 ? atoi(argv[2]) : 0;
	l.l_len = 1;
	if (argc != 3 || (fd = open(argv[1], O_RDWR)) < 0 ||
	    fcntl(fd, F_SETLK, &l) != 0 || write(1, "held\n", 5) != 5)
		return 1;
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

/*
 * sync - what it takes to make 400 bytes durable
 *
 *	sync file
 *
 * Prints two times in milliseconds: behind the end of the file, which becomes
 * longer, and in the place of bytes that it has.  Medians of 500.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 400, TIMES = 500 };

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
by_ms(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median_ms(int fd)
{
	static double ms[TIMES];
	char line[LINE];
	int i;

	memset(line, 'x', sizeof(line));
	if (lseek(fd, 0, SEEK_SET) != 0)
		exit(1);
	for (i = 0; i < TIMES; i++) {
		ms[i] = now_ms();
		if (write(fd, line, sizeof(line)) != sizeof(line) ||
		    fdatasync(fd) != 0) {
			perror("sync");
			exit(1);
		}
		ms[i] = now_ms() - ms[i];
	}
	qsort(ms, TIMES, sizeof(ms[0]), by_ms);
	return ms[TIMES / 2];
}

int
main(int argc, char *argv[])
{
	int fd;

	if (argc != 2 || (fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL,
	    0600)) < 0) {
		perror(argc != 2 ? "usage: sync file" : argv[1]);
		return 1;
	}
	printf("%.3f", median_ms(fd));
	printf(" %.3f\n", median_ms(fd));
	return unlink(argv[1]) != 0;
}

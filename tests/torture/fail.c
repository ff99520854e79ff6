/*
 * fail - memory runs out for a moment
 *
 * Preloaded, it lets the FAIL_AT-th allocation of a process fail, and no other
 * one.  A child goes on counting where its parent was.  Each process says in
 * the file FAIL_LOG, a line for each, how far it has counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of glibc. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static int
fails(void)
{
	static long at = -1, count;
	const char *s, *file = getenv("FAIL_LOG");
	char line[24];
	int fd, saved = errno, n;

	if (at < 0)
		at = (s = getenv("FAIL_AT")) != NULL ? atol(s) : 0;
	count++;
	if (file != NULL && (at == 0 || at == count) &&
	    (fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600)) >= 0) {
		n = snprintf(line, sizeof(line), "%ld\n", count);
		if (write(fd, line, (size_t)n) != n)
			abort();
		close(fd);
	}
	errno = at == count ? ENOMEM : saved;
	return at == count;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

#include <stdio.h>
#include <unistd.h>

#include "die.h"
#include "progress.h"
#include "when.h"

enum { QUIET_MS = 2000, STEP_MS = 200 };

static long long next;  /* time to speak; 0: not begun, -1: never */
static int shown;

void
progress_off(void)
{
	next = -1;
}

void
progress(const char *done, long long n)
{
	long long now;

	if (next == 0)
		next = isatty(STDERR_FILENO) ? when_mono_ms() + QUIET_MS : -1;
	if (next < 0 || (now = when_mono_ms()) < next)
		return;
	fprintf(stderr, "\r%s: %lld %s", progname, n, done);
	next = now + STEP_MS;
	shown = 1;
}

void
progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = 0;
}

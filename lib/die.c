#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "die.h"
#include "mask.h"

static int to_syslog, is_open, syslog_fd = -1;
static int lost;  /* the errno of what was lost of stdout */

static void
say(const char *fmt, va_list ap)
{
	char line[1024];
	int saved = errno;
	size_t n;

	vsnprintf(line, sizeof(line), fmt, ap);
	n = strlen(fmt);
	if (n > 0 && fmt[n - 1] == ':') {
		n = strlen(line);
		snprintf(line + n, sizeof(line) - n, " %s", strerror(saved));
	}
	mask_message(line);
	if (to_syslog)
		syslog(LOG_WARNING, "%s", line);
	else
		fprintf(stderr, "%s: %s\n", progname, line);
}

void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(status);
}

void
die_open_syslog(void)
{
	int fd;

	if (is_open)
		return;
	is_open = 1;
	/* the connection gets the lowest one that is free */
	if ((fd = fcntl(0, F_DUPFD, 3)) >= 0)
		close(fd);
	openlog(progname, LOG_PID | LOG_NDELAY, LOG_USER);
	tzset();  /* syslog(3) opens /etc/localtime once, and not later */
	if (fd >= 0 && fcntl(fd, F_GETFD) >= 0)
		syslog_fd = fd;
}

void
die_to_syslog(void)
{
	die_open_syslog();
	to_syslog = 1;
}

int
die_syslog_fd(void)
{
	return syslog_fd;
}

int
stdout_lost(void)
{
	if (!ferror(stdout))
		return 0;
	if (lost == 0)
		lost = errno;
	return 1;
}

int
finish_stdout(int status)
{
	if (!stdout_lost() && fflush(stdout) == 0 && fclose(stdout) == 0)
		return status;
	if (lost != 0)
		errno = lost;
	if (errno == EPIPE)
		return READER_GONE;
	die(IO_FAILED, "cannot write standard output:");
}

void
check_stdout(void)
{
	if (stdout_lost())
		exit(finish_stdout(IO_FAILED));
}

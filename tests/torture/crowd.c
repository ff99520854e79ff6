/*
 * crowd - add to one spool and take from it, killed and stopped at any moment
 *
 *	crowd seconds seed
 *
 * In the working directory: five processes add lines to "spool", two take
 * them.  Some milliseconds apart one of them, by chance, is killed and replaced
 * or stopped for up to 2.5 s.  At the end all are killed, and what waits is
 * taken.
 *
 * A line is "NAME LENGTH FILLER .", and no two have the same name.  When
 * spool_add has called lines durable their names are added to "added".  Each
 * lot that was taken is a file in "taken", named by its id and there at once,
 * as a transaction would have it: what is there is not taken again.
 *
 * Prints how many were killed and how many were stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "num.h"
#include "spool.h"
#include "when.h"

enum {
	ADDERS = 5, TAKERS = 2, ALL = ADDERS + TAKERS,
	LINES_MAX = 3,       /* added at once */
	FILLER_MAX = 9000,   /* bytes, but mostly less than */
	FILLER = 460,
	TEXT_MAX = LINES_MAX * (FILLER_MAX + 100)
};

const char progname[] = "crowd";

struct member {
	pid_t pid;
	long long wakes_at;  /* when_mono_ms(); 0: it is not stopped */
};

static void
write_whole(int fd, const char *s, size_t n)
{
	if (write(fd, s, n) != (ssize_t)n)
		die(IO_FAILED, "cannot write:");
}

static int
keep(void *ctx, int fd, const char *id)
{
	char name[300], unfinished[300], block[65536];
	ssize_t n;
	int out;

	(void)ctx;
	snprintf(name, sizeof(name), "taken/%s", id);
	if (access(name, F_OK) == 0)
		return 0;
	snprintf(unfinished, sizeof(unfinished), "lot.%ld", (long)getpid());
	if ((out = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0)
		die(IO_FAILED, "cannot write '%s':", unfinished);
	while ((n = read(fd, block, sizeof(block))) > 0)
		write_whole(out, block, (size_t)n);
	close(out);
	return n < 0 ? -1 : rename(unfinished, name);
}

/* EAGAIN, here and below: somebody was stopped in the middle of a line. */
static _Noreturn void
take(void)
{
	static const enum spool_taker how[] = {
		SPOOL_WAIT, SPOOL_ONCE, SPOOL_STAY
	};

	for (;;) {
		if (spool_take("spool", how[rand() % 3], keep, NULL) != 0 &&
		    errno != EAGAIN)
			warn("cannot take:");
		when_sleep_ms(rand() % 3);
	}
}

/* member: which of all that were ever started; a process id comes again. */
static void
add_line(struct buf *text, struct buf *names, long member, long number)
{
	size_t n = 1 + (size_t)rand() % (rand() % 8 == 0 ? FILLER_MAX : FILLER);

	buf_addf(names, "%ld.%ld\n", member, number);
	buf_addf(text, "%ld.%ld %zu ", member, number, n);
	if (buf_reserve(text, n) != 0)
		die(BUG, "no room for a line");
	memset(text->s + text->len, 'a' + (int)(number % 26), n);
	text->len += n;
	buf_addstr(text, " .\n");
}

static _Noreturn void
add(long member)
{
	struct buf text = BUF_INIT(TEXT_MAX), names = BUF_INIT(TEXT_MAX);
	int fd = open("added", O_WRONLY | O_APPEND | O_CREAT, 0600), i, n;
	long number = 0;

	for (;;) {
		buf_reset(&text);
		buf_reset(&names);
		for (i = 0, n = 1 + rand() % LINES_MAX; i < n; i++)
			add_line(&text, &names, member, number++);
		if (spool_add("spool", text.s, text.len) == 0)
			write_whole(fd, names.s, names.len);
		else if (errno != EAGAIN)
			warn("cannot add:");
		if (rand() % 7 == 0)
			when_sleep_ms(rand() % 3);
	}
}

static void
start(struct member *m, int is_adder)
{
	static long started;
	int seed = rand();

	started++;
	m->wakes_at = 0;
	if ((m->pid = fork()) < 0)
		die(NO_SYSTEM, "cannot fork:");
	if (m->pid > 0)
		return;
	srand((unsigned)seed);
	if (is_adder)
		add(started);
	take();
}

static void
end(const struct member *m)
{
	int status;

	kill(m->pid, SIGKILL);
	if (waitpid(m->pid, &status, 0) < 0 || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		die(SOME_FAILED, "one has ended by itself");
}

static void
wake(struct member *m, long long now)
{
	if (m->wakes_at == 0 || m->wakes_at > now)
		return;
	kill(m->pid, SIGCONT);
	m->wakes_at = 0;
}

int
main(int argc, char *argv[])
{
	static const int naps_ms[] = { 10, 200, 2500 };
	struct member all[ALL];
	long long seconds, seed, until, now;
	long killed = 0, stopped = 0;
	int i, what;

	if (argc != 3 || num_parse(argv[1], 1, 86400, &seconds) != 0 ||
	    num_parse(argv[2], 0, 0x7fffffff, &seed) != 0)
		die(BAD_USAGE, "usage: crowd seconds seed");
	srand((unsigned)seed);
	if (mkdir("taken", 0700) != 0)
		die(IO_FAILED, "cannot make 'taken':");
	for (i = 0; i < ALL; i++)
		start(&all[i], i < ADDERS);
	until = when_mono_ms() + seconds * 1000;
	while ((now = when_mono_ms()) < until) {
		when_sleep_ms(rand() % 30);
		i = rand() % ALL;
		what = rand() % 10;
		if (what < 5) {
			end(&all[i]);
			start(&all[i], i < ADDERS);
			killed++;
		} else if (what < 8 && all[i].wakes_at == 0) {
			kill(all[i].pid, SIGSTOP);
			all[i].wakes_at = now + naps_ms[rand() % 3];
			stopped++;
		}
		for (i = 0; i < ALL; i++)
			wake(&all[i], now);
	}
	for (i = 0; i < ALL; i++)
		end(&all[i]);
	if (spool_take("spool", SPOOL_STAY, keep, NULL) != 0 ||
	    spool_waits("spool"))
		die(IO_FAILED, "cannot take the last of it:");
	printf("%ld killed, %ld stopped\n", killed, stopped);
	return 0;
}

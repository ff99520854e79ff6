/*
 * What is forbidden after confine() fails, and what the store and the spool
 * need goes on working.  The process cannot be used for anything else after
 * that, so each kind of it is a child of this one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "die.h"
#include "holds.h"
#include "spool.h"
#include "store.h"

const char progname[] = "confine";

static char dir[] = "/tmp/confine.XXXXXX";
static char db[64], spool[64], link_to[64], victim[64];

/* The call is refused, and not for want of what it is asked for. */
#define REFUSED(call) do { \
	errno = 0; \
	HOLDS((call) < 0 && (errno == EPERM || errno == EACCES)); \
} while (0)

static int
is_limited(int what, rlim_t most)
{
	struct rlimit l;

	return getrlimit(what, &l) == 0 && l.rlim_max <= most;
}

static void
test_files(void)
{
	char other[96];

	REFUSED(open("/etc/passwd", O_RDONLY));
	REFUSED(open("/proc/self/environ", O_RDONLY));
	REFUSED(open("/tmp", O_RDONLY));
	REFUSED(open("/", O_RDONLY));
	snprintf(other, sizeof(other), "%s.elsewhere", dir);
	REFUSED(open(other, O_WRONLY | O_CREAT, 0600));
	REFUSED(open(victim, O_RDWR));
	REFUSED(truncate(victim, 0));
	REFUSED(unlink(victim));
	REFUSED(rename(victim, other));
	REFUSED(rename(victim, db));
	REFUSED(link(victim, db));
	REFUSED(symlink(db, other));
	REFUSED(mkdir(other, 0700));
	snprintf(other, sizeof(other), "%s/fifo", dir);
	REFUSED(mkfifo(other, 0600));
}

static void
test_calls(const struct confine *c, int pair[2])
{
	static char *const argv[] = { "true", NULL };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct msghdr m;
	struct rlimit l = { 1, 1 };
	char byte = 0;
	int two[2];
	pid_t pid;

	REFUSED(execv("/bin/true", argv));
	REFUSED(socket(AF_INET, SOCK_STREAM, 0));
	REFUSED(socket(AF_UNIX, SOCK_DGRAM, 0));
	if (c->forks)  /* to speak with the next copy */
		HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0);
	else
		REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, two));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(9);
	REFUSED(connect(pair[0], (struct sockaddr *)&in, sizeof(in)));
	REFUSED(bind(pair[0], (struct sockaddr *)&un, sizeof(un)));
	REFUSED(listen(pair[0], 1));
	REFUSED(sendto(pair[0], &byte, 1, 0, (struct sockaddr *)&un,
		sizeof(un)));
	HOLDS(send(pair[0], &byte, 1, 0) == 1);
	memset(&m, 0, sizeof(m));
	if (c->sends)
		HOLDS(sendmsg(pair[0], &m, 0) == 0);
	else
		REFUSED(sendmsg(pair[0], &m, 0));
	REFUSED(kill(getppid(), 0));
	REFUSED(setuid(0));
	REFUSED(chdir("/"));
	REFUSED(chmod(db, 0666));
	REFUSED(mprotect(dir, 1, PROT_READ | PROT_EXEC));
	HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE, pair[0], 0) == MAP_FAILED && errno == EPERM);
	REFUSED(setrlimit(RLIMIT_CORE, &l));
	if (c->forks) {
		if ((pid = fork()) == 0)
			_exit(execv("/bin/true", argv) < 0 && errno == EPERM ?
				7 : 1);
		HOLDS(waitpid(pid, &two[0], 0) == pid &&
			WIFEXITED(two[0]) && WEXITSTATUS(two[0]) == 7);
	} else {
		REFUSED(fork());
	}
}

static int
nothing(void *ctx, int fd, const char *id)
{
	(void)id;
	*(int *)ctx = fd;
	return 0;
}

/* What SQLite sorts is more than it keeps in memory. */
static void
test_temporaries(void)
{
	sqlite3 *s;

	HOLDS(sqlite3_open(db, &s) == SQLITE_OK && sqlite3_exec(s,
		"PRAGMA cache_size = 10; BEGIN;"
		"CREATE TABLE many AS WITH RECURSIVE n (i) AS (SELECT 1 UNION "
		"ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i, hex(randomblob("
		"100)) AS x FROM n; CREATE INDEX sorted ON many (x); ROLLBACK",
		NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(s);
}

static void
test_allowed(const char *path)
{
	struct outcome out;
	struct store *s;
	const char *why;
	struct rec rec;
	int fd = -1;

	HOLDS(spool_add(spool, "a line\n", 7) == 0);
	HOLDS(spool_take(spool, SPOOL_ONCE, nothing, &fd) == 0 && fd >= 0);
	HOLDS(store_open(&s, path, STORE_MAKE, &why) == 0);
	if (s == NULL) {
		fprintf(stderr, "%s\n", why);
		return;
	}
	memset(&rec, 0, sizeof(rec));
	rec.f[SID] = "SM0123456789abcdef0123456789abcdef";
	rec.f[STATUS] = "sent";
	rec.f[AT] = "2026-01-01T00:00:00Z";
	HOLDS(store_begin(s) == 0);
	HOLDS(store_apply(s, &rec, 1767225600, &out) == 0);
	HOLDS(store_commit(s) == 0);
	store_close(s);
	HOLDS((fd = open("/dev/null", O_RDWR)) >= 0);
	HOLDS(dup2(fd, 9) == 9);
}

/* What a system like this one has to have in force. */
static int
expected(int done)
{
	int due = CONFINE_LIMITS;

#if defined(__SANITIZE_ADDRESS__)
	/* the limits are all */
#elif defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
	due |= CONFINE_CALLS;
	/* a kernel may have been built without */
	due |= done & CONFINE_FILES;
#elif defined(__OpenBSD__)
	due |= CONFINE_CALLS | CONFINE_FILES;
#endif
	(void)done;
	return due;
}

static void
test(const struct confine *c)
{
	int pair[2], done, status;
	pid_t pid = fork();

	if (pid != 0) {
		HOLDS(pid > 0 && waitpid(pid, &status, 0) == pid &&
			WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return;
	}
	failed = 0;
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	done = confine(c);
	HOLDS(done == expected(done));
	HOLDS(is_limited(RLIMIT_CORE, 0));
	HOLDS(is_limited(RLIMIT_NOFILE, 1024));
	if (done & CONFINE_FILES)
		test_files();
	else
		printf("# not fenced: files\n");
	if (done & CONFINE_CALLS)
		test_calls(c, pair);
	else
		printf("# not fenced: calls\n");
	test_allowed(c->path[0]);
	test_temporaries();
	exit(failed);
}

int
main(void)
{
	const struct confine one = { { db, spool }, 0, 0, 0 };
	const struct confine many = { { db, spool }, 1, 1, 1 };
	const struct confine linked = { { link_to, spool }, 0, 0, 0 };
	char command[64];
	int fd;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(db, sizeof(db), "%s/sms.db", dir);
	snprintf(spool, sizeof(spool), "%s/sms.db.spool", dir);
	snprintf(link_to, sizeof(link_to), "%s.link", dir);
	snprintf(victim, sizeof(victim), "%s.victim", dir);
	HOLDS(symlink(db, link_to) == 0);
	HOLDS((fd = open(victim, O_WRONLY | O_CREAT, 0600)) >= 0);
	test(&one);
	test(&many);
	test(&linked);
	unlink(link_to);
	unlink(victim);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	HOLDS(system(command) == 0);
	return failed;
}

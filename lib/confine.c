/*
 * Three fences, of which the later ones are not everywhere:
 *
 *   limits  setrlimit(2): no core with secrets in it, no other process, so
 *           much memory, time and descriptors as no good run comes near.  No
 *           limit on the size of files: the store may have any.
 *   files   Landlock: of what is opened from now on only the directories of
 *           the store and of the spool, /dev/null, and /dev/urandom for
 *           SQLite.  All that lies in these directories: rules for single
 *           files would not hold for those that SQLite and the spool make.
 *   calls   seccomp: only the system calls listed below, with EPERM for all
 *           others, so that an unforeseen one is an error and no crash.
 *
 * OpenBSD has pledge(2) and unveil(2) for the last two.
 *
 * Constants newer than the headers of Debian 12 stand here, and a kernel is
 * only asked for what its version of Landlock knows.  One without it or
 * without seccomp, and machines other than those named below, go on without.
 *
 * With a sanitizer there are only limits, and none on memory: its shadow is
 * larger than any, and to report a leak or to name a line it opens, forks and
 * traces as it likes.
 */
#ifdef __linux__
#define _GNU_SOURCE  /* syscall, O_PATH */
#endif
#ifdef __OpenBSD__
#define _BSD_SOURCE  /* pledge, unveil */
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
	__has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__linux__) && !SANITIZED
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#endif
#endif

enum { PATH_SIZE = 4096 };

static void
limit(int what, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0)
		return;
	if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most)
		now.rlim_max = most;
	if (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > now.rlim_max)
		now.rlim_cur = now.rlim_max;
	setrlimit(what, &now);
}

static void
set_limits(const struct confine *c)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, c->listens ? 1024 : 64);
	/* to take in a spool that has waited for weeks needs time */
	if (!c->listens)
		limit(RLIMIT_CPU, 600);
#ifdef RLIMIT_NPROC
	/*
	 * It counts all that the user runs, so it is none or no limit; the
	 * search for leaks at the end of a sanitized process is another one.
	 */
	if (!c->forks && !SANITIZED)
		limit(RLIMIT_NPROC, 0);
#endif
#ifdef RLIMIT_AS
	/* 512 connections, their requests and one batch are half of it */
	if (!SANITIZED)
		limit(RLIMIT_AS, c->listens ? 1024UL << 20 : 512UL << 20);
#endif
}

#if (defined(__linux__) || defined(__OpenBSD__)) && !SANITIZED

/* The directory of a file, or of what a symbolic link leads to. */
static const char *
directory(char dir[PATH_SIZE], const char *path)
{
	struct stat st;
	char *real = NULL, *slash;
	int r;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    (real = realpath(path, NULL)) != NULL)
		path = real;
	r = snprintf(dir, PATH_SIZE, "%s", path);
	free(real);
	if (r < 0 || r >= PATH_SIZE)
		return NULL;
	if ((slash = strrchr(dir, '/')) == NULL)
		return ".";
	slash[slash == dir] = '\0';
	return dir;
}

/*
 * What SQLite sorts and does not want to keep in memory goes beside the store
 * and not to /var/tmp.
 */
static void
keep_temporaries(const char *dir)
{
	setenv("SQLITE_TMPDIR", dir, 1);
}

#endif

#if defined(__linux__) && !SANITIZED

/* linux/landlock.h, as of version 7 of its interface */
enum {
	FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5, FS_MAKE_REG = 1 << 8, FS_TRUNCATE = 1 << 14,
	RULE_PATH_BENEATH = 1,
	NET_ALL = (1 << 2) - 1,   /* bind and connect of TCP */
	SCOPE_ALL = (1 << 2) - 1  /* abstract sockets and signals */
};

struct ruleset {
	uint64_t fs, net, scoped;
};

struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* How many kinds of access to files a version knows, the first one first. */
static int
kinds(long version)
{
	return version == 1 ? 13 : version == 2 ? 14 : version < 5 ? 15 : 16;
}

static void
allow(int ruleset, const char *path, uint64_t access)
{
	struct beneath b = { access, open(path, O_PATH | O_CLOEXEC) };

	/* what is not there cannot be opened in any case */
	if (b.parent < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &b, 0);
	close(b.parent);
}

static int
fence_files(const struct confine *c)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	uint64_t beside = FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR |
		FS_MAKE_REG | FS_REMOVE_FILE;
	char dir[2][PATH_SIZE];
	const char *d[2];
	struct ruleset r = { 0, 0, 0 };
	int fd, done;
	size_t i;

	if (version < 1)
		return 0;
	r.fs = ((uint64_t)1 << kinds(version)) - 1;
	if (version >= 3)
		beside |= FS_TRUNCATE;
	if (version >= 4)
		r.net = NET_ALL;
	if (version >= 6)
		r.scoped = SCOPE_ALL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, version < 4 ? 8 :
		version < 6 ? 16 : sizeof(r), 0);
	if (fd < 0)
		return 0;
	for (i = 0; i < 2; i++)
		if ((d[i] = directory(dir[i], c->path[i])) != NULL &&
		    (i == 0 || d[0] == NULL || strcmp(d[0], d[1]) != 0))
			allow(fd, d[i], beside);
	if (d[0] != NULL)
		keep_temporaries(d[0]);
	allow(fd, "/dev/null", FS_READ_FILE | FS_WRITE_FILE);
	allow(fd, "/dev/urandom", FS_READ_FILE);
	done = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	close(fd);
	return done;
}

#ifdef ARCH

/*
 * What the C library, SQLite and we call, and what is of no use to a stranger.
 * Those behind #ifdef exist on older machines only.
 */
static const int always[] = {
	SYS_read, SYS_readv, SYS_pread64, SYS_write, SYS_writev, SYS_pwrite64,
	SYS_lseek, SYS_close, SYS_fcntl, SYS_fstat, SYS_openat, SYS_unlinkat,
	SYS_renameat, SYS_renameat2, SYS_faccessat, SYS_newfstatat, SYS_statx,
	SYS_readlinkat, SYS_getcwd, SYS_ftruncate, SYS_fallocate, SYS_fsync,
	SYS_fdatasync, SYS_fchmod, SYS_fchown, SYS_flock, SYS_dup, SYS_dup3,
	SYS_pipe2, SYS_ppoll, SYS_pselect6,
	SYS_accept, SYS_accept4, SYS_shutdown, SYS_recvfrom, SYS_getsockname,
	SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
	SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_futex, SYS_sched_yield, SYS_restart_syscall, SYS_exit,
	SYS_exit_group, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_nanosleep, SYS_clock_nanosleep,
	SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getrandom,
	SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid, SYS_uname, SYS_sysinfo,
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_unlink, SYS_rename,
	SYS_readlink, SYS_pipe, SYS_dup2, SYS_poll, SYS_select, SYS_time,
#endif
#ifdef SYS_rseq
	SYS_rseq,
#endif
};

/*
 * The kernel compiles the filter for each process, which is a tenth of what a
 * callback costs: every instruction counts.
 */
enum {
	WORDS = 16,  /* of 32 calls; newer ones are none of ours */
	CODE_MAX = 128,
	ALLOW = 254, DENY = 255  /* jumps to the ends, until they are known */
};

struct program {
	struct sock_filter code[CODE_MAX];
	unsigned short n;
};

static void
add(struct program *p, unsigned code, uint32_t k, unsigned if_true,
	unsigned if_false)
{
	struct sock_filter f = { (uint16_t)code, (uint8_t)if_true,
		(uint8_t)if_false, k };

	p->code[p->n++] = f;
}

#define IF(test, k) BPF_JMP | (test) | BPF_K, (uint32_t)(k)
#define LOAD(field) BPF_LD | BPF_W | BPF_ABS, \
	(uint32_t)offsetof(struct seccomp_data, field), 0, 0
/* the low half: little-endian on both machines; the high half */
#define LOAD_ARG(i) BPF_LD | BPF_W | BPF_ABS, \
	(uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i)), 0, 0
#define LOAD_HIGH(i) BPF_LD | BPF_W | BPF_ABS, \
	(uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i) + 4), 0, 0

/* That call is allowed if the argument has none of these bits. */
static void
allow_without(struct program *p, int call, int arg, uint32_t bits)
{
	add(p, IF(BPF_JEQ, call), 0, 2);
	add(p, LOAD_ARG(arg));
	add(p, IF(BPF_JSET, bits), DENY, ALLOW);
}

/* That call is allowed if the argument is NULL. */
static void
allow_null(struct program *p, int call, int arg)
{
	add(p, IF(BPF_JEQ, call), 0, 4);
	add(p, LOAD_ARG(arg));
	add(p, IF(BPF_JEQ, 0), 0, DENY);
	add(p, LOAD_HIGH(arg));
	add(p, IF(BPF_JEQ, 0), ALLOW, DENY);
}

/* That call is allowed if the argument is that number of 32 bits. */
static void
allow_number(struct program *p, int call, int arg, uint32_t number)
{
	add(p, IF(BPF_JEQ, call), 0, 2);
	add(p, LOAD_ARG(arg));
	add(p, IF(BPF_JEQ, number), ALLOW, DENY);
}

/*
 * X becomes the bit of the call in its word, A the number of the call.  This
 * comes first: Linux tries out what is constant of a filter for each call that
 * there is, up to the first shift.
 */
static void
load_call(struct program *p)
{
	add(p, LOAD(nr));
	add(p, BPF_ALU | BPF_AND | BPF_K, 31, 0, 0);
	add(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	add(p, BPF_LD | BPF_IMM, 1, 0, 0);
	add(p, BPF_ALU | BPF_LSH | BPF_X, 0, 0, 0);
	add(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	add(p, LOAD(arch));
	add(p, IF(BPF_JEQ, ARCH), 0, DENY);
	add(p, LOAD(nr));
}

/* A call whose number has its bit set in word[] is allowed. */
static void
allow_listed(struct program *p, const uint32_t word[WORDS])
{
	unsigned i;

	add(p, BPF_ALU | BPF_RSH | BPF_K, 5, 0, 0);
	for (i = 0; i < WORDS; i++) {
		if (word[i] == 0)
			continue;
		add(p, IF(BPF_JEQ, i), 0, 2);
		add(p, BPF_MISC | BPF_TXA, 0, 0, 0);
		add(p, IF(BPF_JSET, word[i]), ALLOW, DENY);
	}
}

/* The ends, of which DENY is fallen into; now jumps to them can be made. */
static void
finish(struct program *p)
{
	unsigned deny = p->n, allow = p->n + 1u;
	struct sock_filter *f;
	unsigned i;

	add(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (i = 0; i < deny; i++) {
		f = &p->code[i];
		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (f->jt >= ALLOW)
			f->jt = (uint8_t)((f->jt == DENY ? deny : allow) - i - 1);
		if (f->jf >= ALLOW)
			f->jf = (uint8_t)((f->jf == DENY ? deny : allow) - i - 1);
	}
}

static int
fence_calls(const struct confine *c)
{
	struct program p = { .n = 0 };
	struct sock_fprog f = { 0, p.code };
	uint32_t word[WORDS] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		word[always[i] / 32] |= (uint32_t)1 << always[i] % 32;
	if (c->forks)  /* and talks to a copy */
		word[SYS_wait4 / 32] |= (uint32_t)1 << SYS_wait4 % 32;
	if (c->forks)
		word[SYS_socketpair / 32] |=
			(uint32_t)1 << SYS_socketpair % 32;
	if (c->sends)
		word[SYS_sendmsg / 32] |= (uint32_t)1 << SYS_sendmsg % 32;

	load_call(&p);
	/* no code but the one that was loaded: 4 is PROT_EXEC */
	allow_without(&p, SYS_mmap, 2, 4);
	/* of clone(2) only what fork(3) does: a copy, nothing shared */
	if (c->forks)
		allow_without(&p, SYS_clone, 0, ~(uint32_t)0x012000ff);
	/* to whom it is connected, and to no other address */
	allow_null(&p, SYS_sendto, 4);
	/* reads a limit, and sets none */
	allow_null(&p, SYS_prlimit64, 2);
	/* abort(3), of this process only; a copy cannot, and is ended anyhow */
	allow_number(&p, SYS_tgkill, 0, (uint32_t)getpid());
	allow_listed(&p, word);
	finish(&p);
	f.len = p.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f) == 0;
}

#else

static int
fence_calls(const struct confine *c)
{
	(void)c;
	return 0;
}

#endif

int
confine(const struct confine *c)
{
	int done = CONFINE_LIMITS;

	set_limits(c);
	/* both want it from whoever is not root */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return done;
	if (fence_files(c))
		done |= CONFINE_FILES;
	if (fence_calls(c))
		done |= CONFINE_CALLS;
	return done;
}

#elif defined(__OpenBSD__) && !SANITIZED

int
confine(const struct confine *c)
{
	char dir[PATH_SIZE], promises[128];
	const char *d;
	int i, done = CONFINE_LIMITS;

	set_limits(c);
	for (i = 0; i < 2; i++)
		if ((d = directory(dir, c->path[i])) != NULL) {
			unveil(d, "rwc");
			if (i == 0)
				keep_temporaries(d);
		}
	unveil("/dev/null", "rw");
	unveil("/dev/urandom", "r");
	if (unveil(NULL, NULL) == 0)
		done |= CONFINE_FILES;
	snprintf(promises, sizeof(promises),
		"stdio rpath wpath cpath flock fattr%s%s%s",
		c->listens ? " inet unix" : "", c->forks ? " proc" : "",
		c->sends ? " sendfd" : "");
	if (pledge(promises, "") == 0)
		done |= CONFINE_CALLS;
	return done;
}

#else

int
confine(const struct confine *c)
{
	set_limits(c);
	return CONFINE_LIMITS;
}

#endif

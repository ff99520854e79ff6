/*
 * sms-lock - run a command while holding a lock of the store
 *
 * Becomes the command, which then holds the lock for as long as it lives: a
 * record lock of fcntl(2) survives exec(2) and ends with the process, however
 * that ends, so a lock is never left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "num.h"

/*
 * Shells redirect the low descriptors, and closing any descriptor of the file
 * would drop the lock: it is held on one they do not touch.
 */
enum { OUT_OF_THE_WAY = 63 };

const char progname[] = "sms-lock";

static void
usage(FILE *fp)
{
	fputs("usage: sms-lock [-n] [-e status] name command "
		"[argument ...]\n", fp);
}

/* The file of a lock: beside the database, unless name is a path itself. */
static char *
lock_file(const char *name)
{
	struct buf path = BUF_INIT(4096);
	char *db;

	if (strchr(name, '/') != NULL)
		return need_str(name);
	db = conf_db();
	if (buf_addf(&path, "%s.%s.lock", db, name) != 0)
		die(BAD_SETUP, "SMS_DB is too long");
	free(db);
	return path.s;
}

int
main(int argc, char *argv[])
{
	struct flock lock;
	char *path;
	int c, fd, held = TRY_LATER, low, wait = 1;

	/* "+": what follows the command is the command's */
	while ((c = getopt(argc, argv, "+Vhe:n")) != -1)
		switch (c) {
		case 'V': puts("sms-lock " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'e': held = (int)num_option(c, optarg, 0, 255); break;
		case 'n': wait = 0; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind < 2) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	path = lock_file(argv[optind]);
	if ((low = open(path, O_RDWR | O_CREAT, 0600)) < 0)
		die(IO_FAILED, "cannot open '%s':", path);
	if ((fd = fcntl(low, F_DUPFD, OUT_OF_THE_WAY)) < 0)
		die(NO_SYSTEM, "cannot move a descriptor:");
	close(low);
	memset(&lock, 0, sizeof(lock));
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	while (fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock) != 0) {
		if (errno == EINTR)
			continue;
		if (!wait && (errno == EACCES || errno == EAGAIN)) {
			free(path);
			return held;
		}
		die(IO_FAILED, "cannot lock '%s':", path);
	}

	if (setenv("SMS_LOCK_FILE", path, 1) != 0)
		die(NO_SYSTEM, "out of memory");
	execvp(argv[optind + 1], argv + optind + 1);
	die(NO_SYSTEM, "cannot run '%s':", argv[optind + 1]);
}

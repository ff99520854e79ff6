/*
 * settler: a process beside the one that listens.  It takes the spool into the
 * store, so that who waits for an answer does not wait for that, however much
 * there is to take and whoever holds the store.
 */
#ifndef SETTLER_H
#define SETTLER_H

#include <sys/types.h>

#include "intake.h"

struct settler {
	pid_t pid;  /* 0: there is none */
	int fd;     /* to it, or -1; poll(2) says POLLERR or POLLHUP of it
	               when the process has ended */
};

#define SETTLER_INIT { 0, -1 }

/*
 * Starts it unless it is there, and tells it that there is something to take
 * and which callbacks were refused.  Never waits.  A store that in has open is
 * closed before the fork.  Returns 0, or -1 with errno: it could not be told.
 */
int settler_wake(struct settler *s, struct intake *in);

/* After POLLERR or POLLHUP: it has ended, whatever made it. */
void settler_ended(struct settler *s);

/*
 * It takes in what is there and ends; it is waited for, but not for longer
 * than 5 seconds.
 */
void settler_stop(struct settler *s);

#endif

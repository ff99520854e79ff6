/*
 * listener: one process that serves all connections to a socket, until there
 * are none for a while.  All callbacks that have come are made durable with
 * one sync, and only then answered.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "webhook.h"

struct listener {
	int fd;             /* listens, and does not block */
	long long idle_ms;  /* ends after so long without a connection; 0: not */
	long long now;      /* the time to use instead of the clock's, or -1 */
};

/*
 * Returns after that time, or when SIGTERM, SIGHUP or SIGINT came and what was
 * under way is done.  Who connects later waits for the next process.
 */
void listener_serve(const struct listener *l, struct webhook *w);

#endif

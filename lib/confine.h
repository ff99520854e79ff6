/*
 * confine: what a process that reads strangers' bytes may still do, should
 * one of them ever take it over: serve the descriptors it has, and open what
 * lies beside the store and the spool.  Nothing can be undone.
 */
#ifndef CONFINE_H
#define CONFINE_H

struct confine {
	const char *path[2];  /* files; their directories stay open to us */
	int listens;          /* it serves many, for long: it accepts */
	int forks;            /* it makes copies of itself, and waits for them */
	int sends;            /* it passes on descriptors */
};

/* What is in force; a system may have none of it but the first. */
enum {
	CONFINE_LIMITS = 1,   /* resource limits */
	CONFINE_FILES = 2,    /* other files cannot be opened */
	CONFINE_CALLS = 4     /* no exec, no new socket, no code from memory */
};

/*
 * Returns what is in force from now on: as much as the system has.  What is
 * forbidden fails with EACCES or EPERM.  To be called when the configuration
 * is read and before the first byte of a client; messages to syslog(3) need
 * its connection before.
 */
int confine(const struct confine *c);

#endif

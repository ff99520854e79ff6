/*
 * tally: how many requests were refused in each minute, by all processes
 * together.  It lies in a small file beside the spool, PATH.refused, which is
 * not synced: strangers can cause it to be written, as often as they like.
 */
#ifndef TALLY_H
#define TALLY_H

enum {
	TALLY_ROWS = 60,    /* of a minute get rows, which stay for months, */
	TALLY_LINES = 600,  /* and lines; logs are rotated */
	TALLY_MINUTES = 64  /* in the file; more of them are joined */
};

struct tally {
	long long minute;       /* its first second, epoch */
	long long requests;
	long long rows;         /* of them that asked for a row in the log */
};

/*
 * Counts requests, of which rows want a row, for the minute of now; if it is
 * the one before the newest that is counted, for the newest: a minute that is
 * over is never begun again, which would count from 0.  *t is the minute with
 * them, *past the one before if this is the first of a minute, else
 * past->requests is 0.  Without wait a file that somebody else has locked is
 * left alone.  Returns 0, or -1 with errno: not counted; EAGAIN if somebody
 * else has it locked.
 */
int tally_add(const char *spool, long long now, long long requests, int rows,
	int wait, struct tally *t, struct tally *past);

/* What is in the file, the newest minute last.  Returns how many there are. */
int tally_read(const char *spool, struct tally t[TALLY_MINUTES]);

/*
 * The first n minutes of t, as they were read, are in the store: they leave
 * the file, unless they were counted on since.
 */
void tally_drop(const char *spool, const struct tally *t, int n);

#endif

/*
 * die: messages on stderr and the exit statuses of every tool.
 *
 * A message is lower case, names its subject in quotes and has no full
 * stop.  A format that ends in a colon gets strerror(errno) appended.  Numbers
 * with a "+" are masked, whoever wrote it.
 */
#ifndef DIE_H
#define DIE_H

/* The numbers are those of sysexits(3); sms(7) lists them for users. */
enum {
	SOME_FAILED = 1,   /* done, but some lines were not */
	BAD_USAGE = 64,    /* the call is wrong */
	BAD_DATA = 65,     /* a line or body is not in the format */
	REFUSED = 69,      /* Twilio said no, for good */
	BUG = 70,          /* ours */
	NO_SYSTEM = 71,    /* memory, fork */
	IO_FAILED = 74,    /* a read or a write failed */
	TRY_LATER = 75,    /* not now: no connection, 429, 5xx, database busy */
	UNCLEAR = 76,      /* a request went out, no readable answer came */
	NO_PERMISSION = 77,/* credentials or signature refused */
	BAD_SETUP = 78,    /* environment missing or wrong */
	READER_GONE = 141  /* as SIGPIPE, where that is ignored, would have it */
};

/* Each command defines it; messages begin with it. */
extern const char progname[];

void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Sends messages to syslog(3) from now on instead of stderr: for a child of
 * inetd, whose stderr is the client's socket.  die_open_syslog connects to it
 * beforehand, for who will not be able to then; die_syslog_fd is the
 * descriptor that this takes, or -1.
 */
void die_open_syslog(void);
void die_to_syslog(void);
int die_syslog_fd(void);

/*
 * What main returns: flushes stdout and gives status back, or dies with
 * IO_FAILED if anything written to stdout was lost.  A reader that went away
 * is not spoken of: READER_GONE.
 */
int finish_stdout(int status);

/*
 * True if something written to stdout was lost.  Called right behind the write
 * or flush it sees why, and finish_stdout will tell.
 */
int stdout_lost(void);

/* For one who writes much: ends the same way as soon as something was lost. */
void check_stdout(void);

#endif

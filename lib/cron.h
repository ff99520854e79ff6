/*
 * cron: sms-reconcile for a web service that calls URLs at certain times, and
 * knows CRON_SECRET.
 *
 * A process that reads strangers' bytes runs no program.  It has a runner, who
 * was made before it read any; all it can say to the runner is: now.
 */
#ifndef CRON_H
#define CRON_H

#include <stddef.h>

enum {
	CRON_PEER_MAX = 64,
	CRON_SUMMARY_MAX = 256
};

extern const char cron_path[];

struct cron {
	char *secret;    /* NULL: nothing of this is served */
	int fd;          /* to the runner */
	int is_running;
};

/* What became of a run. */
struct cron_result {
	int exit_status;                 /* of sms-reconcile */
	char summary[CRON_SUMMARY_MAX];  /* its line; "" if there was none */
};

/* An answer for the one who called. */
struct cron_answer {
	int status;
	const char *reason;  /* a word, or NULL */
	const char *lines;   /* header lines */
	char body[512];      /* JSON */
};

/*
 * Reads CRON_SECRET and, if it is set, starts the runner: it runs what
 * SMS_RECONCILE names, or the sms-reconcile that lies beside sms-hook.  It ends
 * when nobody can give it orders any more, after the run that is under way;
 * SIGTERM, SIGHUP and SIGINT do not end it.
 */
void cron_open(struct cron *c);
void cron_close(struct cron *c);

/* Whether that value of Authorization bears the secret. */
int cron_knows(const struct cron *c, const char *authorization);

/* A run that was begun here is under way. */
int cron_runs(struct cron *c);

/*
 * Runs it and waits, however long that takes; for cron_pass instead the runner
 * answers the HTTP client on descriptor client itself, tells of a failure with
 * peer, and closes.  cron_pass is not for while cron_runs.  Both return 0, or
 * -1 if the runner is gone or takes no more orders.
 */
int cron_run(struct cron *c, struct cron_result *result);
int cron_pass(struct cron *c, int client, const char *peer);

void cron_judge(const struct cron_result *result, struct cron_answer *a);

#endif

/*
 * sim-plan: the life of a simulated message, and the faults that sms-sim plays.
 *
 * Nothing here is left to chance or to the order of requests: all dice are
 * hashes of the seed and of what was asked, so the same requests meet the
 * same fate in every run.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stddef.h>

enum fault {
	/* of a callback */
	DROP, DOUBLE,
	/* of a message */
	REORDER, EARLY, ERROR, STUCK, REFUSE,
	/* of a request, before anything happened */
	RESET_BEFORE, TOO_MANY, BROKEN,
	/* of a request, after it was carried out */
	BROKEN_AFTER, RESET, CUT, SLOW,
	FAULTS
};

enum { PLAN_KEY_SIZE = 41, PLAN_STEPS = 4 };

struct plan {
	const char *seed;
	int percent[FAULTS];
	long long pace_ms;     /* between two steps */
};

struct plan_step {
	const char *status;
	int error_code;        /* 0: none */
	long long at_ms;
};

/*
 * Reads "drop=20,429=5" into p.  Returns 0, or -1 when an entry is no known
 * fault with a percentage; *len characters at *bad are that entry.
 */
int plan_faults(struct plan *p, const char *list, const char **bad,
	int *len);

/* The name of a fault as the option has it. */
const char *plan_fault_name(int fault);

/* The key of the n-th request of that kind; its dice are thrown with it. */
void plan_key(const struct plan *p, char key[PLAN_KEY_SIZE],
	const char *what, long long n);

/* A number below sides, the same for the same key and name. */
unsigned plan_dice(const struct plan *p, const char *key, const char *name,
	unsigned sides);

/* True if that fault befalls what has this key. */
int plan_hits(const struct plan *p, const char *key, int fault);

/*
 * The steps of a message made at now_ms; returns how many.  With send_ms
 * above 0 it is scheduled for that time.
 */
size_t plan_life(const struct plan *p, const char *key, long long now_ms,
	int by_service, long long send_ms, struct plan_step step[PLAN_STEPS]);

#endif

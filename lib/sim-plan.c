#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "die.h"
#include "num.h"
#include "sim-plan.h"
#include "sign.h"

enum { WHAT_MAX = 131072 };  /* bytes of what a key is made of */

static const char *const name[FAULTS] = {
	"drop", "double", "reorder", "early", "error", "stuck", "refuse",
	"resetbefore", "429", "500", "500after", "reset", "cut", "slow"
};

/* Codes of messages that never left, and of those a carrier refused. */
static const int failed_code[] = { 30001, 30002, 30036 };
static const int undelivered_code[] = {
	30003, 30004, 30005, 30006, 30007, 30008
};

int
plan_faults(struct plan *p, const char *list, const char **bad, int *len)
{
	char entry[32], *eq;
	long long percent;
	size_t n;
	int i;

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		*bad = list;
		*len = (int)n;
		if (n >= sizeof(entry))
			return -1;
		memcpy(entry, list, n);
		entry[n] = '\0';
		if ((eq = strchr(entry, '=')) == NULL)
			return -1;
		*eq = '\0';
		for (i = 0; i < FAULTS && strcmp(entry, name[i]) != 0; i++)
			;
		if (i == FAULTS || num_parse(eq + 1, 0, 100, &percent) != 0)
			return -1;
		p->percent[i] = (int)percent;
	}
	return 0;
}

const char *
plan_fault_name(int fault)
{
	return name[fault];
}

void
plan_key(const struct plan *p, char key[PLAN_KEY_SIZE], const char *what,
	long long n)
{
	struct buf b = BUF_INIT(WHAT_MAX);

	if (buf_addf(&b, "%s|%lld", what, n) != 0)
		die(BUG, "a request is longer than %d bytes", WHAT_MAX);
	sign_hmac_hex(key, p->seed, b.s);
	buf_release(&b);
}

unsigned
plan_dice(const struct plan *p, const char *key, const char *which,
	unsigned sides)
{
	char text[PLAN_KEY_SIZE + 64], hex[41];

	snprintf(text, sizeof(text), "%s|%s", key, which);
	sign_hmac_hex(hex, p->seed, text);
	hex[8] = '\0';
	return (unsigned)(strtoul(hex, NULL, 16) % sides);
}

int
plan_hits(const struct plan *p, const char *key, int fault)
{
	return p->percent[fault] > 0 && (int)plan_dice(p, key, name[fault], 100)
		< p->percent[fault];
}

size_t
plan_life(const struct plan *p, const char *key, long long now_ms,
	int by_service, long long send_ms, struct plan_step step[PLAN_STEPS])
{
	size_t i, n = 0;
	int fails = plan_hits(p, key, ERROR);

	memset(step, 0, PLAN_STEPS * sizeof(step[0]));
	if (by_service)
		step[n++].status = send_ms > 0 ? "scheduled" : "accepted";
	step[n++].status = "queued";
	if (fails && plan_dice(p, key, "left", 2) == 0) {
		step[n].status = "failed";
		step[n++].error_code = failed_code[plan_dice(p, key, "code",
			sizeof(failed_code) / sizeof(failed_code[0]))];
	} else {
		step[n++].status = "sent";
		if (fails) {
			step[n].status = "undelivered";
			step[n++].error_code = undelivered_code[plan_dice(p,
				key, "code", sizeof(undelivered_code) /
				sizeof(undelivered_code[0]))];
		} else if (!plan_hits(p, key, STUCK)) {
			step[n++].status = "delivered";
		}
	}

	/* the second status comes a pace after the first, or at its time */
	step[0].at_ms = now_ms;
	now_ms = send_ms > 0 ? send_ms :
		plan_hits(p, key, EARLY) ? now_ms : now_ms + p->pace_ms;
	for (i = 1; i < n; i++, now_ms += p->pace_ms)
		step[i].at_ms = now_ms;
	return n;
}

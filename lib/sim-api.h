/*
 * sim-api: what the simulated Twilio answers to a request: who may ask, the faults
 * that are played, and /sim/ to steer the simulator.  sim-messages.h has the one
 * resource that is served.
 */
#ifndef SIM_API_H
#define SIM_API_H

#include "buf.h"
#include "http.h"
#include "sim-plan.h"
#include "sim.h"

enum { API_LOGINS = 8 };  /* tokens and keys that may log in */

struct api {
	struct sim *sim;
	const struct plan *plan;
	const char *account;       /* account SID */
	char *login[API_LOGINS];   /* good values of Authorization */
	size_t logins;
};

/* Lets user log in with each of these, separated by blanks or commas. */
void api_add_logins(struct api *api, const char *user, const char *passwords);
void api_release(struct api *api);

/* How an answer leaves. */
enum api_ending {
	API_WHOLE,
	API_CUT,              /* cut in the middle, and the connection closed */
	API_RESET             /* no answer: the connection is reset */
};

struct answer {
	int status;
	const char *type;     /* NULL: no body */
	char lines[512];      /* more header lines */
	struct buf body;
	enum api_ending ending;
	long long delay_ms;
	long long callback;   /* to be posted before the answer leaves; 0 */
};

/* Answers with an error of Twilio's; returns -1. */
int api_refuse(struct api *api, struct answer *a, int status, int code,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/*
 * Carries out a request.  concurrent: how many are under way with this one;
 * above limit (0: none) it is refused.  a->body is the caller's to release.
 */
void api_answer(struct api *api, const struct http_request *r,
	int concurrent, int limit, struct answer *a);

#endif

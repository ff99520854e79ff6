/*
 * sim-messages: the Messages resource of the 2010-04-01 API, as sms-sim serves
 * it: what Twilio would refuse is refused, with Twilio's codes.
 */
#ifndef SIM_MESSAGES_H
#define SIM_MESSAGES_H

#include "sim-api.h"
#include "form.h"
#include "http.h"
#include "sim-plan.h"

/* key: of the request, to throw the dice of the message with. */
void messages_create(struct api *api, const struct form *f,
	const char key[PLAN_KEY_SIZE], struct answer *a);

void messages_list(struct api *api, const char *path, const struct form *f,
	struct answer *a);

/* GET, POST and DELETE of name, "SM....json". */
void messages_one(struct api *api, const struct http_request *r,
	const char *name, const struct form *f, struct answer *a);

#endif

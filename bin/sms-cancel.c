/*
 * sms-cancel - call off scheduled messages
 *
 * Each SID, an operand or the first field of a line of standard input, makes
 * one status record, in the order read: what Twilio says of the message after
 * it was asked to cancel it.  Changes nothing here: sms-apply does, down the
 * pipe.
 *
 * To cancel twice is harmless, so a request of which nobody knows what became
 * is made again once Twilio says that the message still waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "json.h"
#include "mask.h"
#include "rec.h"
#include "sids.h"
#include "twilio.h"
#include "when.h"

enum {
	TRIES = 4,              /* unclear ones, each followed by a question */
	PAUSE_MS = 250          /* before the second; doubles */
};

const char progname[] = "sms-cancel";

struct cancel {
	struct twilio *twilio;
	struct json *json;
	struct twilio_call call;
	int status;             /* to exit with: the highest wins */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-cancel [-H] [sid ...]\n", fp);
}

static void
worse(struct cancel *x, int status)
{
	if (status > x->status)
		x->status = status;
}

/*
 * Makes a call about a message: a POST of form, or a GET if it is NULL.
 * Returns 0 if the answer is that message, else -1.
 */
static int
ask(struct cancel *x, const char *sid, const char *form, struct rec *told)
{
	struct twilio_call *c = &x->call;
	char path[64];

	snprintf(path, sizeof(path), "Messages/%s.json", sid);
	buf_release(&c->answer);
	c->path = path;
	c->form = form;
	twilio_call(x->twilio, c);
	do {
		while (twilio_wait(x->twilio, -1, -1) == NULL)
			;
		memset(told, 0, sizeof(*told));
		if (c->end != TWILIO_DONE)
			return -1;
		if (json_message(x->json, c->answer.s, c->answer.len, "fetch",
		    told) == 0 && strcasecmp(told->f[SID], sid) == 0)
			return 0;
	} while (twilio_again(x->twilio, c) == 0);
	memset(told, 0, sizeof(*told));
	buf_reset(&c->answer);
	c->end = form != NULL ? TWILIO_UNCLEAR : TWILIO_LATER;
	snprintf(c->why, sizeof(c->why), "an answer that is no message");
	return -1;
}

/* Says why a message has not been canceled, in the words of the last call. */
static void
complain(struct cancel *x, const char *sid, struct rec *told, int status)
{
	struct twilio_call *c = &x->call;
	char *shown;

	worse(x, status);
	json_error(x->json, c->answer.s, c->answer.len, &told->f[ERROR_CODE],
		&told->f[ERROR_MESSAGE]);
	if (told->f[ERROR_MESSAGE] == NULL)
		told->f[ERROR_MESSAGE] = c->why;
	shown = mask(need_str(told->f[ERROR_MESSAGE]));
	if (status == NO_PERMISSION)
		die(status, "Twilio refuses the credentials: %s%s%s",
			told->f[ERROR_CODE] == NULL ? "" : told->f[ERROR_CODE],
			told->f[ERROR_CODE] == NULL ? "" : " ", shown);
	warn("cannot cancel '%s': %s%s%s", sid,
		told->f[ERROR_CODE] == NULL ? "" : told->f[ERROR_CODE],
		told->f[ERROR_CODE] == NULL ? "" : " ", shown);
	free(shown);
}

/* True if the last call ended with that error of Twilio's. */
static int
refused_with(struct cancel *x, const char *wanted)
{
	const struct buf *answer = &x->call.answer;
	char *code, *words;

	json_error(x->json, answer->s, answer->len, &code, &words);
	return code != NULL && strcmp(code, wanted) == 0;
}

/* The last call brought no message: what it means. */
static void
explain(struct cancel *x, const char *sid, struct rec *told)
{
	switch (x->call.end) {
	case TWILIO_DENIED:
		complain(x, sid, told, NO_PERMISSION);
		break;
	case TWILIO_NONE:
		/* another 404, of a proxy or a wrong URL, tells nothing */
		if (refused_with(x, "20404")) {
			warn("cannot cancel '%s': 20404 Twilio has no such "
				"message", sid);
			worse(x, SOME_FAILED);
			told->f[STATUS] = "delivery_unknown";
			told->f[ERROR_CODE] = "20404";
			told->f[ERROR_MESSAGE] = "Twilio has no such message";
			break;
		}
		/* FALLTHROUGH */
	case TWILIO_REFUSED:
		complain(x, sid, told, REFUSED);
		break;
	default:
		complain(x, sid, told, TRY_LATER);
		break;
	}
}

/* Cancels a message; *told is what Twilio says of it then. */
static void
cancel(struct cancel *x, const char *sid, struct rec *told)
{
	long long pause = PAUSE_MS;
	int n;

	for (n = 1; ; n++) {
		if (ask(x, sid, "Status=canceled", told) == 0)
			break;
		if (x->call.end != TWILIO_UNCLEAR &&
		    !refused_with(x, "30409")) {
			explain(x, sid, told);
			return;
		}
		/* nobody knows, or it no longer waits: what is it now? */
		if (ask(x, sid, NULL, told) != 0) {
			explain(x, sid, told);
			return;
		}
		if (strcmp(told->f[STATUS], "scheduled") != 0 || n == TRIES)
			break;
		when_sleep_ms(pause);
		pause *= 2;
	}
	if (strcmp(told->f[STATUS], "canceled") == 0)
		return;
	warn("cannot cancel '%s': it is %s", sid, told->f[STATUS]);
	worse(x, strcmp(told->f[STATUS], "scheduled") == 0 ? TRY_LATER :
		SOME_FAILED);
}

/* Cancels the message of a record and writes what became of it. */
static void
take(struct cancel *x, const struct rec *rec)
{
	struct rec told;
	char now[WHEN_SIZE];
	int i;

	cancel(x, rec->f[SID], &told);
	told.f[SID] = rec->f[SID];
	told.f[SOURCE] = "fetch";
	if (told.f[AT] == NULL)
		told.f[AT] = when_format(now, when_now());
	/* what the record knows and Twilio does not tell, our ref before all */
	for (i = TO; i <= CREATED_AT; i++)
		if (told.f[i] == NULL)
			told.f[i] = rec->f[i];
	rec_show(stdout, told.f, STATUS_FIELDS);
	if (fflush(stdout) != 0)
		exit(finish_stdout(x->status));
}

int
main(int argc, char *argv[])
{
	struct twilio_options o = { 1, 0, 0 };
	struct cancel x = { 0 };
	struct sids sids;
	struct rec rec;
	int opt, got, header = 0;

	while ((opt = getopt(argc, argv, "HVh")) != -1)
		switch (opt) {
		case 'H': header = 1; break;
		case 'V': puts("sms-cancel " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		default: usage(stderr); return BAD_USAGE;
		}
	sids_begin(&sids, argv + optind);

	conf_load();
	x.twilio = twilio_open(&o);
	x.json = json_open();
	if (header)
		rec_header_status(stdout);

	while ((got = sids_next(&sids, &rec, NULL)) != 0)
		if (got > 0)
			take(&x, &rec);
	if (sids.bad)
		worse(&x, BAD_DATA);

	sids_end(&sids);
	buf_release(&x.call.answer);
	json_close(x.json);
	twilio_close(x.twilio);
	return finish_stdout(x.status);
}

/*
 * sms-fetch - ask Twilio for the present state of messages
 *
 * Each SID, an operand or the first field of a line of standard input, makes
 * one status record, in the order read: Twilio's, or one that says why there
 * is none.  What the record read knows and Twilio does not tell (our ref)
 * passes through.  A record without SID is that of a message whose answer was
 * lost: it is looked up by its recipient and text.  Changes nothing here or
 * there: sms-apply does, down the pipe.
 *
 * A ring of slots holds the records that are asked for or wait for their
 * turn, so memory stays the same however long the input is.
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
#include "lookup.h"
#include "mask.h"
#include "num.h"
#include "rec.h"
#include "twilio.h"
#include "when.h"

const char progname[] = "sms-fetch";

enum {
	PAUSE_MS = 100,         /* between calls, unless -d says otherwise */
	PAUSE_MAX_MS = 3600000,
	JOBS_MAX = 100,
	AHEAD = 16              /* slots a job: a slow answer stops nobody */
};

struct slot {
	struct twilio_call call;
	char path[64];
	struct lookup *lookup;  /* NULL for a message with a SID */
	struct rec rec;         /* as read, then as it will be written */
	char *text;             /* owned; what rec points into */
	int done;
};

struct fetch {
	struct twilio *twilio;
	struct json *json;
	struct lookup_run *lookups;
	long long now;          /* -1: the clock */
	struct slot *slot;      /* a ring; the oldest at first */
	size_t size, first, n;
	size_t open;            /* of n, those still asked for */
	int status;             /* to exit with: the highest wins */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-fetch [-H] [-d ms] [-j jobs] [-t now] "
		"[sid ...]\n", fp);
}

static void
worse(struct fetch *x, int status)
{
	if (status > x->status)
		x->status = status;
}

static long long
now(const struct fetch *x)
{
	return x->now >= 0 ? x->now : when_now();
}

/* Copies a record into memory of the slot, in place of what it had. */
static void
keep(struct slot *s, const struct rec *rec)
{
	char *old = s->text;

	s->text = rec_copy(&s->rec, rec, STATUS_FIELDS);
	free(old);
}

/* Asks for the message of a slot, or for a page that may list it. */
static void
ask(struct fetch *x, struct slot *s)
{
	if (s->lookup != NULL) {
		s->call.path = lookup_path(s->lookup);
	} else {
		snprintf(s->path, sizeof(s->path), "Messages/%s.json",
			s->rec.f[SID]);
		s->call.path = s->path;
	}
	s->call.tag = s;
	buf_release(&s->call.answer);
	twilio_call(x->twilio, &s->call);
}

/* Begins with a record that was read. */
static void
begin(struct fetch *x, const struct rec *rec)
{
	struct slot *s = &x->slot[(x->first + x->n) % x->size];

	memset(s, 0, sizeof(*s));
	keep(s, rec);
	if (s->rec.f[SID] == NULL)
		s->lookup = lookup_begin(x->lookups, &s->rec);
	ask(x, s);
	x->n++;
	x->open++;
}

/* Reads a line.  Returns 0 at the end of the input. */
static int
take_line(struct fetch *x, struct rec_reader *in)
{
	struct rec rec;
	int got = rec_read(in, &rec);

	if (got == 0)
		return 0;
	if (got > 0 && (rec.f[SID] != NULL ? rec_is_sid(rec.f[SID]) :
	    lookup_can(&rec))) {
		begin(x, &rec);
		return 1;
	}
	warn("line %zu %s", in->number, got < 0 ? in->why :
		rec.f[SID] == NULL && rec.f[REF] != NULL ?
		"has no SID, and is not one to look up" :
		"does not begin with a message SID");
	worse(x, BAD_DATA);
	return 1;
}

/* Writes what is done and has its turn; a reader sees it at once. */
static void
write_ready(struct fetch *x)
{
	struct slot *s = &x->slot[x->first];

	if (x->n == 0 || !s->done)
		return;
	for (; x->n > 0 && s->done; s = &x->slot[x->first]) {
		rec_write(stdout, s->rec.f, STATUS_FIELDS);
		free(s->text);
		x->first = (x->first + 1) % x->size;
		x->n--;
	}
	if (fflush(stdout) != 0)
		exit(finish_stdout(x->status));
}

/* Ends a slot with what became known; the rest stays as it was read. */
static void
conclude(struct fetch *x, struct slot *s, struct rec *told)
{
	char at[WHEN_SIZE];
	int i;

	told->f[SID] = s->rec.f[SID];
	told->f[SOURCE] = "fetch";
	if (told->f[AT] == NULL)
		told->f[AT] = when_format(at, now(x));
	for (i = TO; i <= CREATED_AT; i++)
		if (told->f[i] == NULL)
			told->f[i] = s->rec.f[i];
	if (s->lookup != NULL)
		told->f[BODY_SHA256] = s->rec.f[BODY_SHA256];
	keep(s, told);
	lookup_end(s->lookup);
	s->lookup = NULL;
	buf_release(&s->call.answer);
	s->done = 1;
	x->open--;
}

/* Ends a slot without a status, and says why. */
static void
give_up(struct fetch *x, struct slot *s, int status)
{
	struct twilio_call *c = &s->call;
	struct rec told = { { NULL } };
	char *shown;

	worse(x, status);
	json_error(x->json, c->answer.s, c->answer.len, &told.f[ERROR_CODE],
		&told.f[ERROR_MESSAGE]);
	if (told.f[ERROR_MESSAGE] == NULL)
		told.f[ERROR_MESSAGE] = c->why;
	shown = mask(need_str(told.f[ERROR_MESSAGE]));
	warn("cannot %s '%s': %s%s%s (%d %s)",
		s->lookup != NULL ? "look up ref" : "fetch",
		s->lookup != NULL ? s->rec.f[REF] : s->rec.f[SID],
		told.f[ERROR_CODE] == NULL ? "" : told.f[ERROR_CODE],
		told.f[ERROR_CODE] == NULL ? "" : " ", shown, c->tries,
		c->tries == 1 ? "try" : "tries");
	free(shown);
	conclude(x, s, &told);
}

/* Asks once more for an answer that makes no sense, or gives up. */
static void
insist(struct fetch *x, struct slot *s, const char *why)
{
	struct twilio_call *c = &s->call;

	if (twilio_again(x->twilio, c) == 0)
		return;
	snprintf(c->why, sizeof(c->why), "%s", why);
	buf_reset(&c->answer);
	give_up(x, s, TRY_LATER);
}

/* Takes a page of the messages to the recipient of one that is looked up. */
static void
look_up(struct fetch *x, struct slot *s)
{
	struct twilio_call *c = &s->call;
	struct rec told = { { NULL } };
	const char *what;
	char *to;

	if (lookup_page(s->lookup, x->json, c->answer.s, c->answer.len) != 0) {
		insist(x, s, "an answer that is no page of messages");
		return;
	}
	if (lookup_path(s->lookup) != NULL) {
		ask(x, s);
		return;
	}
	told.f[STATUS] = "ambiguous";
	switch (lookup_judge(s->lookup, now(x), &what)) {
	case LOOKUP_FOUND:
		told = s->rec;
		told.f[SID] = (char *)what;
		keep(s, &told);
		lookup_end(s->lookup);
		s->lookup = NULL;
		ask(x, s);
		return;
	case LOOKUP_NEVER:
		told.f[STATUS] = "failed";
		told.f[ERROR_MESSAGE] = "never reached Twilio";
		break;
	case LOOKUP_UNCLEAR:
		to = mask(need_str(s->rec.f[TO]));
		warn("ref '%s' to %s stays ambiguous: %s", s->rec.f[REF], to,
			what);
		free(to);
		worse(x, UNCLEAR);
		break;
	case LOOKUP_STAYS:
		break;
	}
	conclude(x, s, &told);
}

static _Noreturn void
denied(struct fetch *x, struct twilio_call *c)
{
	char *code, *words;

	write_ready(x);
	json_error(x->json, c->answer.s, c->answer.len, &code, &words);
	if (code == NULL && words == NULL)
		die(NO_PERMISSION, "Twilio refuses the credentials: %s", c->why);
	die(NO_PERMISSION, "Twilio refuses the credentials: %s %s",
		code == NULL ? c->why : code, words == NULL ? "" : mask(words));
}

/* A call is back. */
static void
settle(struct fetch *x, struct twilio_call *c)
{
	struct slot *s = c->tag;
	struct rec told = { { NULL } };
	char *code, *words;

	switch (c->end) {
	case TWILIO_DONE:
		if (s->lookup != NULL)
			look_up(x, s);
		else if (json_message(x->json, c->answer.s, c->answer.len,
		    "fetch", &told) == 0 &&
		    strcasecmp(told.f[SID], s->rec.f[SID]) == 0)
			conclude(x, s, &told);
		else
			insist(x, s, "an answer that is no message");
		break;
	case TWILIO_NONE:
		/* another 404, of a proxy or a wrong URL, tells nothing */
		json_error(x->json, c->answer.s, c->answer.len, &code, &words);
		if (s->lookup != NULL || code == NULL ||
		    strcmp(code, "20404") != 0) {
			give_up(x, s, REFUSED);
			break;
		}
		told.f[STATUS] = "delivery_unknown";
		told.f[ERROR_CODE] = "20404";
		told.f[ERROR_MESSAGE] = "Twilio has no such message";
		conclude(x, s, &told);
		break;
	case TWILIO_DENIED:
		denied(x, c);
	case TWILIO_REFUSED:
		give_up(x, s, REFUSED);
		break;
	case TWILIO_LATER:
	case TWILIO_UNCLEAR:
		give_up(x, s, TRY_LATER);
		break;
	}
}

int
main(int argc, char *argv[])
{
	struct twilio_options o = { 1, PAUSE_MS, 0 };
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct fetch x = { .now = -1 };
	struct rec rec = { { NULL } };
	struct twilio_call *c;
	char *db;
	int i, opt, header = 0, more = 1, ready, from_input;

	while ((opt = getopt(argc, argv, "d:Hhj:t:V")) != -1) {
		switch (opt) {
		case 'd':
			o.pause_ms = num_option(opt, optarg, 0, PAUSE_MAX_MS);
			break;
		case 'H': header = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'j':
			o.jobs = (int)num_option(opt, optarg, 1, JOBS_MAX);
			break;
		case 't': x.now = when_option(opt, optarg); break;
		case 'V':
			puts("sms-fetch " VERSION);
			return finish_stdout(0);
		default: usage(stderr); return BAD_USAGE;
		}
	}
	from_input = optind == argc;
	for (i = optind; i < argc; i++)
		if (!rec_is_sid(argv[i]))
			die(BAD_USAGE, "'%s' is no message SID", argv[i]);

	conf_load();
	x.twilio = twilio_open(&o);
	x.json = json_open();
	db = conf_db();
	x.lookups = lookup_open(db);
	x.size = (size_t)o.jobs * AHEAD;
	x.slot = need(x.size * sizeof(x.slot[0]));
	if (header)
		rec_header_status(stdout);

	for (ready = 1; more || x.n > 0; ) {
		if (more && x.n < x.size && !from_input) {
			if ((more = optind < argc) != 0) {
				rec.f[SID] = argv[optind++];
				begin(&x, &rec);
			}
			continue;
		}
		/* wait for a line only where no answer is waited for */
		if (more && x.n < x.size &&
		    (ready || x.open == 0 || rec_ready(&in))) {
			more = take_line(&x, &in);
			ready = 0;
			continue;
		}
		c = twilio_wait(x.twilio, -1,
			more && x.n < x.size ? STDIN_FILENO : -1);
		ready = c == NULL;
		if (c != NULL)
			settle(&x, c);
		write_ready(&x);
	}

	rec_release(&in);
	free(x.slot);
	lookup_close(x.lookups);
	free(db);
	json_close(x.json);
	twilio_close(x.twilio);
	return finish_stdout(x.status);
}

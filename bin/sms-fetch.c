/*
 * sms-fetch - ask Twilio for the present state of messages
 *
 * Each SID, an operand or the first field of a line of standard input, makes
 * one status record, in the order read: Twilio's, or one that says why there
 * is none.  What the record read knows and Twilio does not tell (our ref)
 * passes through.  Changes nothing here or there: sms-apply does, down the
 * pipe.
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
	struct rec rec;         /* as read, then as it will be written */
	char *text;             /* owned; what rec points into */
	int done;
};

struct fetch {
	struct twilio *twilio;
	struct json *json;
	struct slot *slot;      /* a ring; the oldest at first */
	size_t size, first, n;
	size_t open;            /* of n, those still asked for */
	int status;             /* to exit with: the highest wins */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-fetch [-H] [-d ms] [-j jobs] [sid ...]\n", fp);
}

static void
worse(struct fetch *x, int status)
{
	if (status > x->status)
		x->status = status;
}

/* Copies a record into memory of the slot, in place of what it had. */
static void
keep(struct slot *s, const struct rec *rec)
{
	struct rec to = { { NULL } };
	size_t i, n, len = 1;
	char *text, *p;

	for (i = 0; i < STATUS_FIELDS; i++)
		if (rec->f[i] != NULL)
			len += strlen(rec->f[i]) + 1;
	p = text = need(len);
	for (i = 0; i < STATUS_FIELDS; i++) {
		if (rec->f[i] == NULL)
			continue;
		n = strlen(rec->f[i]) + 1;
		to.f[i] = memcpy(p, rec->f[i], n);
		p += n;
	}
	free(s->text);
	s->text = text;
	s->rec = to;
}

/* Asks for the message of a record that was read. */
static void
begin(struct fetch *x, const struct rec *rec)
{
	struct slot *s = &x->slot[(x->first + x->n) % x->size];

	memset(s, 0, sizeof(*s));
	keep(s, rec);
	snprintf(s->path, sizeof(s->path), "Messages/%s.json", s->rec.f[SID]);
	s->call.path = s->path;
	s->call.tag = s;
	twilio_call(x->twilio, &s->call);
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
	if (got > 0 && rec.f[SID] != NULL && rec_is_sid(rec.f[SID])) {
		begin(x, &rec);
		return 1;
	}
	warn("line %zu %s", in->number, got < 0 ? in->why :
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
	char now[WHEN_SIZE];
	int i;

	told->f[SID] = s->rec.f[SID];
	told->f[SOURCE] = "fetch";
	if (told->f[AT] == NULL)
		told->f[AT] = when_format(now, when_now());
	for (i = TO; i <= CREATED_AT; i++)
		if (told->f[i] == NULL)
			told->f[i] = s->rec.f[i];
	keep(s, told);
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
	warn("cannot fetch '%s': %s%s%s (%d %s)", s->rec.f[SID],
		told.f[ERROR_CODE] == NULL ? "" : told.f[ERROR_CODE],
		told.f[ERROR_CODE] == NULL ? "" : " ", shown, c->tries,
		c->tries == 1 ? "try" : "tries");
	free(shown);
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
		if (json_message(x->json, c->answer.s, c->answer.len, "fetch",
		    &told) == 0 && strcasecmp(told.f[SID], s->rec.f[SID]) == 0) {
			conclude(x, s, &told);
		} else if (twilio_again(x->twilio, c) != 0) {
			snprintf(c->why, sizeof(c->why),
				"an answer that is no message");
			buf_reset(&c->answer);
			give_up(x, s, TRY_LATER);
		}
		break;
	case TWILIO_NONE:
		/* another 404, of a proxy or a wrong URL, tells nothing */
		json_error(x->json, c->answer.s, c->answer.len, &code, &words);
		if (code == NULL || strcmp(code, "20404") != 0) {
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
	struct fetch x = { NULL, NULL, NULL, 0, 0, 0, 0, 0 };
	struct rec rec = { { NULL } };
	struct twilio_call *c;
	int i, opt, header = 0, more = 1, ready, from_input;

	while ((opt = getopt(argc, argv, "d:Hhj:V")) != -1) {
		switch (opt) {
		case 'd':
			o.pause_ms = num_option(opt, optarg, 0, PAUSE_MAX_MS);
			break;
		case 'H': header = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'j':
			o.jobs = (int)num_option(opt, optarg, 1, JOBS_MAX);
			break;
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
	json_close(x.json);
	twilio_close(x.twilio);
	return finish_stdout(x.status);
}

/*
 * sms-send - send messages through Twilio
 *
 * A message is written down before Twilio hears of it (lib/ledger.h has the
 * order of the writes), and each has a ref of our own that its callbacks
 * carry.  A request that may have reached Twilio is never repeated: its
 * message is "ambiguous" until a callback or the list of Twilio's messages
 * settles it.
 *
 * Writes one status record for each message, in the order in which they were
 * read, as soon as what it says is durable.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "charname.h"
#include "conf.h"
#include "die.h"
#include "json.h"
#include "mask.h"
#include "message.h"
#include "num.h"
#include "outbox.h"
#include "progress.h"
#include "rec.h"
#include "refs.h"
#include "segment.h"
#include "store.h"
#include "twilio.h"
#include "utf8.h"
#include "when.h"

const char progname[] = "sms-send";

enum {
	BODY_BYTES = 65536,  /* of a text on standard input */
	LOOK_MS = 250        /* how soon a signal is seen */
};

static volatile sig_atomic_t interrupted;

static void
usage(FILE *fp)
{
	fputs("usage: sms-send [-CeHnq] [-a time] [-f from | -m service] "
		"[-j jobs] [-k name]\n"
		"                [-p seconds] [-R rate] [-r ref] [-s max] "
		"[-t now] [to [body]]\n", fp);
}

static void
interrupt(int sig)
{
	interrupted = sig;
}

/* True when a line can be read; waits for it if nothing else is to be done. */
static int
input_ready(struct outbox *x, struct rec_reader *in)
{
	struct pollfd p = { in->fd, POLLIN, 0 };

	if (in->data != NULL && rec_ready(in))
		return 1;
	return poll(&p, 1, outbox_is_busy(x) ? 0 : LOOK_MS) > 0;
}

/* Reads a line.  Returns 0 at the end of the input. */
static int
take_line(struct outbox *x, struct rec_reader *in)
{
	struct rec rec;
	int got = rec_read(in, &rec);

	if (got > 0) {
		outbox_add(x, &rec, in->number);
	} else if (got < 0) {
		warn("line %zu %s", in->number, in->why);
		outbox_worse(x, BAD_DATA);
	}
	return got != 0;
}

/* Sends what was put in and, with in, the records of standard input. */
static void
run(struct outbox *x, struct rec_reader *in)
{
	int more = in != NULL, room;

	while ((more && !x->stopped) || outbox_is_busy(x)) {
		if (interrupted) {
			if (more && !x->stopped)
				outbox_worse(x, TRY_LATER);
			outbox_stop(x);
		}
		room = more && outbox_has_room(x);
		if (room && input_ready(x, in)) {
			more = take_line(x, in);
			/* what is there already shares a transaction */
			if (more && rec_ready(in))
				continue;
		}
		outbox_turn(x, LOOK_MS, room && more ? in->fd : -1);
	}
	if (more)
		warn("stopped: nothing behind line %zu was sent", in->number);
}

/* True where text holds c before at. */
static int
came_before(const char *text, const char *at, long c)
{
	const char *p = text;

	while (p < at)
		if (utf8_next(&p, at) == c)
			return 1;
	return 0;
}

/* -n: a line for each message, and what it would be sent as. */
static void
show(struct outbox *x, const struct rec *rec, size_t line)
{
	struct message m = { rec->f[SEND_TO], rec->f[SEND_BODY],
		rec->f[SEND_MEDIA_URL], rec->f[SEND_REF] };
	struct segment_count count;
	struct buf forcing = BUF_INIT(REC_LINE_MAX);
	char name[CHARNAME_SIZE], segments[16], units[16], *f[5] = { NULL };
	const char *p, *at, *end, *why;
	long c;

	if ((why = message_fault(&m, &x->how, &count)) != NULL) {
		if (line > 0)
			warn("line %zu: %s", line, why);
		else
			warn("%s", why);
		outbox_worse(x, BAD_DATA);
		return;
	}
	f[0] = (char *)m.to;
	if (m.body != NULL) {
		snprintf(segments, sizeof(segments), "%d", count.segments);
		snprintf(units, sizeof(units), "%d", count.units);
		f[1] = segments;
		f[2] = count.ucs2 ? "UCS-2" : "GSM-7";
		f[3] = units;
		end = m.body + strlen(m.body);
		for (p = at = m.body; (c = utf8_next(&p, end)) >= 0; at = p) {
			if (segment_is_gsm7(c) || came_before(m.body, at, c))
				continue;
			why = charname(name, c);
			buf_addf(&forcing, "%sU+%04lX%s%s", forcing.len > 0 ?
				", " : "", (unsigned long)c, why != NULL ? " " :
				"", why != NULL ? why : "");
		}
		f[4] = forcing.s;
	}
	rec_show(stdout, f, 5);
	buf_release(&forcing);
}

static void
show_all(struct outbox *x, const struct rec *one, int header)
{
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct rec rec;
	int got;

	if (header)
		puts("#to\tsegments\tencoding\tunits\tforcing");
	if (one != NULL) {
		show(x, one, 0);
		return;
	}
	while ((got = rec_read(&in, &rec)) != 0) {
		if (got > 0) {
			show(x, &rec, in.number);
		} else {
			warn("line %zu %s", in.number, in.why);
			outbox_worse(x, BAD_DATA);
		}
	}
	rec_release(&in);
}

/* The text on standard input, without the newline at its end. */
static void
read_body(struct buf *b)
{
	char chunk[4096];
	size_t n;

	buf_reset(b);
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		if (buf_add(b, chunk, n) != 0)
			die(BAD_DATA, "text is longer than %d bytes", BODY_BYTES);
	if (ferror(stdin))
		die(IO_FAILED, "cannot read standard input:");
	if (strlen(b->s) != b->len)
		die(BAD_DATA, "text has a NUL byte");
	if (b->len > 0 && b->s[b->len - 1] == '\n')
		b->s[--b->len] = '\0';
}

/* The sender of the options, else that of the environment. */
static void
choose_sender(struct message_manner *how)
{
	const char *sender, *why;

	if (how->from != NULL) {
		if ((why = message_from_fault(how->from)) != NULL)
			die(BAD_USAGE, "-f: '%s' %s",
				mask(need_str(how->from)), why);
		return;
	}
	if (how->service != NULL) {
		if ((why = message_service_fault(how->service)) != NULL)
			die(BAD_USAGE, "-m: '%s' %s", how->service, why);
		return;
	}
	sender = conf_sender();
	if (sender == conf("TWILIO_MESSAGING_SERVICE_SID")) {
		how->service = sender;
		why = message_service_fault(sender);
	} else {
		how->from = sender;
		why = message_from_fault(sender);
	}
	if (why != NULL)
		die(BAD_SETUP, "%s %s", how->service != NULL ?
			"TWILIO_MESSAGING_SERVICE_SID" : "TWILIO_PHONE_NUMBER",
			why);
}

/*
 * The callback URL with its retry fragment, SMS_CALLBACK_RETRY, unless that is
 * empty or the URL has one.  The caller frees it.
 */
static char *
callback_url(void)
{
	const char *retry = getenv("SMS_CALLBACK_RETRY");
	char *url = conf_callback_url();
	struct buf b = BUF_INIT(8192);

	if (url == NULL)
		die(BAD_SETUP, "WEBHOOK_BASE_URL is not set: Twilio must know "
			"where to tell what becomes of a message (-C: it need "
			"not)");
	if (retry == NULL)
		retry = "rc=3&rp=ct,rt,5xx";
	if (*retry == '\0' || strchr(url, '#') != NULL)
		return url;
	if (buf_addf(&b, "%s#%s", url, retry) != 0)
		die(BAD_SETUP, "SMS_CALLBACK_RETRY is too long");
	free(url);
	return b.s;
}

static long long
brake(const char *name)
{
	const char *v = conf(name);
	long long n;

	if (v == NULL)
		return 0;
	if (num_parse(v, 1, 1000000000, &n) != 0)
		die(BAD_SETUP, "%s is not a number above 0: '%s'", name, v);
	return n;
}

static void
open_ledger(struct ledger *l)
{
	char *db = conf_db();
	const char *why;
	int r;

	l->per_day = brake("SMS_MAX_PER_DAY");
	l->per_recipient = brake("SMS_MAX_PER_RECIPIENT_PER_DAY");
	if ((r = store_open(&l->store, db, STORE_MAKE, &why)) != 0)
		die(r, "%s", why);
	if ((l->inflight = inflight_open(db)) == NULL)
		die(IO_FAILED, "cannot open '%s.inflight':", db);
	free(db);
}

int
main(int argc, char *argv[])
{
	struct twilio_options o = { 1, 0, 0 };
	struct outbox x = { .now = -1 };
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct buf body = BUF_INIT(BODY_BYTES);
	struct rec one = { { NULL } };
	struct sigaction act = { .sa_handler = interrupt };
	int c, dry = 0, header = 0, no_callback = 0;

	while ((c = getopt(argc, argv, "CHR:Va:ef:hj:k:m:np:qr:s:t:")) != -1)
		switch (c) {
		case 'C': no_callback = 1; break;
		case 'H': header = 1; break;
		case 'R':
			o.pause_ms = 1000 / num_option(c, optarg, 1, 1000);
			break;
		case 'V': puts("sms-send " VERSION); return finish_stdout(0);
		case 'a':
			when_option(c, optarg);
			x.how.send_at = optarg;
			break;
		case 'e': x.how.smart_encoded = 1; break;
		case 'f': x.how.from = optarg; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'j': o.jobs = (int)num_option(c, optarg, 1, OUTBOX_JOBS_MAX);
			break;
		case 'k': x.series.name = optarg; break;
		case 'm': x.how.service = optarg; break;
		case 'n': dry = 1; break;
		case 'p': x.how.validity = num_option(c, optarg, 1, 36000); break;
		case 'q': progress_off(); break;
		case 'r': one.f[SEND_REF] = optarg; break;
		case 's': x.how.segments_max = num_option(c, optarg, 1, 100); break;
		case 't': x.now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	argc -= optind;
	argv += optind;
	if (argc > 2 || (argc == 0 && one.f[SEND_REF] != NULL) ||
	    (x.series.name != NULL && one.f[SEND_REF] != NULL) ||
	    (x.how.from != NULL && x.how.service != NULL)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (x.series.name != NULL && !refs_is_name(x.series.name))
		die(BAD_USAGE, "-k takes 1 to %d letters, digits, '-', '_' and "
			"'.', not '%s'", REFS_NAME_MAX, x.series.name);
	if (argc > 0) {
		if (argc == 1)
			read_body(&body);
		one.f[SEND_TO] = argv[0];
		one.f[SEND_BODY] = argc == 1 ? body.s : argv[1];
		if (*one.f[SEND_BODY] == '\0')
			one.f[SEND_BODY] = NULL;
	}
	if (dry) {
		show_all(&x, argc > 0 ? &one : NULL, header);
		return finish_stdout(x.status);
	}

	conf_load();
	choose_sender(&x.how);
	if (x.how.send_at != NULL && x.how.service == NULL)
		die(BAD_USAGE, "-a needs a messaging service (-m)");
	if (!no_callback)
		x.how.callback = callback_url();
	x.twilio = twilio_open(&o);
	x.json = json_open();
	open_ledger(&x.ledger);
	x.jobs = (size_t)o.jobs;
	outbox_begin(&x);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (header)
		rec_header_status(stdout);

	if (argc > 0)
		outbox_add(&x, &one, 0);
	run(&x, argc > 0 ? NULL : &in);

	outbox_end(&x);
	store_close(x.ledger.store);
	inflight_close(x.ledger.inflight);
	json_close(x.json);
	twilio_close(x.twilio);
	rec_release(&in);
	buf_release(&body);
	free((char *)x.how.callback);
	return finish_stdout(x.status);
}

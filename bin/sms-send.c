/*
 * sms-send - send messages through Twilio
 *
 * A message is written down in the store before Twilio hears of it, and each
 * has a ref of our own that its status callbacks carry.  So whatever happens
 * in between, its row is there, and an answer that was lost can still be
 * told from a callback.  A request that may have reached Twilio is never
 * repeated: its message is "ambiguous".
 *
 * Writes one status record for each message, with what Twilio answered.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "form.h"
#include "json.h"
#include "mask.h"
#include "rec.h"
#include "store.h"
#include "twilio.h"
#include "utf8.h"
#include "when.h"

const char progname[] = "sms-send";

enum {
	BODY_MAX = 65536,       /* bytes; Twilio takes 1600 characters */
	FORM_LENGTH = 524288,   /* bytes: a record and a URL, all escaped */
	REF_BYTES = 16,         /* of chance in a ref that we make */
	REF_MAX = 100           /* characters of a ref that we are given */
};

struct sender {
	const char *from;       /* a number or sender id, or NULL: */
	const char *service;    /* a messaging service */
};

struct message {
	const char *to, *body, *ref, *media_url;  /* but to may be NULL */
	size_t line;            /* 0: not from a line of records */
};

struct sending {
	struct twilio *twilio;
	struct json *json;
	struct store *store;
	struct sender sender;
	char *callback;         /* URL, without our ref */
	int chance;             /* /dev/urandom */
	struct buf form;
	int status;             /* to exit with: the highest wins */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-send [-H] [-f from | -m service] [-r ref] "
		"[to [body]]\n", fp);
}

static void
worse(struct sending *x, int status)
{
	if (status > x->status)
		x->status = status;
}

/* "line 3: ", or "" for the one message of the operands. */
static const char *
where(const struct message *m)
{
	static char words[40];

	words[0] = '\0';
	if (m->line > 0)
		snprintf(words, sizeof(words), "line %zu: ", m->line);
	return words;
}

static int
is_service(const char *s)
{
	return strncmp(s, "MG", 2) == 0 && strlen(s) == 34 &&
		strspn(s + 2, "0123456789abcdefABCDEF") == 32;
}

/* E.164, or an address of another channel such as whatsapp:+15005550006. */
static int
is_address(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	if (n > 0 && s[n] == ':' && s[n + 1] != '\0')
		return strcspn(s, " \t\r\n") == strlen(s);
	if (s[0] != '+' || s[1] == '0')
		return 0;
	n = strspn(s + 1, "0123456789");
	return n >= 7 && n <= 15 && s[n + 1] == '\0';
}

static int
is_ref(const char *s)
{
	size_t n;

	for (n = 0; s[n] > ' ' && s[n] <= '~'; n++)
		;
	return n > 0 && n <= REF_MAX && s[n] == '\0';
}

/* What is wrong with a message before anyone is asked, or NULL. */
static const char *
fault(const struct message *m)
{
	if (m->to == NULL)
		return "no recipient";
	if (!is_address(m->to))
		return "recipient is not + and 7 to 15 digits, "
			"nor a channel address";
	if (m->ref != NULL && !is_ref(m->ref))
		return "ref is not 1 to 100 printable characters without blanks";
	if (m->body == NULL && m->media_url == NULL)
		return "neither a text nor media";
	if (m->body != NULL && !utf8_valid(m->body, strlen(m->body)))
		return "text is not UTF-8";
	return NULL;
}

static void
make_ref(struct sending *x, char out[2 * REF_BYTES + 1])
{
	unsigned char bytes[REF_BYTES];
	int i;

	if (read(x->chance, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		die(NO_SYSTEM, "cannot read /dev/urandom:");
	for (i = 0; i < REF_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/*
 * Puts the request together.  The ref goes into the query of the callback
 * URL, so that a callback alone can tell whose it is.
 */
static void
fill_form(struct sending *x, const struct message *m)
{
	struct buf url = BUF_INIT(FORM_LENGTH);
	size_t n = strcspn(x->callback, "#");
	int r;

	r = buf_add(&url, x->callback, n);
	r |= buf_addc(&url, memchr(x->callback, '?', n) == NULL ? '?' : '&');
	r |= buf_addstr(&url, "ref=");
	r |= form_encode(&url, m->ref);
	r |= buf_addstr(&url, x->callback + n);
	buf_reset(&x->form);
	r |= form_add(&x->form, "To", m->to);
	r |= x->sender.from != NULL ?
		form_add(&x->form, "From", x->sender.from) :
		form_add(&x->form, "MessagingServiceSid", x->sender.service);
	if (m->body != NULL)
		r |= form_add(&x->form, "Body", m->body);
	if (m->media_url != NULL)
		r |= form_add(&x->form, "MediaUrl", m->media_url);
	r |= form_add(&x->form, "StatusCallback", url.s);
	if (r != 0)
		die(BUG, "%srequest too long", where(m));
	buf_release(&url);
}

/* Writes the row.  Returns 0, or -1 when one with that ref is there. */
static int
journal(struct sending *x, const struct message *m, long long now)
{
	struct store_message row = { .ref = m->ref, .to = m->to,
		.sender = x->sender.from, .body = m->body,
		.media_url = m->media_url, .created_at = now };
	long long id;
	int r;

	if (row.sender == NULL)
		row.sender = x->sender.service;
	if ((r = store_begin(x->store)) == 0 &&
	    (r = store_journal(x->store, &row, &id)) == 0)
		r = store_commit(x->store);
	if (r != 0)
		store_rollback(x->store);
	if (r > 0)
		die(r, "%snot sent: %s", where(m), store_why(x->store));
	return r;
}

/*
 * Makes the record of what a request has come to.  Returns 0 or the status of
 * its trouble, which it tells.
 */
static int
judge(struct sending *x, const struct message *m, struct twilio_call *c,
	struct rec *rec)
{
	char **f = rec->f, *shown;
	int got = -1, status;

	memset(rec, 0, sizeof(*rec));
	if (c->end == TWILIO_DONE) {
		if (json_message(x->json, c->answer.s, c->answer.len, "send",
		    rec) == 0)
			return 0;
		memset(rec, 0, sizeof(*rec));
		snprintf(c->why, sizeof(c->why), "an answer that is no message");
	} else {
		got = json_error(x->json, c->answer.s, c->answer.len,
			&f[ERROR_CODE], &f[ERROR_MESSAGE]);
	}
	if (c->end == TWILIO_LATER) {
		f[STATUS] = "pending";
		status = TRY_LATER;
	} else if (c->end == TWILIO_DENIED && (f[ERROR_CODE] == NULL ||
	    strncmp(f[ERROR_CODE], "20", 2) == 0)) {
		f[STATUS] = "failed";
		status = NO_PERMISSION;
	} else if ((c->end == TWILIO_REFUSED || c->end == TWILIO_NONE ||
	    c->end == TWILIO_DENIED) && got == 0) {
		f[STATUS] = "failed";
		status = REFUSED;
	} else {
		/* a refusal that is not Twilio's own proves nothing either */
		f[STATUS] = "ambiguous";
		status = UNCLEAR;
	}
	if (f[ERROR_MESSAGE] == NULL)
		f[ERROR_MESSAGE] = c->why;
	shown = mask(need_str(f[ERROR_MESSAGE]));
	warn("%s%s: %s%s%s", where(m), status == REFUSED ? "Twilio refused" :
		status == NO_PERMISSION ? "Twilio refuses the credentials" :
		status == TRY_LATER ? "not sent" :
		"may have been sent, or not",
		f[ERROR_CODE] == NULL ? "" : f[ERROR_CODE],
		f[ERROR_CODE] == NULL ? "" : " ", shown);
	free(shown);
	return status;
}

/*
 * Takes the record into the store and writes it.  If the store fails now, the
 * record is what is left of the answer: it is written all the same.
 */
static void
conclude(struct sending *x, const struct message *m, const struct rec *rec,
	long long now)
{
	struct outcome out;
	int r;

	if ((r = store_begin(x->store)) == 0 &&
	    (r = store_apply(x->store, rec, now, &out)) == 0)
		r = store_commit(x->store);
	if (r != 0)
		store_rollback(x->store);
	rec_write(stdout, rec->f, STATUS_FIELDS);
	if (fflush(stdout) != 0)
		exit(finish_stdout(x->status));
	if (r != 0)
		die(r, "%sposted, but %s; its record can still be given to "
			"sms-apply", where(m), store_why(x->store));
}

/* Returns 0, or -1 where it makes no sense to go on. */
static int
send_message(struct sending *x, struct message *m)
{
	struct twilio_call c = { 0 };
	char made[2 * REF_BYTES + 1], at[WHEN_SIZE], created_at[WHEN_SIZE];
	long long now = when_now();
	struct rec rec;
	const char *why;
	int status;

	if ((why = fault(m)) != NULL) {
		warn("%s%s", where(m), why);
		worse(x, BAD_DATA);
		return 0;
	}
	if (m->ref == NULL) {
		make_ref(x, made);
		m->ref = made;
	}
	fill_form(x, m);
	if (journal(x, m, now) != 0) {
		warn("%sref '%s' was used already", where(m), m->ref);
		worse(x, SOME_FAILED);
		return 0;
	}

	c.path = "Messages.json";
	c.form = x->form.s;
	twilio_call(x->twilio, &c);
	while (twilio_wait(x->twilio, -1, -1) == NULL)
		;
	status = judge(x, m, &c, &rec);
	when_format(created_at, now);
	now = when_now();
	if (rec.f[AT] == NULL)
		rec.f[AT] = when_format(at, now);
	rec.f[SOURCE] = "send";
	if (rec.f[TO] == NULL)
		rec.f[TO] = (char *)m->to;
	if (rec.f[FROM] == NULL)
		rec.f[FROM] = (char *)(x->sender.from != NULL ?
			x->sender.from : x->sender.service);
	if (rec.f[DIRECTION] == NULL)
		rec.f[DIRECTION] = "outbound-api";
	rec.f[REF] = (char *)m->ref;
	if (rec.f[CREATED_AT] == NULL)
		rec.f[CREATED_AT] = created_at;
	worse(x, status == REFUSED && m->line > 0 ? SOME_FAILED : status);
	conclude(x, m, &rec, now);
	buf_release(&c.answer);
	return status == TRY_LATER || status == NO_PERMISSION ? -1 : 0;
}

/* Sends the records of standard input. */
static void
send_records(struct sending *x)
{
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct message m;
	struct rec rec;
	int got;

	while ((got = rec_read(&in, &rec)) != 0) {
		if (got < 0) {
			warn("line %zu %s", in.number, in.why);
			worse(x, BAD_DATA);
			continue;
		}
		m.to = rec.f[SEND_TO];
		m.body = rec.f[SEND_BODY];
		m.ref = rec.f[SEND_REF];
		m.media_url = rec.f[SEND_MEDIA_URL];
		m.line = in.number;
		if (send_message(x, &m) != 0) {
			warn("stopped: nothing behind line %zu was sent",
				in.number);
			break;
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
			die(BAD_DATA, "text is longer than %d bytes", BODY_MAX);
	if (ferror(stdin))
		die(IO_FAILED, "cannot read standard input:");
	if (strlen(b->s) != b->len)
		die(BAD_DATA, "text has a NUL byte");
	if (b->len > 0 && b->s[b->len - 1] == '\n')
		b->s[--b->len] = '\0';
}

/* The sender of options, else that of the environment. */
static void
choose_sender(struct sender *s)
{
	if (s->service != NULL && !is_service(s->service))
		die(BAD_USAGE, "-m takes MG and 32 hex digits, not '%s'",
			s->service);
	if (s->from != NULL || s->service != NULL)
		return;
	s->service = conf("TWILIO_MESSAGING_SERVICE_SID");
	if (s->service != NULL && !is_service(s->service))
		die(BAD_SETUP, "TWILIO_MESSAGING_SERVICE_SID is not MG and 32 "
			"hex digits");
	if (s->service == NULL)
		s->from = conf("TWILIO_PHONE_NUMBER");
	if (s->service == NULL && s->from == NULL)
		die(BAD_SETUP, "no sender: neither TWILIO_MESSAGING_SERVICE_SID "
			"nor TWILIO_PHONE_NUMBER is set");
}

int
main(int argc, char *argv[])
{
	struct twilio_options o = { 1, 0, 0 };
	struct sending x = { .form = BUF_INIT(FORM_LENGTH) };
	struct message m = { NULL, NULL, NULL, NULL, 0 };
	struct buf body = BUF_INIT(BODY_MAX);
	const char *why;
	char *path;
	int opt, header = 0, r;

	while ((opt = getopt(argc, argv, "f:Hhm:r:V")) != -1) {
		switch (opt) {
		case 'f': x.sender.from = optarg; break;
		case 'H': header = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'm': x.sender.service = optarg; break;
		case 'r': m.ref = optarg; break;
		case 'V':
			puts("sms-send " VERSION);
			return finish_stdout(0);
		default: usage(stderr); return BAD_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc > 2 || (argc == 0 && m.ref != NULL) ||
	    (x.sender.from != NULL && (x.sender.service != NULL ||
	    x.sender.from[0] == '\0'))) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	choose_sender(&x.sender);
	if ((x.callback = conf_callback_url()) == NULL)
		die(BAD_SETUP, "WEBHOOK_BASE_URL is not set: Twilio must know "
			"where to tell what becomes of a message");
	x.twilio = twilio_open(&o);
	x.json = json_open();
	if ((x.chance = open("/dev/urandom", O_RDONLY)) < 0)
		die(NO_SYSTEM, "cannot open /dev/urandom:");
	path = conf_db();
	if ((r = store_open(&x.store, path, STORE_MAKE, &why)) != 0)
		die(r, "%s", why);
	if (header)
		rec_header_status(stdout);

	if (argc == 0) {
		send_records(&x);
	} else {
		if (argc == 1)
			read_body(&body);
		m.to = argv[0];
		m.body = argc == 1 ? body.s : argv[1];
		if (*m.body == '\0')
			m.body = NULL;
		send_message(&x, &m);
	}

	store_close(x.store);
	json_close(x.json);
	twilio_close(x.twilio);
	close(x.chance);
	buf_release(&x.form);
	buf_release(&body);
	free(x.callback);
	free(path);
	return finish_stdout(x.status);
}

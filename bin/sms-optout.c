/*
 * sms-optout - list, add and remove recipients who must not be written to
 *
 * An opt-out is a pair: a recipient, and the number or messaging service it
 * wants to hear no more of.  The store adds a pair by itself when Twilio says
 * 21610, and sms-send sends to none of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "mask.h"
#include "message.h"
#include "rec.h"
#include "store.h"
#include "when.h"

enum {
	RECIPIENT, SENDER,      /* fields of a line read */
	OPTOUT_FIELDS = 4,      /* and created_at, source of one written */
	BATCH = 10000           /* lines of a transaction at most */
};

const char progname[] = "sms-optout";

struct change {
	struct store *store;
	int verb;               /* 'a' or 'd' */
	long long now;          /* -1: the clock */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-optout [-H] [-a | -d] [-t now] "
		"[recipient [sender]]\n", fp);
}

static int
show(void *ctx, const struct rec *rec)
{
	(void)ctx;
	rec_show(stdout, rec->f, OPTOUT_FIELDS);
	return ferror(stdout) ? IO_FAILED : 0;
}

/* What is wrong with a pair to be added, or NULL. */
static const char *
fault(const char *recipient, const char *sender)
{
	const char *why = message_to_fault(recipient);

	if (why == NULL && sender != NULL &&
	    message_service_fault(sender) != NULL &&
	    message_from_fault(sender) != NULL)
		why = "sender is no number, sender id or messaging service";
	return why;
}

/* Adds or removes a pair.  where begins a message.  Returns 0 or 1. */
static int
change(const struct change *c, const char *where, const char *recipient,
	const char *sender)
{
	char *shown;
	int r;

	if (c->verb == 'a') {
		if (sender == NULL)
			sender = conf_sender();
		r = store_optout_add(c->store, recipient, sender, "manual",
			c->now >= 0 ? c->now : when_now());
	} else {
		r = store_optout_remove(c->store, recipient, sender);
	}
	if (r > 0)
		die(r, "%snot done: %s", where, store_why(c->store));
	if (r == 0)
		return 0;
	shown = mask(need_str(recipient));
	warn("%s'%s' is not on the list", where, shown);
	free(shown);
	return SOME_FAILED;
}

/* Does it for the line that rec_read gave (got). */
static int
take_line(const struct change *c, const struct rec_reader *in, int got,
	const struct rec *rec)
{
	const char *why = got < 0 ? in->why : rec->f[RECIPIENT] == NULL ?
		"has no recipient" : NULL;
	char where[40];

	if (why != NULL) {
		warn("line %zu %s", in->number, why);
		return BAD_DATA;
	}
	snprintf(where, sizeof(where), "line %zu: ", in->number);
	if (c->verb == 'a' &&
	    (why = fault(rec->f[RECIPIENT], rec->f[SENDER])) != NULL) {
		warn("%s%s", where, why);
		return BAD_DATA;
	}
	return change(c, where, rec->f[RECIPIENT], rec->f[SENDER]);
}

/* Does it for the lines of standard input; returns the highest status. */
static int
take_lines(const struct change *c)
{
	struct rec_reader in = REC_READER(STDIN_FILENO);
	struct rec rec;
	int got, n, r, status = 0;

	/* the store is never held while a slow writer thinks */
	for (got = rec_read(&in, &rec); got != 0; got = rec_read(&in, &rec)) {
		if ((r = store_begin(c->store)) != 0)
			die(r, "%s", store_why(c->store));
		for (n = 1; ; n++) {
			r = take_line(c, &in, got, &rec);
			status = r > status ? r : status;
			if (n == BATCH || !rec_ready(&in) ||
			    (got = rec_read(&in, &rec)) == 0)
				break;
		}
		if ((r = store_commit(c->store)) != 0)
			die(r, "%s", store_why(c->store));
		if (got == 0)
			break;
	}
	rec_release(&in);
	return status;
}

int
main(int argc, char *argv[])
{
	struct change ch = { NULL, 0, -1 };
	const char *recipient, *sender, *why;
	char *db;
	int c, header = 0, r, status = 0;

	while ((c = getopt(argc, argv, "HVadht:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-optout " VERSION); return finish_stdout(0);
		case 'a':
		case 'd':
			if (ch.verb != 0 && ch.verb != c) {
				usage(stderr);
				return BAD_USAGE;
			}
			ch.verb = c;
			break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 't': ch.now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind > 2) {
		usage(stderr);
		return BAD_USAGE;
	}
	recipient = optind < argc ? argv[optind] : NULL;
	sender = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (ch.verb == 'a' && recipient != NULL &&
	    (why = fault(recipient, sender)) != NULL)
		die(BAD_USAGE, "%s", why);

	conf_load();
	db = conf_db();
	if ((r = store_open(&ch.store, db, ch.verb == 'a' ? STORE_MAKE :
	    ch.verb == 0 ? STORE_READ : STORE_EXISTING, &why)) != 0)
		die(r, "%s", why);

	if (ch.verb == 0) {
		if (header)
			puts("#recipient\tsender\tcreated_at\tsource");
		r = store_optout_list(ch.store, recipient, sender, show, NULL);
		if (r != 0 && !ferror(stdout))
			die(r, "%s", store_why(ch.store));
	} else {
		status = recipient == NULL ? take_lines(&ch) :
			change(&ch, "", recipient, sender);
	}
	store_close(ch.store);
	free(db);
	return finish_stdout(status);
}

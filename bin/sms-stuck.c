/*
 * sms-stuck - list messages whose status should have moved by now
 *
 * Writes one sms-record(5) status record per message: first those of which
 * nobody knows whether they reached Twilio, then those that were never
 * checked, oldest first, then those checked longest ago; or those of which only
 * the price is still to come.  Asks nobody and changes nothing: sms-fetch and
 * sms-apply do that, down the pipe.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "die.h"
#include "inflight.h"
#include "num.h"
#include "rec.h"
#include "store.h"
#include "when.h"

const char progname[] = "sms-stuck";

enum form { RECORDS, IDS, COUNT };

struct listing {
	enum form form;
	long long n;
	struct inflight *inflight;  /* NULL if there is none, or */
	int blind;                  /* errno: why it cannot be looked at */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-stuck [-aciHpx] [-n limit] [-q age] [-s age] [-u age] "
		"[-t now]\n", fp);
}

static int
show(void *ctx, const struct rec *rec)
{
	struct listing *l = ctx;

	l->n++;
	if (l->form == IDS)
		puts(rec->f[SID]);
	else if (l->form == RECORDS)
		rec_show(stdout, rec->f, STATUS_FIELDS);
	return ferror(stdout) ? IO_FAILED : 0;
}

/*
 * A message that is not settled and that nobody is at.  Where it cannot be
 * known whether somebody is, a "pending" one is left alone.
 */
static int
show_unsettled(void *ctx, long long id, const struct rec *row)
{
	struct listing *l = ctx;
	struct rec rec = *row;

	if (l->inflight != NULL && inflight_held(l->inflight, id))
		return 0;
	if (l->blind != 0 && strcmp(rec.f[STATUS], "pending") == 0) {
		if (l->blind > 0) {
			errno = l->blind;
			warn("pending messages left out, as it cannot be seen "
				"which are being sent:");
		}
		l->blind = -1;
		return 0;
	}
	if (l->form == IDS && rec.f[SID] == NULL)
		return 0;
	rec.f[STATUS] = "ambiguous";
	return show(l, &rec);
}

/* What nobody knows of is listed whole: it has no SID to be checked by. */
static int
unsettled(struct store *s, const char *db, struct listing *l)
{
	int r;

	l->inflight = inflight_look(db);
	if (l->inflight == NULL && errno != ENOENT)
		l->blind = errno;
	r = store_unsettled(s, show_unsettled, l);
	inflight_close(l->inflight);
	return r;
}

static void
write_header(enum form form)
{
	if (form == RECORDS)
		rec_header_status(stdout);
	else
		puts(form == IDS ? "#sid" : "#messages");
}

int
main(int argc, char *argv[])
{
	struct store_stuck stuck = { when_now(), 3600, 7200, -1 };
	struct store_expired expired = { 0, 21600, 0, 0 };
	struct store_unpriced unpriced = { 0, 3600, 7 * 86400, 0 };
	struct listing list = { RECORDS, 0, NULL, 0 };
	struct store *s;
	const char *why;
	char *db;
	int c, header = 0, give_up = 0, price = 0, r;

	while ((c = getopt(argc, argv, "HVachin:pq:s:t:u:x")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-stuck " VERSION); return finish_stdout(0);
		case 'a': expired.asked = 1; break;
		case 'c': list.form = COUNT; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'i': list.form = IDS; break;
		case 'n': stuck.limit = num_option(c, optarg, 0, 1000000000); break;
		case 'p': price = 1; break;
		case 'q': stuck.queued = when_age_option(c, optarg); break;
		case 's': stuck.sent = when_age_option(c, optarg); break;
		case 't': stuck.now = when_option(c, optarg); break;
		case 'u': expired.age = when_age_option(c, optarg); break;
		case 'x': give_up = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc || (price && give_up)) {
		usage(stderr);
		return BAD_USAGE;
	}
	/* the limit spares Twilio; counting and giving up ask nobody */
	expired.now = stuck.now;
	expired.limit = stuck.limit > 0 ? stuck.limit : 0;
	if (stuck.limit < 0)
		stuck.limit = list.form == COUNT ? 0 : 50;
	unpriced.now = stuck.now;
	unpriced.limit = stuck.limit;

	conf_load();
	db = conf_db();
	if ((r = store_open(&s, db, STORE_READ, &why)) != 0)
		die(r, "%s", why);
	if (header)
		write_header(list.form);

	if (give_up)
		r = store_expired(s, &expired, show, &list);
	else if (price)
		r = store_unpriced(s, &unpriced, show, &list);
	else if ((r = unsettled(s, db, &list)) == 0)
		r = store_stuck(s, &stuck, show, &list);
	if (r != 0 && !ferror(stdout))
		die(r, "%s", store_why(s));

	if (list.form == COUNT)
		printf("%lld\n", list.n);
	store_close(s);
	free(db);
	return finish_stdout(0);
}

/*
 * sms-retry - write send records for messages that are worth another try
 *
 * Which ones, when and under which ref is all in sql/retry.sql.  Sends nothing
 * and writes nothing down: sms-send does, down the pipe, and as the ref tells
 * which try it is, running this twice does not send twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "intake.h"
#include "mask.h"
#include "message.h"
#include "num.h"
#include "rec.h"
#include "store.h"
#include "when.h"

enum { TRIES_MAX = 10 };  /* the last pause of these is 65536 times -w */

const char progname[] = "sms-retry";

static void
usage(FILE *fp)
{
	fputs("usage: sms-retry [-H] [-f from | -m service] [-n tries] "
		"[-t now] [-u age] [-w age]\n", fp);
}

static int
show(void *ctx, const struct rec *rec)
{
	struct rec shown = *rec;

	(void)ctx;
	/* what a person has no business to read sms-send gets by a pipe */
	if (rec_read_by_person() && shown.f[SEND_BODY] != NULL)
		shown.f[SEND_BODY] = "…";
	rec_show(stdout, shown.f, SEND_FIELDS);
	return ferror(stdout) ? IO_FAILED : 0;
}

int
main(int argc, char *argv[])
{
	struct store_retry retry = { NULL, when_now(), 3, 300, 86400 };
	struct intake in_spool = { 0 };
	const char *from = NULL, *service = NULL, *why;
	struct store *s;
	char *db, *spool;
	int c, header = 0, r;

	while ((c = getopt(argc, argv, "HVf:hm:n:t:u:w:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-retry " VERSION); return finish_stdout(0);
		case 'f': from = optarg; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'm': service = optarg; break;
		case 'n':
			retry.tries = num_option(c, optarg, 1, TRIES_MAX);
			break;
		case 't': retry.now = when_option(c, optarg); break;
		case 'u': retry.age = when_age_option(c, optarg); break;
		case 'w': retry.wait = when_age_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc || (from != NULL && service != NULL)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (from != NULL && (why = message_from_fault(from)) != NULL)
		die(BAD_USAGE, "-f '%s' %s", mask(need_str(from)), why);
	if (service != NULL && (why = message_service_fault(service)) != NULL)
		die(BAD_USAGE, "-m '%s' %s", service, why);

	conf_load();
	retry.sender = from != NULL ? from : service != NULL ? service :
		conf_sender();
	db = conf_db();
	spool = conf_spool();
	if ((r = store_open(&s, db, STORE_EXISTING, &why)) != 0)
		die(r, "%s", why);
	/* a callback that waits may say that a message got through after all */
	in_spool.db = db;
	in_spool.spool = spool;
	if ((r = intake_settle(&in_spool, SPOOL_WAIT)) != 0)
		die(r, "%s", in_spool.why);
	intake_close(&in_spool);
	if (header)
		puts("#to\tbody\tref\tmedia_url");

	if ((r = store_retry(s, &retry, show, NULL)) != 0 && !ferror(stdout))
		die(r, "%s", store_why(s));

	store_close(s);
	free(db);
	free(spool);
	return finish_stdout(0);
}

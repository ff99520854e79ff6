/*
 * sms-apply - merge status records into the store
 *
 * Reads sms-record(5) status records and writes one outcome record for each,
 * in order.  The rule that a status never goes backwards is not here but in
 * sql/schema.sql: whatever calls the store obeys it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "die.h"
#include "intake.h"
#include "num.h"
#include "rec.h"
#include "store.h"
#include "when.h"

enum { BATCH = 10000 };  /* records of a transaction at most */

const char progname[] = "sms-apply";

static void
usage(FILE *fp)
{
	fputs("usage: sms-apply [-Hn] [-t now]\n", fp);
}

/* What is wrong with a record, or NULL. */
static const char *
fault(const struct rec *rec)
{
	static const char digits[] = "0123456789";
	const char *price = rec->f[PRICE];
	long long n;

	if (rec->f[SID] == NULL && rec->f[REF] == NULL)
		return "has neither a SID nor a ref";
	if (rec->f[SID] != NULL && !rec_is_sid(rec->f[SID]))
		return "does not begin with a message SID";
	if (rec->f[STATUS] != NULL && strlen(rec->f[STATUS]) > 31)
		return "has a status that is none";
	if (rec->f[ERROR_CODE] != NULL &&
	    num_parse(rec->f[ERROR_CODE], 0, 999999999, &n) != 0)
		return "has an error code that is no number";
	if ((rec->f[AT] != NULL && when_parse(rec->f[AT], &n) != 0) ||
	    (rec->f[CREATED_AT] != NULL &&
	    when_parse(rec->f[CREATED_AT], &n) != 0))
		return "has a time that is not like 2025-08-21T08:34:39Z";
	if (rec->f[SEGMENTS] != NULL &&
	    num_parse(rec->f[SEGMENTS], 0, 999999, &n) != 0)
		return "has a number of segments that is none";
	if (price != NULL) {
		price += *price == '-';
		n = (long long)strspn(price, digits);
		price += n;
		if (n == 0 || (*price == '.' &&
		    (price[1] == '\0' || price[1 + strspn(price + 1, digits)]))
		    || (*price != '.' && *price != '\0'))
			return "has a price that is no decimal number";
	}
	return NULL;
}

/* The outcome record for one that has the given outcome. */
static void
write_outcome(FILE *fp, const struct rec *rec, const struct outcome *o)
{
	char *f[OUTCOME_FIELDS] = { NULL };

	f[SID] = rec->f[SID];
	f[OUTCOME] = (char *)o->word;
	f[OLD] = (char *)o->old;
	f[NEW] = (char *)o->new;
	f[OUTCOME_CODE] = rec->f[ERROR_CODE];
	f[OUTCOME_REF] = rec->f[REF];
	rec_write(fp, f, OUTCOME_FIELDS);
}

/* Applies the record that rec_read gave (got); returns BAD_DATA or 0. */
static int
take(struct store *s, struct rec *rec, const struct rec_reader *in, int got,
	long long now, FILE *fp)
{
	struct outcome o = { "invalid", NULL, NULL };
	const char *why = got < 0 ? in->why : fault(rec);
	char at[WHEN_SIZE];
	int r;

	if (why != NULL) {
		warn("line %zu %s", in->number, why);
		if (got < 0 || !rec_is_sid(rec->f[SID] ? rec->f[SID] : ""))
			rec->f[SID] = NULL;
		write_outcome(fp, rec, &o);
		return BAD_DATA;
	}
	if (rec->f[AT] == NULL)
		rec->f[AT] = when_format(at, now);
	if (rec->f[SOURCE] == NULL)
		rec->f[SOURCE] = "manual";
	if ((r = store_apply(s, rec, now, &o)) != 0)
		die(r, "line %zu not applied: %s", in->number, store_why(s));
	write_outcome(fp, rec, &o);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct rec_reader in = REC_READER(0);
	struct intake in_spool = { .db = NULL };
	struct store *s;
	struct rec rec;
	const char *why;
	char *db, *spool, *text = NULL;
	FILE *batch;
	size_t n, len = 0;
	long long now = -1, t;
	int c, got, header = 0, dry = 0, status = 0, r;

	while ((c = getopt(argc, argv, "HVhnt:")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-apply " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'n': dry = 1; break;
		case 't': now = when_option(c, optarg); break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	db = conf_db();
	spool = conf_spool();
	if ((r = store_open(&s, db, STORE_MAKE, &why)) != 0)
		die(r, "%s", why);
	/* callbacks that sms-hook has taken came before these records */
	in_spool.db = db;
	in_spool.spool = spool;
	if (!dry && (r = intake_settle(&in_spool, 1)) != 0)
		die(r, "%s", in_spool.why);
	intake_close(&in_spool);
	if ((batch = open_memstream(&text, &len)) == NULL)
		die(NO_SYSTEM, "out of memory");
	if (header)
		rec_header_outcome(stdout);

	/*
	 * A transaction takes what can be read without waiting, so that the
	 * store is never held while a slow writer thinks.  Its outcomes are
	 * written once it is durable.
	 */
	got = rec_read(&in, &rec);
	while (got != 0) {
		t = now >= 0 ? now : when_now();
		if ((r = store_begin(s)) != 0)
			die(r, "%s", store_why(s));
		for (n = 0; got != 0; got = rec_read(&in, &rec)) {
			if (take(s, &rec, &in, got, t, batch) != 0)
				status = BAD_DATA;
			if ((++n >= BATCH || !rec_ready(&in)) && !dry)
				break;
		}
		if (dry)
			store_rollback(s);
		else if ((r = store_commit(s)) != 0)
			die(r, "%s", store_why(s));
		fflush(batch);
		fwrite(text, 1, len, stdout);
		fflush(stdout);
		rewind(batch);
		if (got != 0)
			got = rec_read(&in, &rec);
	}

	t = now >= 0 ? now : when_now();
	if (!dry && ((r = store_begin(s)) != 0 ||
	    (r = store_settle(s, t)) != 0 || (r = store_commit(s)) != 0))
		die(r, "%s", store_why(s));
	fclose(batch);
	free(text);
	rec_release(&in);
	store_close(s);
	free(db);
	free(spool);
	return finish_stdout(status);
}

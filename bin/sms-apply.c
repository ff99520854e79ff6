/*
 * sms-apply - merge status records into the store
 *
 * Reads sms-record(5) status records and writes one outcome record for each,
 * in order.  The rule that a status never goes backwards is not here but in
 * sql/schema.sql: whatever calls the store obeys it.  What a run changed can
 * be taken back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "conf.h"
#include "die.h"
#include "intake.h"
#include "num.h"
#include "rec.h"
#include "store.h"
#include "when.h"

const char progname[] = "sms-apply";

static void
usage(FILE *fp)
{
	fputs("usage: sms-apply [-Hcnv] [-t now]\n"
		"       sms-apply -u batch [-Hn] [-t now]\n"
		"       sms-apply -l [-H]\n", fp);
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

/* Takes what rec_read gave (got) into the batch; returns 1 when it is full. */
static int
take(struct batch *b, struct rec *rec, const struct rec_reader *in, int got,
	int *status)
{
	const char *why = got < 0 ? in->why : fault(rec);

	if (why != NULL) {
		warn("line %zu %s", in->number, why);
		if (got < 0 || !rec_is_sid(rec->f[SID] ? rec->f[SID] : ""))
			rec->f[SID] = NULL;
		*status = BAD_DATA;
	}
	return batch_add(b, rec, why != NULL, in->number);
}

/* A file that is gone when we are. */
static FILE *
aside(void)
{
	FILE *fp = tmpfile();

	if (fp == NULL)
		die(IO_FAILED, "cannot make a temporary file:");
	return fp;
}

/* Copies the rest of one file to another, from and to their beginnings. */
static void
copy(FILE *from, FILE *to)
{
	char block[65536];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), from)) > 0)
		fwrite(block, 1, n, to);
	fflush(to);
	check_stdout();
	if (ferror(from) || ferror(to))
		die(IO_FAILED, "cannot copy what was read or found:");
	fclose(from);
}

/* All of standard input in a file, so that nobody is waited for later. */
static int
all_input(void)
{
	FILE *fp = aside();
	int fd;

	copy(stdin, fp);
	if ((fd = dup(fileno(fp))) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		die(IO_FAILED, "cannot read a temporary file:");
	fclose(fp);
	return fd;
}

static void
apply(struct store *s, struct batch *b, struct store_batch *id, long long now,
	int dry)
{
	int r = batch_apply(b, s, id, now, dry);

	if (r != 0 && b->failed > 0)
		die(r, "line %zu not applied: %s", b->failed, store_why(s));
	if (r != 0)
		die(r, "%s", store_why(s));
}

/*
 * A batch takes what can be read without waiting: the store is never held
 * while a slow writer thinks.  Outcomes are written once they are durable.
 */
static int
apply_all(struct store *s, struct store_batch *id, long long now, int verbose)
{
	struct rec_reader in = REC_READER(0);
	struct batch batch = BATCH_INIT;
	struct rec rec;
	int full, got, r, said = !verbose, status = 0;

	do {
		full = 0;
		if ((got = rec_read(&in, &rec)) != 0)
			full = take(&batch, &rec, &in, got, &status);
		if (batch.n == 0 || (got != 0 && !full && rec_ready(&in)))
			continue;
		apply(s, &batch, id, now >= 0 ? now : when_now(), 0);
		if (id->saved && !said) {
			warn("batch %lld", id->id);
			said = 1;
		}
		batch_write(&batch, stdout);
		fflush(stdout);
	} while (got != 0);
	batch_release(&batch);
	rec_release(&in);

	/* what waited for rows that other programs have made since */
	if ((r = store_begin(s)) != 0 ||
	    (r = store_settle(s, now >= 0 ? now : when_now())) != 0 ||
	    (r = store_commit(s)) != 0)
		die(r, "%s", store_why(s));
	return status;
}

/* The same, in one transaction, of which then nothing is kept. */
static int
try_all(struct store *s, struct store_batch *id, long long now)
{
	struct rec_reader in = REC_READER(all_input());
	struct batch batch = BATCH_INIT;
	struct rec rec;
	FILE *told = aside();
	int full, got, r, status = 0;

	if (now < 0)
		now = when_now();
	if ((r = store_begin(s)) != 0)
		die(r, "%s", store_why(s));
	do {
		full = 0;
		if ((got = rec_read(&in, &rec)) != 0)
			full = take(&batch, &rec, &in, got, &status);
		if (got != 0 && !full)
			continue;
		apply(s, &batch, id, now, 1);
		batch_write(&batch, told);
	} while (got != 0);
	store_rollback(s);
	rewind(told);
	copy(told, stdout);
	batch_release(&batch);
	rec_release(&in);
	close(in.fd);
	return status;
}

struct undo {
	FILE *told;
	long long n, newer;
};

static int
tell(void *ctx, const struct rec *rec)
{
	struct undo *u = ctx;

	u->n++;
	u->newer += strcmp(rec->f[OUTCOME], "newer") == 0;
	rec_show(u->told, rec->f, OUTCOME_FIELDS);
	return 0;
}

static int
undo(struct store *s, long long batch, long long now, int dry)
{
	struct undo u = { aside(), 0, 0 };
	int r;

	if ((r = store_begin(s)) == 0)
		r = store_undo(s, batch, now >= 0 ? now : when_now(), tell, &u);
	if (r < 0)
		die(BAD_USAGE, "there is no batch %lld: sms-apply -l lists "
			"them", batch);
	if (dry)
		store_rollback(s);
	else if (r == 0)
		r = store_commit(s);
	if (r != 0)
		die(r, "%s", store_why(s));
	rewind(u.told);
	copy(u.told, stdout);
	if (u.newer > 0)
		warn("%lld of %lld messages not taken back, as something newer "
			"has come", u.newer, u.n);
	return u.newer > 0 ? SOME_FAILED : 0;
}

static int
show_batch(void *ctx, const struct rec *rec)
{
	(void)ctx;
	rec_show(stdout, rec->f, 6);
	return ferror(stdout) ? IO_FAILED : 0;
}

static void
list(const char *db, int header)
{
	struct store *s;
	const char *why;
	int r;

	if ((r = store_open(&s, db, STORE_READ, &why)) != 0)
		die(r, "%s", why);
	if (header)
		puts("#batch\tcreated_at\tchanged\tmade\tkept\tundone_at");
	r = store_batch_list(s, show_batch, NULL);
	if (r != 0 && !ferror(stdout))
		die(r, "%s", store_why(s));
	store_close(s);
}

int
main(int argc, char *argv[])
{
	struct store_batch id = { .make = 0 };
	struct intake in_spool = { .db = NULL };
	struct store *s;
	const char *why;
	char *db, *spool;
	long long now = -1, back = 0;
	int c, header = 0, dry = 0, listing = 0, verbose = 0, status, r;

	while ((c = getopt(argc, argv, "HVchlnt:u:v")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-apply " VERSION); return finish_stdout(0);
		case 'c': id.make = 1; break;
		case 'h': usage(stdout); return finish_stdout(0);
		case 'l': listing = 1; break;
		case 'n': dry = 1; break;
		case 't': now = when_option(c, optarg); break;
		case 'u': back = num_option(c, optarg, 1, 1LL << 53); break;
		case 'v': verbose = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc || (back != 0 && (id.make || listing || verbose)) ||
	    (listing && (id.make || dry || verbose || now >= 0))) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	db = conf_db();
	spool = conf_spool();
	if (listing) {
		list(db, header);
		free(db);
		free(spool);
		return finish_stdout(0);
	}
	if ((r = store_open(&s, db, dry ? STORE_TRIAL : back != 0 ?
	    STORE_EXISTING : STORE_MAKE, &why)) != 0)
		die(r, "%s", why);
	/* callbacks that sms-hook has taken came before these records */
	in_spool.db = db;
	in_spool.spool = spool;
	if (!dry && (r = intake_settle(&in_spool, SPOOL_WAIT)) != 0)
		die(r, "%s", in_spool.why);
	intake_close(&in_spool);
	if (header)
		rec_header_outcome(stdout);

	if (back != 0)
		status = undo(s, back, now, dry);
	else if (dry)
		status = try_all(s, &id, now);
	else
		status = apply_all(s, &id, now, verbose);
	store_close(s);
	free(db);
	free(spool);
	return finish_stdout(status);
}

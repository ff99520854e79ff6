/*
 * A candidate is an outbound message to the same recipient, made no earlier
 * than the one that is looked for and held by no row of the store.  The store
 * is asked about candidates first and about the message itself last: if a
 * callback settles it meanwhile, the latter shows it.  The other way round its
 * own message, just held by its own row, would count as never there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "form.h"
#include "lookup.h"
#include "sign.h"
#include "store.h"
#include "twilio.h"
#include "when.h"

enum {
	GRACE_S = 300,          /* until what is not listed was never there */
	SKEW_S = 120,           /* that our clock may be ahead of Twilio's */
	PATIENCE_S = 21600,     /* with a text that is gone */
	PAGES_MAX = 20,
	PATH_SIZE = 4096,
	SID_SIZE = 35,
	TO_MAX = 512,           /* bytes of a recipient; 1,536 in a URL */
	SHOWN = 10,             /* SIDs named to a person */
	WORDS_MAX = 1024
};

/* What Twilio puts before the text of an account that does not pay yet. */
static const char trial[] = "Sent from your Twilio trial account - ";

struct lookup_run {
	const char *db;
	struct store *store;    /* NULL: not open, or there is none */
	int opened;
	char **unsettled;       /* keys of the unsettled rows, sorted */
	size_t n_unsettled;
	char (*claimed)[SID_SIZE];  /* the SIDs found in this run */
	size_t n_claimed;
};

struct candidate {
	char sid[SID_SIZE];
	int same;               /* it has the text */
	int gone;               /* it has none any more */
};

struct lookup {
	struct lookup_run *run;
	const struct rec *rec;
	long long since;        /* candidates were not made before */
	struct candidate *candidate;
	size_t n;
	struct buf path, words;
	int pages, more;        /* more: than we are willing to read */
};

/* The array of n elements with room for one more. */
static void *
grow(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ?
		need_again(array, (n == 0 ? 1 : 2 * n) * size) : array;
}

/* What two messages have in common that look the same at Twilio. */
static char *
key(const char *to, const char *hash)
{
	size_t size = strlen(hash) + strlen(to) + 2;
	char *s = need(size);

	snprintf(s, size, "%s %s", hash, to);
	return s;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
note_unsettled(void *ctx, long long id, const struct rec *rec)
{
	struct lookup_run *run = ctx;

	(void)id;
	if (rec->f[TO] == NULL || strlen(rec->f[TO]) > TO_MAX ||
	    rec->f[BODY_SHA256] == NULL ||
	    strlen(rec->f[BODY_SHA256]) != SIGN_HEX_SIZE - 1)
		return 0;
	run->unsettled = grow(run->unsettled, run->n_unsettled, sizeof(char *));
	run->unsettled[run->n_unsettled++] = key(rec->f[TO],
		rec->f[BODY_SHA256]);
	return 0;
}

/* Opens the store, if there is one, when the first message needs it. */
static void
open_store(struct lookup_run *run)
{
	const char *why;
	int r;

	if (run->opened)
		return;
	run->opened = 1;
	if (access(run->db, F_OK) != 0 && errno == ENOENT)
		return;
	if ((r = store_open(&run->store, run->db, STORE_READ, &why)) != 0)
		die(r, "%s", why);
	if ((r = store_unsettled(run->store, note_unsettled, run)) != 0)
		die(r, "%s", store_why(run->store));
	if (run->n_unsettled > 0)
		qsort(run->unsettled, run->n_unsettled, sizeof(char *),
			by_text);
}

struct lookup_run *
lookup_open(const char *db)
{
	struct lookup_run *run = need(sizeof(*run));

	memset(run, 0, sizeof(*run));
	run->db = db;
	return run;
}

void
lookup_close(struct lookup_run *run)
{
	size_t i;

	if (run == NULL)
		return;
	for (i = 0; i < run->n_unsettled; i++)
		free(run->unsettled[i]);
	free(run->unsettled);
	free(run->claimed);
	store_close(run->store);
	free(run);
}

static int
is_open_status(const char *s)
{
	return s != NULL && (strcmp(s, "ambiguous") == 0 ||
		strcmp(s, "pending") == 0);
}

int
lookup_can(const struct rec *rec)
{
	char *const *f = rec->f;
	long long t;

	return f[SID] == NULL && f[REF] != NULL && is_open_status(f[STATUS]) &&
		f[TO] != NULL && strlen(f[TO]) <= TO_MAX &&
		f[CREATED_AT] != NULL && when_parse(f[CREATED_AT], &t) == 0;
}

/* Is the SID that of a row? */
static int
is_held(struct lookup_run *run, const char *sid)
{
	int held = run->store != NULL ? store_holds(run->store, sid) : 0;

	if (held < 0)
		die(IO_FAILED, "%s", store_why(run->store));
	return held;
}

int
lookup_is_doubtful(struct lookup_run *run, const struct rec *rec)
{
	char *const *f = rec->f;
	size_t i;

	open_store(run);
	if (f[TO] == NULL || (f[DIRECTION] != NULL &&
	    strcmp(f[DIRECTION], "inbound") == 0))
		return 0;
	for (i = 0; i < run->n_unsettled; i++)
		/* see key() */
		if (strcmp(run->unsettled[i] + SIGN_HEX_SIZE, f[TO]) == 0)
			return !is_held(run, f[SID]);
	return 0;
}

struct lookup *
lookup_begin(struct lookup_run *run, const struct rec *rec)
{
	struct lookup *l = need(sizeof(*l));

	open_store(run);
	memset(l, 0, sizeof(*l));
	l->run = run;
	l->rec = rec;
	when_parse(rec->f[CREATED_AT], &l->since);
	l->since -= SKEW_S;
	l->path = (struct buf)BUF_INIT(PATH_SIZE);
	l->words = (struct buf)BUF_INIT(WORDS_MAX);
	/* no date: what was not sent yet has none, and would be left out */
	buf_addstr(&l->path, "Messages.json?To=");
	form_encode(&l->path, rec->f[TO]);
	buf_addstr(&l->path, "&PageSize=1000");
	return l;
}

void
lookup_end(struct lookup *l)
{
	if (l == NULL)
		return;
	free(l->candidate);
	buf_release(&l->path);
	buf_release(&l->words);
	free(l);
}

const char *
lookup_path(const struct lookup *l)
{
	return l->path.len > 0 ? l->path.s : NULL;
}

/* Is there another unsettled message to that recipient with that text? */
static int
is_anothers(const struct lookup *l, const char *hash)
{
	const struct lookup_run *run = l->run;
	char *k;
	int found;

	if (run->n_unsettled == 0)
		return 0;
	k = key(l->rec->f[TO], hash);
	found = bsearch(&k, run->unsettled, run->n_unsettled, sizeof(char *),
		by_text) != NULL;
	free(k);
	return found;
}

enum kind { SAME, ANOTHERS, OTHER };

/* Whose text is it?  A body that is redacted, or altered, is OTHER. */
static enum kind
kind_of(const struct lookup *l, const char *body)
{
	const char *wanted = l->rec->f[BODY_SHA256];
	size_t prefix = sizeof(trial) - 1;
	enum kind kind = OTHER;
	char hash[SIGN_HEX_SIZE];
	int i;

	for (i = 0; body != NULL && i < 2; i++) {
		sign_sha256(hash, body, strlen(body));
		if (wanted != NULL && strcmp(hash, wanted) == 0)
			return SAME;
		if (is_anothers(l, hash))
			kind = ANOTHERS;
		body = strncmp(body, trial, prefix) == 0 ? body + prefix : NULL;
	}
	return kind;
}

/* A message of a page: is it a candidate? */
static int
take(void *ctx, const struct rec *rec, const char *body)
{
	struct lookup *l = ctx;
	char *const *f = rec->f;
	long long made;
	enum kind kind;
	size_t i;

	if ((f[TO] != NULL && strcmp(f[TO], l->rec->f[TO]) != 0) ||
	    (f[DIRECTION] != NULL && strcmp(f[DIRECTION], "inbound") == 0) ||
	    (f[CREATED_AT] != NULL && when_parse(f[CREATED_AT], &made) == 0 &&
	    made < l->since))
		return 0;
	if ((kind = kind_of(l, body)) == ANOTHERS)
		return 0;
	/* pages shift while they are read */
	for (i = 0; i < l->n; i++)
		if (strcmp(l->candidate[i].sid, f[SID]) == 0)
			return 0;
	if (is_held(l->run, f[SID]))
		return 0;
	l->candidate = grow(l->candidate, l->n, sizeof(l->candidate[0]));
	strcpy(l->candidate[l->n].sid, f[SID]);
	l->candidate[l->n].gone = body == NULL;
	l->candidate[l->n++].same = kind == SAME;
	return 0;
}

int
lookup_page(struct lookup *l, struct json *json, const char *text, size_t len)
{
	const char *next;

	if (json_page(json, text, len, take, l, &next) != 0)
		return -1;
	buf_reset(&l->path);
	if (next != NULL && (++l->pages == PAGES_MAX ||
	    buf_addstr(&l->path, next) != 0))
		l->more = 1;
	return 0;
}

static int
is_claimed(const struct lookup_run *run, const char *sid)
{
	size_t i;

	for (i = 0; i < run->n_claimed; i++)
		if (strcmp(run->claimed[i], sid) == 0)
			return 1;
	return 0;
}

static void
claim(struct lookup_run *run, const char *sid)
{
	run->claimed = grow(run->claimed, run->n_claimed, SID_SIZE);
	strcpy(run->claimed[run->n_claimed++], sid);
}

/* What a person must know: how many, and which. */
static void
tell(struct lookup *l, size_t n, int same)
{
	size_t i, shown = 0;

	buf_addf(&l->words, "%zu message%s %s", n, n == 1 ? "" : "s",
		same ? "with its text:" : "that may be it, the text redacted "
		"or altered:");
	for (i = 0; i < l->n && shown < SHOWN; i++)
		if (l->candidate[i].same == same &&
		    !is_claimed(l->run, l->candidate[i].sid)) {
			buf_addf(&l->words, " %s", l->candidate[i].sid);
			shown++;
		}
	if (shown < n)
		buf_addstr(&l->words, " ...");
}

/*
 * Has the row of the message been settled by others?  Its SID goes into words
 * if it has one.
 */
static int
is_settled(struct lookup *l)
{
	struct store *store = l->run->store;
	struct rec now;
	long long id;
	int r, settled;

	if (store == NULL ||
	    (r = store_find(store, l->rec->f[REF], &now, &id)) < 0)
		return 0;
	if (r > 0)
		die(r, "%s", store_why(store));
	settled = now.f[SID] != NULL || !is_open_status(now.f[STATUS]);
	if (now.f[SID] != NULL)
		buf_addstr(&l->words, now.f[SID]);
	store_found(store);
	return settled;
}

/* For how long it has been with Twilio, if it is. */
static long long
age(const struct lookup *l, long long now)
{
	long long t = l->since + SKEW_S, at;

	/* it may have been posted long after it was made */
	if (l->rec->f[AT] != NULL && when_parse(l->rec->f[AT], &at) == 0 &&
	    at > t)
		t = at;
	return now - t;
}

enum lookup_end
lookup_judge(struct lookup *l, long long now, const char **what)
{
	size_t i, count[2] = { 0, 0 }, gone = 0;
	long long old = age(l, now);
	const char *sid = NULL;

	buf_reset(&l->words);
	if (is_settled(l)) {
		*what = l->words.s;
		return l->words.len > 0 ? LOOKUP_FOUND : LOOKUP_STAYS;
	}
	for (i = 0; i < l->n; i++) {
		if (is_claimed(l->run, l->candidate[i].sid))
			continue;
		count[l->candidate[i].same]++;
		gone += l->candidate[i].gone;
		if (l->candidate[i].same)
			sid = l->candidate[i].sid;
	}
	if (!l->more && count[1] == 1) {
		claim(l->run, sid);
		*what = sid;
		return LOOKUP_FOUND;
	}
	if (!l->more && count[0] + count[1] == 0) {
		*what = "Twilio no longer tells: made over 13 months ago";
		return old < GRACE_S ? LOOKUP_STAYS :
			old < TWILIO_KEEPS_S ? LOOKUP_NEVER : LOOKUP_LOST;
	}
	if (!l->more && gone == count[0] + count[1] && old >= PATIENCE_S) {
		*what = "Twilio no longer tells: its text is redacted";
		return LOOKUP_LOST;
	}
	if (l->more)
		buf_addstr(&l->words, "too many messages to that number");
	else
		tell(l, count[count[1] > 0], count[1] > 0);
	*what = l->words.s;
	return LOOKUP_UNCLEAR;
}

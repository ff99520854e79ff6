#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "ledger.h"
#include "refs.h"
#include "sign.h"
#include "when.h"

enum { DAY = 86400, TRIES_MAX = 1000 };

/*
 * True for a message that never got as far as being one at Twilio: nothing
 * was reached, or the request was turned away (20xxx: credentials, too many
 * requests) before the message in it was looked at.
 */
static int
never_arrived(const struct rec *rec)
{
	return strcmp(rec->f[STATUS], "failed") == 0 && rec->f[SID] == NULL &&
		(rec->f[ERROR_CODE] == NULL ||
		strncmp(rec->f[ERROR_CODE], "20", 2) == 0);
}

static int
settle_by_ref(struct ledger *l, const char *ref, char *status, char *code,
	char *words, long long now)
{
	struct rec rec = { { NULL } };
	char at[WHEN_SIZE];

	rec.f[REF] = (char *)ref;
	rec.f[STATUS] = status;
	rec.f[ERROR_CODE] = code;
	rec.f[ERROR_MESSAGE] = words;
	rec.f[AT] = when_format(at, now);
	rec.f[SOURCE] = "send";
	return ledger_settle(l, &rec, now);
}

/* The present record of ref, in memory of its own. */
static int
present(struct ledger *l, const char *ref, struct rec *rec, char **text,
	long long *id)
{
	struct rec found;
	int r;

	if ((r = store_find(l->store, ref, &found, id)) != 0)
		return r;
	free(*text);
	*text = rec_copy(rec, &found, STATUS_FIELDS);
	store_found(l->store);
	return 0;
}

/* What became of ref if it was used before; -1 if it was not. */
static int
look(struct ledger *l, const char *ref, struct rec *rec, char **text,
	long long now)
{
	long long id;
	int r;

	if ((r = present(l, ref, rec, text, &id)) != 0)
		return r;
	if (strcmp(rec->f[STATUS], "pending") != 0 ||
	    inflight_held(l->inflight, id))
		return 0;
	if ((r = settle_by_ref(l, ref, "ambiguous", NULL, NULL, now)) == 0)
		r = present(l, ref, rec, text, &id);
	return r;
}

/* 1 when a brake is on, 0, or -1. */
static int
braked(struct ledger *l, const char *to, long long most, long long now)
{
	long long n;

	if (most == 0)
		return 0;
	if ((n = store_made(l->store, to, now - now % DAY)) < 0)
		return -1;
	return n >= most;
}

int
ledger_enter(struct ledger *l, const struct message *m,
	const struct message_manner *how, const struct segment_count *count,
	char ref[], int again, long long now, enum entry *entry,
	long long *id, struct rec *rec, char **text)
{
	const char *sender = how->from != NULL ? how->from : how->service;
	struct store_message row = { .ref = ref, .to = m->to,
		.sender = sender, .body = m->body, .media_url = m->media_url,
		.send_at = how->send_at, .uncalled = how->callback == NULL,
		.created_at = now };
	char first[REFS_SIZE], hash[SIGN_HEX_SIZE], segments[16];
	int n, r;

	if (m->body != NULL) {
		sign_sha256(hash, m->body, strlen(m->body));
		row.body_sha256 = hash;
		snprintf(segments, sizeof(segments), "%d", count->segments);
		row.segments = segments;
	}
	snprintf(first, sizeof(first), "%s", ref);
	for (n = 2; ; n++) {
		*entry = ENTRY_PRESENT;
		if ((r = look(l, ref, rec, text, now)) > 0)
			return r;
		if (r < 0)
			break;
		if (!again || !never_arrived(rec) || n > TRIES_MAX)
			return 0;
		refs_try(ref, first, n);
	}
	/* of a try that never arrived */
	free(*text);
	*text = NULL;
	if ((r = braked(l, NULL, l->per_day, now)) != 0) {
		*entry = ENTRY_DAY;
		return r < 0 ? IO_FAILED : 0;
	}
	if ((r = braked(l, m->to, l->per_recipient, now)) != 0) {
		*entry = ENTRY_RECIPIENT;
		return r < 0 ? IO_FAILED : 0;
	}
	if ((r = store_journal(l->store, &row, id)) != 0)
		return r < 0 ? BUG : r;
	if ((r = store_opted_out(l->store, m->to, sender)) != 0) {
		*entry = ENTRY_REFUSED;
		if (r < 0)
			return IO_FAILED;
		r = settle_by_ref(l, ref, "failed", "21610",
			"the recipient has opted out", now);
		return r != 0 ? r : present(l, ref, rec, text, id);
	}
	*entry = ENTRY_NEW;
	if (inflight_hold(l->inflight, *id) != 0)
		die(NO_SYSTEM, "cannot lock a message:");
	return 0;
}

int
ledger_settle(struct ledger *l, const struct rec *rec, long long now)
{
	struct outcome out;

	return store_apply(l->store, rec, now, &out);
}

void
ledger_forget(struct ledger *l, long long id)
{
	if (inflight_drop(l->inflight, id) != 0)
		die(NO_SYSTEM, "cannot unlock a message:");
}

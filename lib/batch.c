/*
 * Random access is what many changes to a large database cost.  So rows are
 * looked up in the order of their SIDs, which is that of the index, and then
 * written in the order of their numbers, which is that of the table, of its
 * history's index and, as messages grow older together, of most others.
 *
 * Records of one row stay in the order in which they came, so nothing comes
 * out differently.  Those without a row come last, in their order.  If one of
 * these also names a ref it may become that of another row: then all stay in
 * the order in which they came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "when.h"

enum {
	BATCH_MAX = 500000,        /* records; with all else under 200 MB */
	TEXT_MAX = 48 * 1024 * 1024,
	HOLD_MS = 1000,            /* others wait no longer for the store */
	LOOK = 64,                 /* records between two looks at the clock */
	SORTED_MIN = 100           /* fewer are not worth the sorting */
};

struct batch_item {
	size_t text, line;         /* where its fields begin; of the input */
	unsigned has;              /* a bit for each field that is known */
	int invalid;
	const char *outcome, *old, *new;
};

/* What is sorted: by key, then as they came. */
struct place {
	uint64_t key;
	size_t i;
};

int
batch_add(struct batch *b, const struct rec *rec, int invalid, size_t line)
{
	struct batch_item *it;
	size_t i;

	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 64 : b->cap * 2;
		b->item = need_again(b->item, b->cap * sizeof(*b->item));
	}
	it = &b->item[b->n++];
	memset(it, 0, sizeof(*it));
	it->text = b->text.len;
	it->line = line;
	it->invalid = invalid;
	for (i = 0; i < STATUS_FIELDS; i++) {
		if (rec->f[i] == NULL)
			continue;
		it->has |= 1u << i;
		buf_add(&b->text, rec->f[i], strlen(rec->f[i]) + 1);
	}
	return b->n >= BATCH_MAX || b->text.len >= TEXT_MAX;
}

/* The record of an item; its fields lie in b->text. */
static void
unpack(const struct batch *b, const struct batch_item *it, struct rec *rec)
{
	char *s = b->text.s + it->text;
	size_t i;

	memset(rec, 0, sizeof(*rec));
	for (i = 0; i < STATUS_FIELDS; i++) {
		if ((it->has >> i & 1) == 0)
			continue;
		rec->f[i] = s;
		s += strlen(s) + 1;
	}
}

/* A number that sorts as SIDs do, as far as one can tell from 16 digits. */
static uint64_t
sid_key(const char *sid)
{
	uint64_t key = 0;
	int i;

	for (i = 2; i < 18; i++)
		key = key << 4 | (uint64_t)(sid[i] <= '9' ? sid[i] - '0' :
			(sid[i] & 7) + 9);
	return sid[0] == 'M' ? key >> 1 : key >> 1 | (uint64_t)1 << 63;
}

static int
by_key(const void *a, const void *b)
{
	const struct place *p = a, *q = b;

	if (p->key != q->key)
		return p->key < q->key ? -1 : 1;
	return p->i < q->i ? -1 : p->i > q->i;
}

/* One of the few words that outcomes have, to be kept as long as the batch. */
static const char *
word(struct batch *b, const char *s)
{
	size_t i;

	if (s == NULL)
		return NULL;
	for (i = 0; i < b->words; i++)
		if (strcmp(b->word[i], s) == 0)
			return b->word[i];
	b->word = need_again(b->word, (b->words + 1) * sizeof(*b->word));
	return b->word[b->words++] = need_str(s);
}

static int
apply(struct batch *b, struct store *s, const struct place *place,
	long long now)
{
	struct batch_item *it = &b->item[place->i];
	struct outcome out;
	struct rec rec;
	char at[WHEN_SIZE];
	int r;

	unpack(b, it, &rec);
	if (rec.f[AT] == NULL)
		rec.f[AT] = when_format(at, now);
	if (rec.f[SOURCE] == NULL)
		rec.f[SOURCE] = "manual";
	if ((r = store_apply_at(s, (long long)place->key, &rec, now,
	    &out)) != 0) {
		b->failed = it->line;
		return r;
	}
	it->outcome = word(b, out.word);
	it->old = word(b, out.old);
	it->new = word(b, out.new);
	return 0;
}

/*
 * Looks up the rows, in the order of the SIDs, and sorts by them; or leaves
 * the order as it was, with 0 for a row, where it has to stay.
 */
static int
sort(struct batch *b, struct store *s, struct place *place, size_t n)
{
	int r = 0, tied = 0;
	long long row;
	struct rec rec;
	size_t i;

	for (i = 0; i < n; i++) {
		unpack(b, &b->item[place[i].i], &rec);
		place[i].key = rec.f[SID] != NULL ? sid_key(rec.f[SID]) : 0;
	}
	qsort(place, n, sizeof(*place), by_key);
	for (i = 0; i < n && r == 0; i++) {
		unpack(b, &b->item[place[i].i], &rec);
		r = store_locate(s, &rec, &row);
		place[i].key = row == 0 ? UINT64_MAX : (uint64_t)row;
		tied |= row == 0 && rec.f[REF] != NULL;
	}
	for (i = 0; i < n && tied; i++)
		place[i].key = 0;
	qsort(place, n, sizeof(*place), by_key);
	for (i = n; i > 0 && place[i - 1].key == UINT64_MAX; i--)
		place[i - 1].key = 0;
	return r;
}

/* The transactions in which all is applied. */
static int
apply_all(struct batch *b, struct store *s, struct store_batch *id,
	const struct place *place, size_t n, long long now)
{
	long long began = 0;
	size_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		if (began == 0) {
			if ((r = store_begin(s)) != 0 ||
			    (r = store_batch_begin(s, id)) != 0)
				break;
			began = when_mono_ms();
		}
		if ((r = apply(b, s, &place[i], now)) == 0 && (i + 1 == n ||
		    (i % LOOK == 0 && when_mono_ms() - began >= HOLD_MS))) {
			if ((r = store_batch_end(s, id, now)) == 0)
				r = store_commit(s);
			began = 0;
		}
	}
	return r;
}

int
batch_apply(struct batch *b, struct store *s, struct store_batch *id,
	long long now, int dry)
{
	struct place *place = need((b->n + 1) * sizeof(*place));
	size_t i, n = 0;
	int r = 0;

	b->failed = 0;
	for (i = 0; i < b->n; i++)
		if (!b->item[i].invalid) {
			place[n].key = 0;
			place[n++].i = i;
		}
	if (n >= SORTED_MIN && (r = store_expect_many(s)) == 0 &&
	    (dry || (r = store_begin_reading(s)) == 0)) {
		r = sort(b, s, place, n);
		if (r == 0 && !dry)
			r = store_commit(s);
	}
	if (r == 0 && !dry)
		r = apply_all(b, s, id, place, n, now);
	else if (r == 0 && (r = store_batch_begin(s, id)) == 0)
		for (i = 0; i < n && r == 0; i++)
			r = apply(b, s, &place[i], now);
	free(place);
	return r;
}

void
batch_write(struct batch *b, FILE *fp)
{
	const struct batch_item *it;
	char *f[OUTCOME_FIELDS];
	struct rec rec;
	size_t i;

	for (i = 0; i < b->n; i++) {
		it = &b->item[i];
		unpack(b, it, &rec);
		f[SID] = rec.f[SID];
		f[OUTCOME] = (char *)(it->invalid ? "invalid" : it->outcome);
		f[OLD] = (char *)it->old;
		f[NEW] = (char *)it->new;
		f[OUTCOME_CODE] = rec.f[ERROR_CODE];
		f[OUTCOME_REF] = rec.f[REF];
		rec_show(fp, f, OUTCOME_FIELDS);
	}
	b->n = 0;
	buf_reset(&b->text);
}

void
batch_release(struct batch *b)
{
	while (b->words > 0)
		free(b->word[--b->words]);
	free(b->word);
	free(b->item);
	buf_release(&b->text);
}

/*
 * planner: against accounts of all kinds, how many requests it takes in all,
 * pages and single messages.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "holds.h"
#include "planner.h"

const char progname[] = "planner";

enum { PAGE = 1000, DAY = 86400, YEAR = 365 * DAY };

/* An account: n messages, the newest first, and which of them are wanted. */
struct account {
	long long *sent;
	char *wanted;           /* 2: and no page shows it */
	size_t n;
	struct planner_wanted *list;
	size_t *place;          /* in list, of each message */
	size_t listed;
	size_t pages, single;   /* requests */
};

static const long long now = 1700000000;

/* So many messages, evenly over so many seconds until now. */
static void
make(struct account *a, size_t n, long long seconds)
{
	size_t i;

	memset(a, 0, sizeof(*a));
	a->n = n;
	a->sent = need(n * sizeof(*a->sent));
	a->wanted = need(n);
	a->list = need(n * sizeof(*a->list));
	a->place = need(n * sizeof(*a->place));
	memset(a->wanted, 0, n);
	for (i = 0; i < n; i++)
		a->sent[i] = now - (long long)i * seconds / (long long)n;
}

static void
drop(struct account *a)
{
	free(a->sent);
	free(a->wanted);
	free(a->list);
	free(a->place);
}

/* Reads a page that begins with message i; the next one's first. */
static size_t
page(struct account *a, struct planner *p, size_t i)
{
	size_t first = i, shown, last = i, found = 0;

	for (shown = 0; i < a->n && shown < PAGE; i++) {
		if (a->wanted[i] == 2)
			continue;
		shown++;
		last = i;
		if (a->wanted[i] && !a->list[a->place[i]].shown) {
			a->list[a->place[i]].shown = 1;
			found++;
		}
	}
	a->pages++;
	planner_page(p, a->sent[first], a->sent[last], found, i < a->n);
	return i;
}

/* All requests it takes; in what was made delay seconds before it was sent. */
static size_t
requests(struct account *a, long long floor, long long delay)
{
	struct planner p;
	enum planner_step step;
	long long from;
	size_t i, at = 0;

	a->listed = a->pages = a->single = 0;
	for (i = 0; i < a->n; i++)
		if (a->wanted[i]) {
			a->place[i] = a->listed;
			a->list[a->listed].when = a->sent[i] - delay;
			a->list[a->listed++].shown = 0;
		}
	planner_begin(&p, a->list, a->listed, floor, DAY);
	while ((step = planner_next(&p, now, &from)) != PLANNER_STOP &&
	    a->pages <= a->n) {
		if (step == PLANNER_FROM)
			for (at = 0; at < a->n && a->sent[at] > from; at++)
				;
		at = page(a, &p, at);
	}
	for (i = 0; i < a->listed; i++)
		a->single += !a->list[i].shown;
	return a->pages + a->single;
}

static void
want_every(struct account *a, size_t step, char kind)
{
	size_t i;

	for (i = step - 1; i < a->n; i += step)
		a->wanted[i] = kind;
}

static void
accounts(void)
{
	static const long long seconds[] = { 10, 1000, DAY, YEAR };
	static const size_t every[] = { 1, 7, 100, 400, 999, 1500, 5000 };
	struct account a;
	size_t i, k, n;

	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		for (k = 0; k < sizeof(every) / sizeof(every[0]); k++) {
			make(&a, 100000, seconds[i]);
			want_every(&a, every[k], 1);
			n = requests(&a, 1LL << 60, 0);
			/* neither more than all pages nor than there are */
			HOLDS(n <= 102);
			HOLDS(n <= a.listed + (seconds[i] < DAY ? 3 : 1));
			/* messages wait in a queue for a while */
			HOLDS(requests(&a, 1LL << 60, 60) <= a.listed + 3);
			drop(&a);
		}
}

static void
never_listed(void)
{
	struct account a;

	make(&a, 50000, 50 * DAY);
	want_every(&a, 10, 2);
	HOLDS(requests(&a, 1LL << 60, 0) <= a.listed + 3);
	/* and those among them that are, are found */
	want_every(&a, 15, 1);
	HOLDS(requests(&a, 1LL << 60, 0) <= a.listed);
	drop(&a);
}

static void
floors(void)
{
	struct account a;

	make(&a, 5000, 5000);
	HOLDS(requests(&a, now - 2500, 0) == 3);
	HOLDS(requests(&a, now - 6000, 0) == 5);
	HOLDS(requests(&a, now, 0) == 1);
	want_every(&a, 2000, 1);
	/* two single ones, that no page behind the first is worth */
	HOLDS(requests(&a, now, 0) == 3);
	/* four pages that must be read say nothing about the fifth */
	memset(a.wanted + 4500, 1, 3);
	HOLDS(requests(&a, now - 3500, 0) == 5);
	drop(&a);
}

static void
gaps(void)
{
	struct account a;
	size_t i;

	/* fifty in an hour at one end and at the other: two pages */
	make(&a, 100000, YEAR);
	for (i = 0; i < 50; i++)
		a.wanted[i] = a.wanted[99000 + i] = 1;
	HOLDS(requests(&a, 1LL << 60, 0) == 2);
	drop(&a);
	make(&a, 1, 1);
	HOLDS(requests(&a, 1LL << 60, 0) == 0);
	a.wanted[0] = 1;
	HOLDS(requests(&a, 1LL << 60, 0) == 1 && a.pages == 0);
	drop(&a);
}

int
main(void)
{
	accounts();
	never_listed();
	floors();
	gaps();
	return failed;
}

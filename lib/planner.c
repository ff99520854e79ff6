#include <string.h>

#include "planner.h"

enum {
	SLACK_S = 300,     /* from when a message was made until it is sent */
	SLACK_MIN_S = 5,
	SKEW_S = 60,       /* that our clock may be ahead of Twilio's */
	MANY = 5,          /* wanted: the first page may be read to learn */
	VAIN = 3           /* pages in all that cost more than they saved */
};

static const long long ever = 1LL << 50;

static long long
smaller(long long a, long long b)
{
	return a < b ? a : b;
}

void
planner_begin(struct planner *p, const struct planner_wanted *wanted,
	size_t n, long long floor, long long span)
{
	memset(p, 0, sizeof(*p));
	p->wanted = wanted;
	p->n = n;
	p->floor = floor;
	p->span = span > 0 ? span : ever;
	p->reached = ever;
}

/*
 * True if a page that begins at from should show two of the wanted: more, as
 * pages did not show those that they should have.
 */
static int
pays(const struct planner *p, long long from)
{
	size_t needed = 2, i;

	if (p->spent >= p->found + VAIN)
		return 0;
	if (p->shown < p->covered)
		needed = 2 * (p->covered + 1) / (p->shown + 1);
	for (i = p->next; i < p->n && needed > 0 &&
	    p->wanted[i].when >= from - p->span; i++)
		needed -= !p->wanted[i].shown;
	return needed == 0;
}

enum planner_step
planner_next(struct planner *p, long long now, long long *from)
{
	long long slack = smaller(p->span / 2, SLACK_S);

	if (slack < SLACK_MIN_S)
		slack = SLACK_MIN_S;
	if (p->floor < p->reached && (p->pages == 0 || p->more)) {
		*from = now;
		return p->pages == 0 ? PLANNER_FROM : PLANNER_ON;
	}
	for (; p->next < p->n; p->next++) {
		if (p->wanted[p->next].shown)
			continue;
		*from = p->wanted[p->next].when + slack;
		/* a gap that is a page wide is worth a leap */
		if (p->more && *from >= p->reached - p->span &&
		    pays(p, p->reached))
			return PLANNER_ON;
		if ((!p->more || *from < p->reached) && (pays(p, *from) ||
		    (p->pages == 0 && p->n - p->next >= MANY)))
			return PLANNER_FROM;
	}
	return PLANNER_STOP;
}

void
planner_page(struct planner *p, long long newest, long long oldest,
	size_t found, int more)
{
	const struct planner_wanted *w;

	if (p->floor >= p->reached) {
		p->spent++;
		p->found += found;
	}
	p->pages++;
	p->more = more;
	p->reached = oldest;
	if (more)
		p->span = newest > oldest ? newest - oldest : 1;
	for (; p->next < p->n; p->next++) {
		w = &p->wanted[p->next];
		if (more && !w->shown && w->when < oldest +
		    smaller(p->span, SKEW_S))
			break;
		p->covered += !more || w->when >= oldest;
		p->shown += w->shown;
	}
}

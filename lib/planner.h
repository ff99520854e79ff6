/*
 * planner: which pages of Twilio's list are worth their requests.
 *
 * A page holds up to 1000 messages, newest first by the time they were sent;
 * what the pages do not show is asked for one by one.  So a page pays if it
 * shows two of the messages that are wanted.  How much time a page spans is
 * not known before the first one is read, and no two need be alike: each page
 * read is the guess for the next one, and the first is read on the guess that
 * an account sends 1000 messages a day.  Where that does not pay but many are
 * wanted, one page is read all the same, where the newest of them should be:
 * it costs no more than to ask for that one, and tells how it really is.
 * Whatever goes wrong, no more than three pages are read in vain.
 */
#ifndef PLANNER_H
#define PLANNER_H

#include <stddef.h>

struct planner_wanted {
	long long when;         /* sent, as far as that is known, or made */
	int shown;              /* by a page: set by the caller */
};

struct planner {
	/* set by planner_begin, which has their meaning */
	const struct planner_wanted *wanted;
	size_t n;
	long long floor, span;
	/* its own affair */
	size_t next;            /* the first that no page has covered */
	size_t covered, shown;  /* those before it, and of these */
	long long reached;      /* how far back the last page goes */
	size_t spent, found;    /* pages that had to pay; what they showed */
	int pages, more;
};

enum planner_step { PLANNER_STOP, PLANNER_ON, PLANNER_FROM };

/*
 * wanted: the n messages, the newest first; kept by the caller.  floor: how far back all must be read, wanted or not; the end of
 * time if nothing must.  span: seconds that a page covers, by first guess; 0
 * for any number of them.
 */
void planner_begin(struct planner *p, const struct planner_wanted *wanted,
	size_t n, long long floor, long long span);

/*
 * What to do next: to read the page that follows the last one (ON), or one
 * of what was sent until *from (FROM), or no more.
 */
enum planner_step planner_next(struct planner *p, long long now,
	long long *from);

/*
 * A page was read, from newest to oldest by the times they were sent; it
 * showed so many of the wanted for the first time; more: another one follows.
 */
void planner_page(struct planner *p, long long newest, long long oldest,
	size_t found, int more);

#endif

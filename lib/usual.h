/*
 * usual: is a share of failures beyond what the last weeks make likely?
 *
 * What is usual is the median of the shares of the weeks that had enough, and
 * on top of it twice their median deviation from it (times 1.4826, as which
 * it is a standard deviation): one bad week among four moves neither far.
 * With less than two such weeks it is the share of all that there was, and
 * where that is too little, 5 of 100.  Less than 5 of 1000 is taken as that:
 * then one failure is no alarm.
 *
 * The score tells how many standard deviations of the binomial distribution
 * the failures lie above it, half a failure allowed for: where nothing is
 * wrong, a score of 3 comes about once in a thousand.
 */
#ifndef USUAL_H
#define USUAL_H

enum {
	USUAL_WEEKS = 4,
	USUAL_ENOUGH = 20,   /* ends in the hours looked at, or in a week's */
	USUAL_MANY = 200     /* ends in all, where the weeks have not enough */
};

struct usual_count {
	double n, bad;
};

struct usual {
	double share;     /* of failures now, 0 to 1 */
	double usual;     /* as above */
	double score;     /* 0 if the share is not above it */
	const char *from; /* what it is taken from, for a message */
};

void usual_judge(struct usual *u, const struct usual_count *now,
	const struct usual_count week[USUAL_WEEKS],
	const struct usual_count *all);

#endif

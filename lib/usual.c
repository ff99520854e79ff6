#include <math.h>

#include "usual.h"

static const double least = 0.005, unknown = 0.05;

/* Of at most USUAL_WEEKS values, which it sorts. */
static double
median(double v[], int n)
{
	double t;
	int i, j;

	for (i = 1; i < n; i++)
		for (j = i; j > 0 && v[j] < v[j - 1]; j--) {
			t = v[j];
			v[j] = v[j - 1];
			v[j - 1] = t;
		}
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void
usual_judge(struct usual *u, const struct usual_count *now,
	const struct usual_count week[USUAL_WEEKS],
	const struct usual_count *all)
{
	double share[USUAL_WEEKS], middle;
	int i, weeks = 0;

	for (i = 0; i < USUAL_WEEKS; i++)
		if (week[i].n >= USUAL_ENOUGH)
			share[weeks++] = week[i].bad / week[i].n;
	if (weeks >= 2) {
		middle = median(share, weeks);
		for (i = 0; i < weeks; i++)
			share[i] = fabs(share[i] - middle);
		u->usual = middle + 2 * 1.4826 * median(share, weeks);
		u->from = "these hours of the last weeks";
	} else if (all->n >= USUAL_MANY) {
		u->usual = all->bad / all->n;
		u->from = "the last weeks";
	} else {
		u->usual = unknown;
		u->from = "too little before";
	}
	if (u->usual < least)
		u->usual = least;
	u->share = now->n > 0 ? now->bad / now->n : 0;
	u->score = 0;
	if (now->bad - 0.5 > u->usual * now->n)
		u->score = (now->bad - 0.5 - u->usual * now->n) /
			sqrt(now->n * u->usual * (1 - u->usual) + 1e-9);
}

/*
 * range: the thresholds of Nagios plugins.  "10" alarms outside 0..10, "95:"
 * under 95, "~:10" over 10, "2:5" outside, "@2:5" inside.  A bound may be an
 * age such as 15m, which is its seconds.
 */
#ifndef RANGE_H
#define RANGE_H

struct range {
	double low, high;  /* infinite where there is no bound */
	int inside;        /* "@": alarms from low to high */
};

/* Returns 0, or -1 when s is no range. */
int range_parse(struct range *r, const char *s);

/* As Nagios reads it, ages in seconds.  Returns out. */
enum { RANGE_SIZE = 64 };
char *range_format(char out[RANGE_SIZE], const struct range *r);

int range_alarms(const struct range *r, double value);

#endif

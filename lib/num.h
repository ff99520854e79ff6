/*
 * num: strict decimal numbers.  The whole string or nothing: no blanks, no
 * sign but a leading "-", no other base.
 */
#ifndef NUM_H
#define NUM_H

/* Returns 0, or -1 when s is no number or not within min..max. */
int num_parse(const char *s, long long min, long long max, long long *out);

/* The operand of option -opt; dies with BAD_USAGE, naming the bounds. */
long long num_option(int opt, const char *s, long long min, long long max);

#endif

#include "die.h"
#include "num.h"

int
num_parse(const char *s, long long min, long long max, long long *out)
{
	long long n = 0;
	int negative = *s == '-', digit;

	if (negative)
		s++;
	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		digit = *s - '0';
		if (n > (9223372036854775807LL - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	if (negative)
		n = -n;
	if (n < min || n > max)
		return -1;
	*out = n;
	return 0;
}

long long
num_option(int opt, const char *s, long long min, long long max)
{
	long long n;

	if (num_parse(s, min, max, &n) != 0)
		die(BAD_USAGE, "-%c takes a number from %lld to %lld, not '%s'",
			opt, min, max, s);
	return n;
}

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"
#include "when.h"

enum { BOUND_MAX = 32 };

/* Decimal, or an age; nothing else that strtod(3) takes. */
static int
parse_bound(const char *s, size_t n, double *out)
{
	char bound[BOUND_MAX], *end;
	long long seconds;

	if (n == 0 || n >= sizeof(bound))
		return -1;
	memcpy(bound, s, n);
	bound[n] = '\0';
	if (when_parse_age(bound, &seconds) == 0) {
		*out = (double)seconds;
		return 0;
	}
	if (bound[strspn(bound, "-.0123456789")] != '\0')
		return -1;
	*out = strtod(bound, &end);
	return *end == '\0' && end != bound ? 0 : -1;
}

int
range_parse(struct range *r, const char *s)
{
	const char *colon;

	r->low = 0;
	r->high = INFINITY;
	if ((r->inside = *s == '@'))
		s++;
	if ((colon = strchr(s, ':')) == NULL)
		return parse_bound(s, strlen(s), &r->high) == 0 &&
			r->high >= 0 ? 0 : -1;
	if (colon == s + 1 && *s == '~')
		r->low = -INFINITY;
	else if (parse_bound(s, (size_t)(colon - s), &r->low) != 0)
		return -1;
	if (colon[1] != '\0' &&
	    parse_bound(colon + 1, strlen(colon + 1), &r->high) != 0)
		return -1;
	return r->low <= r->high ? 0 : -1;
}

char *
range_format(char out[RANGE_SIZE], const struct range *r)
{
	char high[RANGE_SIZE / 2 - 4] = "";

	if (!isinf(r->high))
		snprintf(high, sizeof(high), "%.10g", r->high);
	if (isinf(r->low))
		snprintf(out, RANGE_SIZE, "%s~:%s", r->inside ? "@" : "",
			high);
	else if (r->low == 0 && high[0] != '\0')
		snprintf(out, RANGE_SIZE, "%s%s", r->inside ? "@" : "", high);
	else
		snprintf(out, RANGE_SIZE, "%s%.10g:%s", r->inside ? "@" : "",
			r->low, high);
	return out;
}

int
range_alarms(const struct range *r, double value)
{
	int within = value >= r->low && value <= r->high;

	return r->inside ? within : !within;
}

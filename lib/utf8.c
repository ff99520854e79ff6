#include <string.h>

#include "utf8.h"

long
utf8_next(const char **s, const char *end)
{
	static const long least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*s;
	long c;
	int i, more;

	if (*s >= end)
		return -1;
	if (p[0] < 0x80) {
		(*s)++;
		return p[0];
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		more = 1;
		c = p[0] & 0x1f;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		more = 2;
		c = p[0] & 0x0f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		more = 3;
		c = p[0] & 0x07;
	} else {
		return -1;
	}
	if (end - *s <= more)
		return -1;
	for (i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*s += more + 1;
	return c;
}

int
utf8_valid(const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		/* most text is ASCII: eight bytes at once where it is */
		while (end - s >= 8) {
			unsigned long long w;

			memcpy(&w, s, 8);
			if (w & 0x8080808080808080ULL)
				break;
			s += 8;
		}
		if (s < end && utf8_next(&s, end) < 0)
			return 0;
	}
	return 1;
}

#include <ctype.h>
#include <string.h>

#include "mask.h"

enum { NUMBER_MIN = 7, HIDDEN_MIN = 4, BEFORE = 4, BEHIND = 3, WORD_MAX = 31 };

static const char gap[] = "…";  /* no longer than what it stands for */

static size_t
run(const char *s, int (*is)(int c))
{
	size_t n = 0;

	while (is((unsigned char)s[n]))
		n++;
	return n;
}

char *
mask(char *s)
{
	char *from = s, *to = s;
	size_t before, n, word;

	while (*from != '\0') {
		word = run(from, isalnum);
		n = word > WORD_MAX ? word : run(from, isdigit);
		if (n >= NUMBER_MIN && word <= WORD_MAX) {
			before = n - BEHIND - HIDDEN_MIN;
			before = before < BEFORE ? before : BEFORE;
			memmove(to, from, before);
			to += before;
			memcpy(to, gap, sizeof(gap) - 1);
			to += sizeof(gap) - 1;
			from += n - BEHIND;
			n = BEHIND;
		} else if (n == 0) {
			n = 1;
		}
		memmove(to, from, n);
		to += n;
		from += n;
	}
	*to = '\0';
	return s;
}

void
mask_record(struct rec *rec)
{
	static const int field[] = { TO, FROM, REF, ERROR_MESSAGE };
	size_t i;

	for (i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (rec->f[field[i]] != NULL)
			mask(rec->f[field[i]]);
}

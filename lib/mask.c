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

static char *
hide(char *s, int message)
{
	char *from = s, *to = s;
	size_t before, n, word;
	int plus;

	while (*from != '\0') {
		plus = from > s && from[-1] == '+';
		word = run(from, isalnum);
		n = word > WORD_MAX ? word : run(from, isdigit);
		if (n >= NUMBER_MIN && word <= WORD_MAX &&
		    (plus || !message)) {
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

char *
mask(char *s)
{
	return hide(s, 0);
}

char *
mask_message(char *s)
{
	return hide(s, 1);
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

#include <ctype.h>
#include <string.h>

#include "mask.h"

enum { NUMBER_MIN = 7, SHOWN = 4 };

char *
mask(char *s)
{
	char *p = s, *word;
	int number;

	while (*p != '\0') {
		number = 1;
		for (word = p; isalnum((unsigned char)*p); p++)
			if (!isdigit((unsigned char)*p))
				number = 0;
		if (p == word)
			p++;
		else if (number && p - word >= NUMBER_MIN)
			memset(word, '*', (size_t)(p - word) - SHOWN);
	}
	return s;
}

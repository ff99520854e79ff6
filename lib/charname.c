#include <stdlib.h>
#include <string.h>

#include "charname.h"

/* lib/names.tsv: code point in hexadecimal, TAB, name; ascending. */
extern const char tsv_names[];

const char *
charname(char out[CHARNAME_SIZE], long code_point)
{
	const char *low = tsv_names, *high = low + strlen(low), *row;
	char *tab;
	size_t n;
	long c;

	while (low < high) {
		row = low + (high - low) / 2;
		while (row > low && row[-1] != '\n')
			row--;
		c = strtol(row, &tab, 16);  /* 0 of a comment: before all */
		if (c < code_point) {
			low = row + strcspn(row, "\n") + 1;
		} else if (c > code_point) {
			high = row;
		} else {
			n = strcspn(tab + 1, "\n");
			if (*tab != '\t' || n >= CHARNAME_SIZE)
				return NULL;
			memcpy(out, tab + 1, n);
			out[n] = '\0';
			return out;
		}
	}
	return NULL;
}

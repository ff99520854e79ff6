#include <string.h>

#include "table.h"
#include "utf8.h"

enum {
	ROWS_MAX = 500,  /* held back */
	GAP = 2
};

/* Whether a terminal shows a character, and does nothing else. */
static int
is_shown(long c)
{
	return c >= 32 && (c < 127 || c >= 160) &&
		!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* The character at *s, which moves behind it, and how many bytes it has. */
static const char *
next(const char **s, const char *end, size_t *len)
{
	const char *start = *s;
	long c = utf8_next(s, end);

	if (c < 0)
		(*s)++;
	*len = (size_t)(*s - start);
	if (is_shown(c))
		return start;
	*len = 1;
	return "?";
}

void
table_begin(struct table *t, FILE *fp, const char *indent, size_t columns)
{
	memset(t, 0, sizeof(*t));
	t->fp = fp;
	t->indent = indent;
	t->columns = columns;
	t->held.max = (size_t)-1 / 2;
}

void
table_row(struct table *t, const char *const cell[])
{
	const char *s, *end, *shown;
	size_t i, len, width;

	for (i = 0; i < t->columns; i++) {
		s = cell[i] == NULL || *cell[i] == '\0' ? "-" : cell[i];
		end = s + strlen(s);
		for (width = 0; s < end; width++) {
			shown = next(&s, end, &len);
			buf_add(&t->held, shown, len);
		}
		buf_addc(&t->held, '\0');
		if (width > t->width[i])
			t->width[i] = width;
	}
	if (++t->rows == ROWS_MAX)
		table_flush(t);
}

void
table_flush(struct table *t)
{
	const char *s = t->held.s, *end;
	size_t i, blanks = 0;

	for (; t->rows > 0; t->rows--) {
		fputs(t->indent, t->fp);
		for (i = 0; i < t->columns; i++) {
			if (i > 0)
				fprintf(t->fp, "%*s", (int)blanks, "");
			fputs(s, t->fp);
			end = s + strlen(s);
			for (blanks = t->width[i] + GAP; s < end; blanks--)
				utf8_next(&s, end);
			s++;
		}
		putc('\n', t->fp);
	}
	buf_reset(&t->held);
}

void
table_end(struct table *t)
{
	table_flush(t);
	buf_release(&t->held);
}

void
table_text(FILE *fp, const char *s)
{
	const char *end = s + strlen(s), *shown;
	size_t len;

	while (s < end) {
		shown = next(&s, end, &len);
		fwrite(shown, 1, len, fp);
	}
}

/*
 * table: rows of cells in aligned columns, for a person at a terminal.  Rows
 * are held back until there are enough to know how wide the columns are.
 * What a terminal would obey is shown as "?".
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "buf.h"

enum { TABLE_COLUMNS = 24 };

struct table {
	FILE *fp;
	const char *indent;           /* before each row */
	size_t columns;               /* TABLE_COLUMNS at most */
	size_t width[TABLE_COLUMNS];  /* in characters */
	size_t rows;                  /* held back */
	struct buf held;
};

void table_begin(struct table *t, FILE *fp, const char *indent,
	size_t columns);
void table_row(struct table *t, const char *const cell[]);  /* NULL: "-" */
void table_flush(struct table *t);  /* writes what is held back */
void table_end(struct table *t);

/* Writes s on one line as a terminal may have it. */
void table_text(FILE *fp, const char *s);

#endif

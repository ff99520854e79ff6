/*
 * jsonl: records as JSON, an object a line (sms-json(1) has the form).
 * Reading is done by SQLite's JSON functions.
 */
#ifndef JSONL_H
#define JSONL_H

#include <stddef.h>
#include <stdio.h>

/* Writes an object: n fields under their names; NULL becomes null. */
void jsonl_write(FILE *fp, char *const name[], char *const f[], size_t n);

struct jsonl;

struct jsonl *jsonl_open(void);
void jsonl_close(struct jsonl *j);

/* Begins to read the object in text, which must live until its end. */
void jsonl_begin(struct jsonl *j, const char *text, size_t len);

/*
 * Its next field; the strings live until the next call.  A null is NULL, a
 * number the digits as they stand, true and false these words.  Returns 1, 0
 * at the end, or -1 with *why a constant phrase.
 */
int jsonl_next(struct jsonl *j, const char **name, const char **value,
	const char **why);

#endif

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "die.h"
#include "jsonl.h"
#include "num.h"
#include "utf8.h"

extern const char sql_json_fields[];

struct jsonl {
	sqlite3 *db;       /* in memory, without a table: for its functions */
	sqlite3_stmt *q;
	const char *why;   /* the text cannot be read at all */
};

/* What can be a number in JSON and comes back as it was. */
static int
is_number(const char *name, const char *s)
{
	long long n;

	return (strcmp(name, "error_code") == 0 ||
		strcmp(name, "segments") == 0) &&
		num_parse(s, 0, 999999999, &n) == 0 &&
		(s[0] != '0' || s[1] == '\0');
}

static void
write_string(FILE *fp, const char *s)
{
	const char *start;

	putc('"', fp);
	while (*s != '\0') {
		for (start = s; (unsigned char)*s >= 32 && *s != '"' &&
		    *s != '\\' && *s != 127; s++)
			;
		fwrite(start, 1, (size_t)(s - start), fp);
		if (*s == '\0')
			break;
		if (*s == '"' || *s == '\\')
			fprintf(fp, "\\%c", *s);
		else if (*s == '\n' || *s == '\r' || *s == '\t')
			fprintf(fp, "\\%c", *s == '\n' ? 'n' : *s == '\r' ?
				'r' : 't');
		else
			fprintf(fp, "\\u%04x", (unsigned)*s);
		s++;
	}
	putc('"', fp);
}

void
jsonl_write(FILE *fp, char *const name[], char *const f[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		putc(i == 0 ? '{' : ',', fp);
		write_string(fp, name[i]);
		putc(':', fp);
		if (f[i] == NULL)
			fputs("null", fp);
		else if (is_number(name[i], f[i]))
			fputs(f[i], fp);
		else
			write_string(fp, f[i]);
	}
	fputs("}\n", fp);
}

struct jsonl *
jsonl_open(void)
{
	struct jsonl *j = need(sizeof(*j));

	if (sqlite3_open(":memory:", &j->db) != SQLITE_OK ||
	    sqlite3_prepare_v2(j->db, sql_json_fields, -1, &j->q, NULL) !=
	    SQLITE_OK)
		die(BUG, "%s", sqlite3_errmsg(j->db));
	j->why = NULL;
	return j;
}

void
jsonl_close(struct jsonl *j)
{
	if (j == NULL)
		return;
	sqlite3_finalize(j->q);
	sqlite3_close(j->db);
	free(j);
}

/* SQLite would end a string there. */
static int
has_nul(const char *text, size_t len)
{
	const char *p, *end = text + len;

	if (memchr(text, '\0', len) != NULL)
		return 1;
	for (p = text; (p = memchr(p, '\\', (size_t)(end - p))) != NULL &&
	    end - p >= 6; p += 2)
		if (memcmp(p + 1, "u0000", 5) == 0)
			return 1;
	return 0;
}

void
jsonl_begin(struct jsonl *j, const char *text, size_t len)
{
	sqlite3_reset(j->q);
	/* SQLite would take arrays for objects */
	j->why = has_nul(text, len) ? "has a NUL" :
		!utf8_valid(text, len) ? "is not UTF-8" :
		text[strspn(text, " \t")] != '{' ? "is no JSON object" : NULL;
	if (sqlite3_bind_text64(j->q, 1, text, len, SQLITE_STATIC,
	    SQLITE_UTF8) != SQLITE_OK)
		die(NO_SYSTEM, "out of memory");
}

/* A column as a string; -1 where a record could not hold it. */
static int
string(struct jsonl *j, int column, const char **s)
{
	*s = (const char *)sqlite3_column_text(j->q, column);
	return *s == NULL || (strlen(*s) == (size_t)sqlite3_column_bytes(j->q,
		column) && utf8_valid(*s, strlen(*s))) ? 0 : -1;
}

int
jsonl_next(struct jsonl *j, const char **name, const char **value,
	const char **why)
{
	const char *type;
	int rc;

	if ((*why = j->why) != NULL)
		return -1;
	if ((rc = sqlite3_step(j->q)) == SQLITE_DONE)
		return 0;
	if (rc == SQLITE_NOMEM)
		die(NO_SYSTEM, "out of memory");
	if (rc != SQLITE_ROW) {
		*why = "is no JSON object";
		return -1;
	}
	type = (const char *)sqlite3_column_text(j->q, 1);
	if (strcmp(type, "object") == 0 || strcmp(type, "array") == 0)
		*why = "has a field that is an object or array";
	else if (string(j, 0, name) != 0 || string(j, 2, value) != 0)
		*why = "has an escape for what is no character of a record";
	return *why != NULL ? -1 : 1;
}

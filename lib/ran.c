#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "num.h"
#include "ran.h"
#include "when.h"

enum { PATH_SIZE = 4096, LINE = 512 };

/* A line in no such form, as a later version may write, says nothing. */
static void
take(struct ran *r, char *line)
{
	char *status = strchr(line, '\t'), *text;
	long long at, code;

	line[strcspn(line, "\n")] = '\0';
	if (status == NULL)
		return;
	*status++ = '\0';
	if ((text = strchr(status, '\t')) != NULL)
		*text++ = '\0';
	if (when_parse(line, &at) != 0 ||
	    num_parse(status, 0, 255, &code) != 0)
		return;
	r->at = at;
	r->status = (int)code;
	if (code == 0)
		r->good_at = at;
	snprintf(r->text, sizeof(r->text), "%.*s", RAN_TEXT - 1,
		text == NULL ? "" : text);
}

int
ran_read(struct ran *r, const char *db)
{
	char path[PATH_SIZE], line[LINE];
	int failed, n = snprintf(path, sizeof(path), "%s.reconcile.ran", db);
	FILE *fp;

	memset(r, 0, sizeof(*r));
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((fp = fopen(path, "r")) == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while (fgets(line, sizeof(line), fp) != NULL)
		take(r, line);
	failed = ferror(fp);
	fclose(fp);
	return failed ? -1 : 0;
}

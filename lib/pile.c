/*
 * Blocks of lines one after the other in the file; within a block the records
 * were put on in this order, so each is read whole and turned round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "pile.h"

enum { BLOCK = 1000, PATH_SIZE = 4096 };

struct pile {
	FILE *fp;
	long *begin;           /* where each block begins */
	size_t blocks, n;      /* n: records in the last one */
};

struct pile *
pile_open(void)
{
	const char *dir = getenv("TMPDIR");
	struct buf path = BUF_INIT(PATH_SIZE);
	struct pile *p = need(sizeof(*p));
	int fd;

	memset(p, 0, sizeof(*p));
	if (buf_addf(&path, "%s/%s.XXXXXX", dir != NULL && *dir != '\0' ? dir :
	    "/tmp", progname) != 0 || (fd = mkstemp(path.s)) < 0 ||
	    (p->fp = fdopen(fd, "w+")) == NULL)
		die(IO_FAILED, "cannot make a temporary file:");
	unlink(path.s);
	buf_release(&path);
	return p;
}

void
pile_close(struct pile *p)
{
	if (p == NULL)
		return;
	fclose(p->fp);
	free(p->begin);
	free(p);
}

void
pile_put(struct pile *p, const struct rec *rec)
{
	if (p->blocks == 0 || p->n == BLOCK) {
		if ((p->blocks & (p->blocks - 1)) == 0)
			p->begin = need_again(p->begin, (p->blocks == 0 ? 1 :
				2 * p->blocks) * sizeof(*p->begin));
		if ((p->begin[p->blocks++] = ftell(p->fp)) < 0)
			die(IO_FAILED, "cannot write a temporary file:");
		p->n = 0;
	}
	rec_write(p->fp, rec->f, STATUS_FIELDS);
	p->n++;
	if (ferror(p->fp))
		die(IO_FAILED, "cannot write a temporary file:");
}

/* The records of a block, from the last to the first. */
static int
take_block(char *text, size_t len, int (*each)(void *ctx,
	const struct rec *rec), void *ctx)
{
	struct rec_reader line;
	struct rec rec;
	char *end = text + len, *begin;
	int r = 0;

	for (; r == 0 && end > text; end = begin) {
		for (begin = end - 1; begin > text && begin[-1] != '\n'; )
			begin--;
		line = (struct rec_reader)REC_LINES(begin,
			(size_t)(end - begin));
		if (rec_read(&line, &rec) != 1)
			die(BUG, "a temporary file has changed");
		r = each(ctx, &rec);
	}
	return r;
}

int
pile_take(struct pile *p, int (*each)(void *ctx, const struct rec *rec),
	void *ctx)
{
	char *text = NULL;
	long end = ftell(p->fp);
	size_t len;
	int r = 0;

	if (end < 0 || fflush(p->fp) != 0)
		die(IO_FAILED, "cannot write a temporary file:");
	while (r == 0 && p->blocks > 0) {
		len = (size_t)(end - p->begin[--p->blocks]);
		end = p->begin[p->blocks];
		text = need_again(text, len + 1);
		if (fseek(p->fp, end, SEEK_SET) != 0 ||
		    fread(text, 1, len, p->fp) != len)
			die(IO_FAILED, "cannot read a temporary file:");
		r = take_block(text, len, each, ctx);
	}
	free(text);
	return r;
}

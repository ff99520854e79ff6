#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "mask.h"
#include "rec.h"
#include "utf8.h"

const char rec_status_names[] =
	"sid\tstatus\terror_code\tat\tsource\tto\tfrom\tdirection\t"
	"segments\tprice\tcurrency\tref\tcreated_at\terror_message\t"
	"body_sha256";
const char rec_outcome_names[] = "sid\toutcome\told\tnew\terror_code\tref";
const char rec_send_names[] = "to\tbody\tref\tmedia_url";

/* Room for one longest line and a read behind it. */
enum { DATA_SIZE = 2 * REC_LINE_MAX };

/* Reads more behind end; returns 0 at the end of the input. */
static int
fill(struct rec_reader *r)
{
	ssize_t n;

	if (r->eof)
		return 0;
	if (r->data == NULL)
		r->data = need(DATA_SIZE);
	if (r->start > 0) {
		memmove(r->data, r->data + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	do
		n = read(r->fd, r->data + r->end, DATA_SIZE - r->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die(IO_FAILED, "cannot read standard input:");
	r->end += (size_t)n;
	r->eof = n == 0;
	return n > 0;
}

/*
 * Finds the next line and replaces its newline by a NUL.  Returns 1, 0 at the
 * end, -1 with r->why for one that is too long or has no newline.
 */
static int
next_line(struct rec_reader *r, char **line, size_t *len)
{
	size_t seen = 0;
	char *nl = NULL;
	int too_long = 0;

	for (;;) {
		if (r->end > r->start + seen)
			nl = memchr(r->data + r->start + seen, '\n',
				r->end - r->start - seen);
		if (nl != NULL)
			break;
		seen = r->end - r->start;
		if (seen >= REC_LINE_MAX) {  /* skip to the newline */
			too_long = 1;
			r->start = r->end = 0;
			seen = 0;
		}
		if (!fill(r)) {
			if (seen == 0 && !too_long)
				return 0;
			r->number++;
			r->start = r->end = 0;
			r->why = too_long ? "longer than 65536 bytes" :
				"cut short: no newline at its end";
			return -1;
		}
	}
	r->number++;
	*line = r->data + r->start;
	*len = (size_t)(nl - *line);
	*nl = '\0';
	r->start = (size_t)(nl - r->data) + 1;
	if (too_long || *len >= REC_LINE_MAX) {
		r->why = "longer than 65536 bytes";
		return -1;
	}
	return 1;
}

/* Undoes the escapes of one field in place; -1 for one that does not exist. */
static int
unescape(char *s)
{
	char *to = strchr(s, '\\');

	if (to == NULL)
		return 0;
	for (s = to; *s != '\0'; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		switch (*++s) {
		case 't': *to++ = '\t'; break;
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case '\\': *to++ = '\\'; break;
		default: return -1;
		}
	}
	*to = '\0';
	return 0;
}

int
rec_read(struct rec_reader *r, struct rec *rec)
{
	char *line, *tab;
	size_t len, n;
	int got;

	memset(rec, 0, sizeof(*rec));
	do {
		/* a spool can end in thousands of empty lines */
		for (; r->start < r->end && r->data[r->start] == '\n'; r->start++)
			r->number++;
		if ((got = next_line(r, &line, &len)) <= 0)
			return got;
	} while (len == 0 || line[0] == '#');
	if (memchr(line, '\0', len) != NULL) {
		r->why = "has a NUL byte";
		return -1;
	}
	if (!utf8_valid(line, len)) {
		r->why = "is not UTF-8";
		return -1;
	}
	for (n = 0; n < REC_MAX && line != NULL; n++, line = tab) {
		if ((tab = strchr(line, '\t')) != NULL)
			*tab++ = '\0';
		if (line[0] == '\0' || strcmp(line, "\\N") == 0)
			continue;
		if (unescape(line) != 0) {
			r->why = "has an escape other than \\t \\n \\r \\\\ \\N";
			return -1;
		}
		rec->f[n] = line;
	}
	return 1;
}

int
rec_ready(struct rec_reader *r)
{
	struct pollfd p = { r->fd, POLLIN, 0 };

	while (memchr(r->data + r->start, '\n', r->end - r->start) == NULL) {
		if (r->eof)
			return r->end > r->start;
		if (r->end - r->start >= REC_LINE_MAX)
			return 1;
		if (poll(&p, 1, 0) <= 0 || (p.revents & (POLLIN | POLLHUP)) == 0)
			return 0;
		fill(r);
	}
	return 1;
}

void
rec_release(struct rec_reader *r)
{
	free(r->data);
	r->data = NULL;
	r->start = r->end = 0;
}

char *
rec_copy(struct rec *to, const struct rec *from, size_t n)
{
	struct rec copy = { { NULL } };
	size_t i, len = 1;
	char *text, *p;

	for (i = 0; i < n; i++)
		if (from->f[i] != NULL)
			len += strlen(from->f[i]) + 1;
	p = text = need(len);
	for (i = 0; i < n; i++) {
		if (from->f[i] == NULL)
			continue;
		len = strlen(from->f[i]) + 1;
		copy.f[i] = memcpy(p, from->f[i], len);
		p += len;
	}
	*to = copy;
	return text;
}

/* One field with its escapes, and what comes behind it. */
static int
add_field(struct buf *b, const char *s, char behind)
{
	char escape[3] = "\\";
	size_t plain;
	int r = 0;

	if (s == NULL || *s == '\0')
		return buf_add(b, "\\N", 2) | buf_addc(b, behind);
	for (;;) {
		plain = strcspn(s, "\t\n\r\\");
		r |= buf_add(b, s, plain);
		s += plain;
		if (*s == '\0')
			return r | buf_addc(b, behind);
		escape[1] = *s == '\t' ? 't' : *s == '\n' ? 'n' :
			*s == '\r' ? 'r' : '\\';
		r |= buf_add(b, escape, 2);
		s++;
	}
}

int
rec_add(struct buf *b, char *const f[], size_t n)
{
	size_t before = b->len, i;
	int r = 0;

	for (i = 0; i < n; i++)
		r |= add_field(b, f[i], i + 1 < n ? '\t' : '\n');
	if (r != 0)
		buf_cut(b, before);
	return r;
}

void
rec_write(FILE *fp, char *const f[], size_t n)
{
	static struct buf line = BUF_INIT(SIZE_MAX / 4);

	/* one call a line and not one a field: they lock the stream */
	buf_reset(&line);
	rec_add(&line, f, n);
	fwrite(line.s, 1, line.len, fp);
}

int
rec_read_by_person(void)
{
	static int terminal = -1;

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	return terminal;
}

void
rec_show(FILE *fp, char *const f[], size_t n)
{
	struct rec rec, shown;
	char *text;
	size_t i;

	if (!rec_read_by_person()) {
		rec_write(fp, f, n);
	} else {
		memcpy(rec.f, f, n * sizeof(f[0]));
		text = rec_copy(&shown, &rec, n);
		for (i = 0; i < n; i++)
			if (shown.f[i] != NULL)
				mask(shown.f[i]);
		rec_write(fp, shown.f, n);
		free(text);
	}
	stdout_lost();
}

void
rec_header_status(FILE *fp)
{
	fprintf(fp, "#%s\n", rec_status_names);
}

void
rec_header_outcome(FILE *fp)
{
	fprintf(fp, "#%s\n", rec_outcome_names);
}

int
rec_is_sid(const char *s)
{
	return (s[0] == 'S' || s[0] == 'M') && s[1] == 'M' &&
		strspn(s + 2, "0123456789abcdefABCDEF") == 32 && s[34] == '\0';
}

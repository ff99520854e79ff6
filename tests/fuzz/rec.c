/*
 * rec: any bytes as a stream of records.  However the reads cut them, the
 * same records come out, with the same complaints about the same lines; what
 * was read, written and read again is the same, and so is its text.
 *
 * In an input that begins with a byte 31, each further one stands for 16,384
 * letters: so that a small input reaches the longest line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "buf.h"
#include "rec.h"
#include "utf8.h"

const char progname[] = "rec";

enum {
	LONG = 31, LONGER = 16384, LONG_TIMES = 5,
	SLOW = 4096,       /* more bytes than these are read in larger pieces */
	FAKE_FD = 1 << 20, /* what __wrap_read serves */
	TEXT_MAX = 1 << 20
};

static struct {
	const char *s;
	size_t len, piece;
} input;

ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);

/* In the place of read(2): the linker's --wrap puts it there. */
ssize_t
__wrap_read(int fd, void *to, size_t n)
{
	if (fd != FAKE_FD)
		return __real_read(fd, to, n);
	assert(n > 0);
	if (n > input.piece)
		n = input.piece;
	if (n > input.len)
		n = input.len;
	if (n > 0)
		memcpy(to, input.s, n);
	input.s += n;
	input.len -= n;
	return (ssize_t)n;
}

/* The fields to the last one that is known; of a record with none, one. */
static size_t
fields(const struct rec *rec)
{
	size_t n = REC_MAX;

	while (n > 1 && rec->f[n - 1] == NULL)
		n--;
	return n;
}

static void
check(const struct rec *rec, size_t n)
{
	struct rec kept;
	char *text = rec_copy(&kept, rec, n);
	size_t i, len;

	for (i = 0; i < n; i++) {
		if (rec->f[i] == NULL) {
			assert(kept.f[i] == NULL);
			continue;
		}
		len = strlen(rec->f[i]);
		assert(len > 0 && len < REC_LINE_MAX);
		assert(utf8_valid(rec->f[i], len));
		assert(strcmp(rec->f[i], kept.f[i]) == 0);
	}
	free(text);
}

/*
 * Reads s in pieces.  told: the records; lines: which line held one, and what
 * is wrong with the others; written: the records as rec_write has them.
 */
static void
read_all(struct buf *told, struct buf *lines, FILE *written,
	const struct buf *from, size_t piece)
{
	static struct rec_reader r;
	struct rec rec;
	size_t i, n, before = 0;
	int got;

	input.s = from->s;
	input.len = from->len;
	input.piece = piece;
	/* the memory stays: an allocation of its size is slow */
	r.fd = FAKE_FD;
	r.start = r.end = r.number = 0;
	r.eof = 0;
	buf_reset(told);
	buf_reset(lines);
	while ((got = rec_read(&r, &rec)) != 0) {
		assert(r.number > before);
		before = r.number;
		buf_addf(lines, "%zu %s\n", r.number, got < 0 ? r.why : "good");
		if (got < 0)
			continue;
		n = fields(&rec);
		for (i = 0; i < n; i++) {
			buf_add(told, rec.f[i] != NULL ? "\1" : "\2", 2);
			if (rec.f[i] != NULL)
				buf_addstr(told, rec.f[i]);
		}
		assert(buf_addc(told, '\n') == 0);
		if (written != NULL) {
			check(&rec, n);
			rec_write(written, rec.f, n);
		}
	}
	assert(rec_read(&r, &rec) == 0);
}

static void
same(const struct buf *a, const struct buf *b)
{
	assert(a->len == b->len && memcmp(a->s, b->s, a->len) == 0);
}

/* Reads from, and writes the records of it into to. */
static void
write_all(struct buf *told, struct buf *lines, struct buf *to,
	const struct buf *from)
{
	static char out[TEXT_MAX];
	static FILE *fp;
	long len;

	if (fp == NULL)
		fp = fmemopen(out, sizeof(out), "w");
	assert(fp != NULL);
	rewind(fp);
	read_all(told, lines, fp, from, from->len + 1);
	assert(fflush(fp) == 0 && (len = ftell(fp)) >= 0);
	buf_reset(to);
	assert(buf_add(to, out, (size_t)len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf text = BUF_INIT(TEXT_MAX), told = BUF_INIT(TEXT_MAX),
		lines = BUF_INIT(TEXT_MAX), once = BUF_INIT(TEXT_MAX),
		told_again = BUF_INIT(TEXT_MAX),
		lines_again = BUF_INIT(TEXT_MAX), twice = BUF_INIT(TEXT_MAX);
	static char longer[LONGER];
	const uint8_t *next;
	size_t i, times = 0, plain;

	memset(longer, 'x', sizeof(longer));
	buf_reset(&text);
	for (i = size > 0 && data[0] == LONG; i < size; i += plain) {
		if (data[0] == LONG && data[i] == LONG &&
		    times++ < LONG_TIMES) {
			buf_add(&text, longer, sizeof(longer));
			plain = 1;
			continue;
		}
		next = memchr(data + i + 1, LONG, size - i - 1);
		plain = next != NULL ? (size_t)(next - data) - i : size - i;
		buf_add(&text, data + i, plain);
	}
	write_all(&told, &lines, &once, &text);
	read_all(&told_again, &lines_again, NULL, &text,
		text.len > SLOW ? 4093 : 1);
	same(&told, &told_again);
	same(&lines, &lines_again);
	read_all(&told_again, &lines_again, NULL, &text,
		text.len > SLOW ? 65535 : 7);
	same(&told, &told_again);
	same(&lines, &lines_again);
	/* an empty field becomes \N, and a line at the limit too long */
	if (text.len > SLOW)
		return 0;
	write_all(&told_again, &lines_again, &twice, &once);
	same(&told, &told_again);
	same(&once, &twice);
	return 0;
}

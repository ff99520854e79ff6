/*
 * segment, charname: every text of tests/fixtures/segments.tsv (or of the
 * file named on the command line), what the fixture cannot say, and every name
 * of lib/names.tsv.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "charname.h"
#include "holds.h"
#include "num.h"
#include "rec.h"
#include "segment.h"

#define ACUTE "\xcc\x81"  /* combining */
#define PIRATE /* 5 units */ \
	"\xf0\x9f\x8f\xb4\xe2\x80\x8d\xe2\x98\xa0\xef\xb8\x8f"

const char progname[] = "segment";

/* At least so many texts and names; exactly so many characters in GSM-7. */
enum { TEXTS = 300, NAMES = 3000, GSM = 137 };

enum { ENCODING, COUNT, UNITS, CHARACTERS, TEXT };

static int
same(const char *field, int n)
{
	long long want;

	return field != NULL && num_parse(field, 0, 10000, &want) == 0 &&
		want == n;
}

static void
fixture(const char *path)
{
	struct rec_reader r = REC_READER(open(path, O_RDONLY));
	struct segment_count n;
	struct rec rec;
	int got, tried = 0;

	if (r.fd < 0) {
		perror(path);
		exit(1);
	}
	while ((got = rec_read(&r, &rec)) != 0) {
		tried++;
		if (got > 0 && rec.f[ENCODING] != NULL && segment_count(&n,
		    rec.f[TEXT] != NULL ? rec.f[TEXT] : "") == 0 &&
		    strcmp(rec.f[ENCODING], n.ucs2 ? "UCS-2" : "GSM-7") == 0 &&
		    same(rec.f[COUNT], n.segments) &&
		    same(rec.f[UNITS], n.units) &&
		    same(rec.f[CHARACTERS], n.characters))
			continue;
		fprintf(stderr, "line %zu: not counted so\n", r.number);
		failed = 1;
	}
	HOLDS(tried >= TEXTS);
	rec_release(&r);
	close(r.fd);
}

/* The segments of some letters, a string as often as said, some letters. */
static int
segments(int before, const char *s, int times, int after)
{
	struct segment_count count;
	struct buf b = BUF_INIT(4096);
	int ok = 0;

	while (before-- > 0)
		ok |= buf_addc(&b, 'a');
	while (times-- > 0)
		ok |= buf_addstr(&b, s);
	while (after-- > 0)
		ok |= buf_addc(&b, 'a');
	HOLDS(ok == 0 && segment_count(&count, b.s) == 0);
	buf_release(&b);
	return count.segments;
}

static void
counting(void)
{
	static const char *const wrong[] = {
		"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "ab\x80"
	};
	struct segment_count n;
	long c;
	size_t i;
	int gsm = 0;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		HOLDS(segment_count(&n, wrong[i]) == -1);
	for (c = -1; c <= 0x110000; c++)
		gsm += segment_is_gsm7(c);
	HOLDS(gsm == GSM);
	HOLDS(!segment_is_gsm7('`') && !segment_is_gsm7('\t'));
	HOLDS(segment_is_gsm7('\f') && segment_is_gsm7(0x20ac));

	/* A cluster that is newer than the calculator, which cuts it. */
	HOLDS(segments(65, PIRATE, 1, 0) == 1);
	HOLDS(segments(64, PIRATE, 1, 62) == 2);
	HOLDS(segments(64, PIRATE, 1, 63) == 3);

	/* No segment could hold so many marks: cut where one is full. */
	HOLDS(segments(1, ACUTE, 69, 0) == 1);
	HOLDS(segments(1, ACUTE, 150, 0) == 3);
	HOLDS(segments(2, ACUTE, 150, 0) == 4);
}

/* Each row of the table is found, and nothing else. */
static void
names(const char *path)
{
	FILE *fp = fopen(path, "r");
	char *line = NULL, *tab, out[CHARNAME_SIZE];
	long c, last = 0;
	size_t size = 0;
	int n = 0;

	if (fp == NULL) {
		perror(path);
		exit(1);
	}
	while (getline(&line, &size, fp) > 0) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		c = strtol(line, &tab, 16);
		if (*tab != '\t' || c <= last || segment_is_gsm7(c) ||
		    charname(out, c) != out || strcmp(out, tab + 1) != 0) {
			fprintf(stderr, "%s: %s\n", path, line);
			failed = 1;
		}
		last = c;
		n++;
	}
	HOLDS(n >= NAMES);
	free(line);
	fclose(fp);

	HOLDS(charname(out, 0x2019) != NULL &&
		strcmp(out, "RIGHT SINGLE QUOTATION MARK") == 0);
	HOLDS(charname(out, '\t') != NULL &&
		strcmp(out, "CHARACTER TABULATION") == 0);
	HOLDS(charname(out, -1) == NULL && charname(out, 0) == NULL);
	HOLDS(charname(out, 'a') == NULL && charname(out, 0x4e2d) == NULL);
	HOLDS(charname(out, last + 1) == NULL);
}

int
main(int argc, char *argv[])
{
	fixture(argc > 1 ? argv[1] : "tests/fixtures/segments.tsv");
	counting();
	names("lib/names.tsv");
	return failed;
}

/*
 * base: the modules that need nothing but memory, tried one function at a
 * time.  Ends with 0, or names each line that does not hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "form.h"
#include "holds.h"
#include "mask.h"
#include "num.h"
#include "rec.h"
#include "utf8.h"
#include "when.h"

const char progname[] = "base";

static void
numbers(void)
{
	static const char *const wrong[] = {
		"", "-", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "1-",
		"101", "-1", "9223372036854775808", "18446744073709551617"
	};
	long long n = 7;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		HOLDS(num_parse(wrong[i], 0, 100, &n) == -1);
		HOLDS(n == 7);
	}
	HOLDS(num_parse("0", 0, 100, &n) == 0 && n == 0);
	HOLDS(num_parse("100", 0, 100, &n) == 0 && n == 100);
	HOLDS(num_parse("007", 0, 100, &n) == 0 && n == 7);
	HOLDS(num_parse("-12", -12, 0, &n) == 0 && n == -12);
	HOLDS(num_parse("9223372036854775807", 0, 9223372036854775807LL,
		&n) == 0 && n == 9223372036854775807LL);
}

static int
masked(const char *s, const char *shown)
{
	char *copy = need_str(s);
	int same = strcmp(mask(copy), shown) == 0;

	free(copy);
	return same;
}

static void
masks(void)
{
	HOLDS(masked("+447700900123", "+4477…123"));
	HOLDS(masked("whatsapp:+14155550100,x", "whatsapp:+1415…100,x"));
	HOLDS(masked("To=%2B14155550100&From=%2B15005550006",
		"To=%2B1415…100&From=%2B1500…006"));
	HOLDS(masked("ref14155550100b", "ref1415…100b"));
	HOLDS(masked("1234567", "…567"));
	HOLDS(masked("123456789", "12…789"));
	HOLDS(masked("123456", "123456"));
	HOLDS(masked("", ""));
	HOLDS(masked("2025-08-21T08:34:39Z", "2025-08-21T08:34:39Z"));
	HOLDS(masked("SM00000000000000000000000012345678 14155550100",
		"SM00000000000000000000000012345678 1415…100"));
	HOLDS(masked("\xc3\xb1" "14155550100\xc3\xb1",
		"\xc3\xb1" "1415…100\xc3\xb1"));
}

static int
aged(long long seconds, const char *text)
{
	char out[WHEN_AGE_SIZE];

	return strcmp(when_format_age(out, seconds), text) == 0;
}

/* What a text time comes back as after it was parsed: itself. */
static int
returns(const char *s, long long t)
{
	char out[WHEN_SIZE];
	long long got;

	return when_parse(s, &got) == 0 && got == t &&
		strcmp(when_format(out, t), s) == 0;
}

static int
dated_as_libc_does(long long t)
{
	char out[WHEN_HTTP_SIZE], want[WHEN_HTTP_SIZE];
	time_t tt = (time_t)t;
	struct tm tm;

	return gmtime_r(&tt, &tm) != NULL && strftime(want, sizeof(want),
		"%a, %d %b %Y %H:%M:%S GMT", &tm) > 0 &&
		strcmp(when_format_http(out, t), want) == 0;
}

static int
mail_is(const char *s, const char *text)
{
	char out[WHEN_SIZE];
	long long t;

	return when_parse_mail(s, &t) == 0 &&
		strcmp(when_format(out, t), text) == 0;
}

static void
times(void)
{
	static const char *const wrong[] = {
		"", "2025-08-21", "2025-08-21T08:34:39", "2025-08-21 08:34:39Z",
		"2025-08-21T08:34:39Z ", "2025-8-21T08:34:39Z",
		"2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
		"2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2025-04-31T00:00:00Z", "2025-01-00T00:00:00Z",
		"2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z",
		"2025-01-01T00:00:61Z", "-025-01-01T00:00:00Z",
		"10000-01-01T00:00:00Z", "2025-01-01T00:00:00+",
		"9999-12-31T23:59:60Z"
	};
	static const char *const wrong_mail[] = {
		"", "Thu, 24 Aug 2023 05:01:45", "24 Aug 2023 05:01:45 +0000",
		"Thu, 24 Ago 2023 05:01:45 +0000",
		"Thu, 32 Aug 2023 05:01:45 +0000",
		"Thu, 24 Aug 2023 05:01:45 +0060",
		"Thu, 24 Aug 2023 05:01:45 +00000",
		"Thu, 24 Aug 23 05:01:45 +0000",
		"Thu, 24 Aug 2023 25:01:45 +0000",
		"Sat, 01 Jan 0000 00:59:59 +0100",
		"Fri, 31 Dec 9999 23:00:00 -0100"
	};
	char date[WHEN_HTTP_SIZE], out[WHEN_SIZE];
	long long t;
	size_t i;

	HOLDS(returns("1970-01-01T00:00:00Z", 0));
	HOLDS(returns("1969-12-31T23:59:59Z", -1));
	HOLDS(returns("2000-02-29T12:00:00Z", 951825600));
	HOLDS(returns("2024-02-29T23:59:59Z", 1709251199));
	HOLDS(returns("2025-08-21T08:34:39Z", 1755765279));
	HOLDS(returns("2038-01-19T03:14:08Z", 2147483648LL));
	HOLDS(returns("2106-02-07T06:28:16Z", 4294967296LL));
	HOLDS(returns("9999-12-31T23:59:59Z", 253402300799LL));
	HOLDS(returns("0000-01-01T00:00:00Z", -62167219200LL));
	HOLDS(returns("0000-02-29T00:00:00Z", -62162121600LL));
	HOLDS(dated_as_libc_does(784111777));
	HOLDS(strcmp(when_format_http(date, 784111777),
		"Sun, 06 Nov 1994 08:49:37 GMT") == 0);
	/* a day at a time over more than 400 years: text sorts as time does */
	{
		char before[WHEN_SIZE] = "";

		for (t = -3LL * 86400; t < 150000LL * 86400; t += 86400) {
			long long back;

			when_format(out, t);
			if (when_parse(out, &back) != 0 || back != t ||
			    strcmp(before, out) >= 0) {
				HOLDS(!"every day returns and sorts");
				break;
			}
			memcpy(before, out, sizeof(before));
			if (!dated_as_libc_does(t)) {
				HOLDS(!"every day has its name");
				break;
			}
		}
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		HOLDS(when_parse(wrong[i], &t) == -1);

	HOLDS(mail_is("Thu, 24 Aug 2023 05:01:45 +0000",
		"2023-08-24T05:01:45Z"));
	HOLDS(mail_is("Fri, 1 Mar 2024 00:30:00 +0200",
		"2024-02-29T22:30:00Z"));
	HOLDS(mail_is("Fri, 01 Mar 2024 00:30:00 +0200",
		"2024-02-29T22:30:00Z"));
	HOLDS(mail_is("Sun, 31 Dec 2023 20:15:00 -0545",
		"2024-01-01T02:00:00Z"));
	for (i = 0; i < sizeof(wrong_mail) / sizeof(wrong_mail[0]); i++)
		HOLDS(when_parse_mail(wrong_mail[i], &t) == -1);
}

static void
ages(void)
{
	static const char *const wrong[] = {
		"", "h", "1", "-1h", "1.5h", "1 h", "1H", "1hh", "1y", "h1",
		"99999999999h", "999999999w"
	};
	long long s;
	size_t i;

	HOLDS(when_parse_age("0s", &s) == 0 && s == 0);
	HOLDS(when_parse_age("45s", &s) == 0 && s == 45);
	HOLDS(when_parse_age("90m", &s) == 0 && s == 5400);
	HOLDS(when_parse_age("6h", &s) == 0 && s == 21600);
	HOLDS(when_parse_age("2d", &s) == 0 && s == 172800);
	HOLDS(when_parse_age("1w", &s) == 0 && s == 604800);
	HOLDS(aged(0, "0s") && aged(99, "99s") && aged(100, "1m"));
	HOLDS(aged(5999, "99m") && aged(6000, "1h") && aged(172799, "47h"));
	HOLDS(aged(172800, "2d") && aged(-60, "-60s"));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		HOLDS(when_parse_age(wrong[i], &s) == -1);
}

static long
code_point(const char *s)
{
	const char *at = s, *end = s + strlen(s);
	long c = utf8_next(&at, end);

	/* a valid one is passed whole, else the place is kept */
	return at == (c < 0 ? s : end) ? c : -2;
}

static void
text(void)
{
	/* each alone, then behind plain text that is checked eight at once */
	static const char *const wrong[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(",
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff"
	};
	char line[64];
	size_t i, before;

	HOLDS(code_point("A") == 'A');
	HOLDS(code_point("\x7f") == 0x7f);
	HOLDS(code_point("\xc2\x80") == 0x80);
	HOLDS(code_point("\xc3\xb1") == 0xf1);
	HOLDS(code_point("\xdf\xbf") == 0x7ff);
	HOLDS(code_point("\xe0\xa0\x80") == 0x800);
	HOLDS(code_point("\xed\x9f\xbf") == 0xd7ff);
	HOLDS(code_point("\xee\x80\x80") == 0xe000);
	HOLDS(code_point("\xef\xbf\xbf") == 0xffff);
	HOLDS(code_point("\xf0\x90\x80\x80") == 0x10000);
	HOLDS(code_point("\xf0\x9f\x98\x80") == 0x1f600);
	HOLDS(code_point("\xf4\x8f\xbf\xbf") == 0x10ffff);
	HOLDS(code_point("") == -1);
	HOLDS(utf8_valid("", 0));
	HOLDS(utf8_valid("a\0b", 3));
	HOLDS(utf8_valid("ma\xc3\xb1" "ana, ma\xc3\xb1" "ana, \xf0\x9f\x98\x80", 22));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		HOLDS(code_point(wrong[i]) == -1);
		for (before = 0; before < 18; before++) {
			snprintf(line, sizeof(line), "%.*s%s", (int)before,
				"abcdefghijklmnopqr", wrong[i]);
			HOLDS(!utf8_valid(line, strlen(line)));
		}
	}
}

static void
buffers(void)
{
	struct buf b = BUF_INIT(10);

	buf_reset(&b);
	HOLDS(b.len == 0 && strcmp(b.s, "") == 0);
	HOLDS(buf_addstr(&b, "01234") == 0);
	HOLDS(buf_addf(&b, "%d", 56789) == 0);
	HOLDS(buf_addc(&b, 'x') == -1);
	HOLDS(buf_addf(&b, "%s", "xyz") == -1);
	HOLDS(b.len == 10 && strcmp(b.s, "0123456789") == 0);
	buf_drop(&b, 3);
	HOLDS(b.len == 7 && strcmp(b.s, "3456789") == 0);
	HOLDS(buf_add(&b, "\0!", 2) == 0 && b.len == 9 && b.s[8] == '!');
	buf_release(&b);
}

/* A stream of records from bytes: a file, as a pipe holds only so much. */
static struct rec_reader
stream(const void *data, size_t len)
{
	struct rec_reader r = REC_READER(-1);
	FILE *fp = tmpfile();

	if (fp == NULL || fwrite(data, 1, len, fp) != len ||
	    fflush(fp) != 0 || (r.fd = dup(fileno(fp))) < 0 ||
	    lseek(r.fd, 0, SEEK_SET) != 0) {
		perror("tmpfile");
		exit(1);
	}
	fclose(fp);
	return r;
}

static void
done(struct rec_reader *r)
{
	close(r->fd);
	rec_release(r);
}

static int
is(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
records(void)
{
	static const char lines[] =
		"# a comment\n"
		"\n"
		"SM1\tdelivered\n"
		"a\\tb\tc\\nd\te\\\\f\t\\N\t\tg\\r\n"
		"1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17\t18\t19\t20"
		"\t21\t22\t23\t24\t25\t26\t27\t28\t29\t30\t31\t32\t33\n"
		"wrong\\x\n"
		"end\\\n"
		"\xff\n"
		"with\0nul\n"
		"last\n"
		"cut sho";
	struct rec_reader r = stream(lines, sizeof(lines) - 1);
	struct rec rec;

	HOLDS(rec_read(&r, &rec) == 1 && r.number == 3);
	HOLDS(is(rec.f[0], "SM1") && is(rec.f[1], "delivered"));
	HOLDS(rec.f[2] == NULL && rec.f[REC_MAX - 1] == NULL);
	HOLDS(rec_ready(&r));
	HOLDS(rec_read(&r, &rec) == 1 && r.number == 4);
	HOLDS(is(rec.f[0], "a\tb") && is(rec.f[1], "c\nd"));
	HOLDS(is(rec.f[2], "e\\f") && rec.f[3] == NULL && rec.f[4] == NULL);
	HOLDS(is(rec.f[5], "g\r"));
	HOLDS(rec_read(&r, &rec) == 1 && is(rec.f[REC_MAX - 1], "32"));
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 6 && r.why != NULL);
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 7);
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 8);
	HOLDS(is(r.why, "is not UTF-8"));
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 9);
	HOLDS(is(r.why, "has a NUL byte"));
	HOLDS(rec_read(&r, &rec) == 1 && is(rec.f[0], "last"));
	HOLDS(rec_ready(&r));
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 11);
	HOLDS(strstr(r.why, "cut short") != NULL);
	HOLDS(rec_read(&r, &rec) == 0);
	HOLDS(rec_read(&r, &rec) == 0);
	done(&r);

	r = stream("", 0);
	HOLDS(rec_read(&r, &rec) == 0);
	done(&r);
}

/* n bytes of x, a newline, then a line that must come through unharmed. */
static int
long_line(size_t n)
{
	struct rec_reader r;
	struct rec rec;
	char *s = need(n + 7);
	int got;

	memset(s, 'x', n);
	memcpy(s + n, "\nnext\n", 6);
	r = stream(s, n + 6);
	got = rec_read(&r, &rec);
	HOLDS(got != 1 || strlen(rec.f[0]) == n);
	HOLDS(rec_read(&r, &rec) == 1 && is(rec.f[0], "next"));
	HOLDS(r.number == 2);
	HOLDS(rec_read(&r, &rec) == 0);
	done(&r);
	free(s);
	return got;
}

static void
long_lines(void)
{
	struct rec_reader r;
	struct rec rec;
	char *s;

	HOLDS(long_line(REC_LINE_MAX - 1) == 1);
	HOLDS(long_line(REC_LINE_MAX) == -1);
	HOLDS(long_line(2 * REC_LINE_MAX - 1) == -1);
	HOLDS(long_line(2 * REC_LINE_MAX) == -1);
	HOLDS(long_line(2 * REC_LINE_MAX + 1) == -1);
	HOLDS(long_line(10 * 1024 * 1024) == -1);

	/* too long, and no end either */
	s = need(3 * REC_LINE_MAX);
	memset(s, 'x', 3 * REC_LINE_MAX);
	r = stream(s, 3 * REC_LINE_MAX);
	HOLDS(rec_read(&r, &rec) == -1 && r.number == 1);
	HOLDS(rec_read(&r, &rec) == 0);
	done(&r);
	free(s);
}

static void
round_trip(void)
{
	char all[] = "tab\t newline\n return\r back\\slash \\N \xc3\xb1";
	char ends[] = "\\", *f[4] = { all, NULL, ends, NULL };
	struct rec_reader r = REC_READER(-1);
	struct rec rec;
	FILE *fp = tmpfile();
	char empty[] = "";

	if (fp == NULL) {
		perror("tmpfile");
		exit(1);
	}
	f[3] = empty;
	rec_header_status(fp);
	rec_write(fp, f, 4);
	fflush(fp);
	rewind(fp);
	r.fd = fileno(fp);
	HOLDS(rec_read(&r, &rec) == 1 && r.number == 2);
	HOLDS(is(rec.f[0], all) && rec.f[1] == NULL && is(rec.f[2], ends));
	HOLDS(rec.f[3] == NULL);
	HOLDS(rec_read(&r, &rec) == 0);
	rec_release(&r);
	fclose(fp);
}

static void
sids(void)
{
	HOLDS(rec_is_sid("SM0123456789abcdef0123456789ABCDEF"));
	HOLDS(rec_is_sid("MM0123456789abcdef0123456789abcdef"));
	HOLDS(!rec_is_sid(""));
	HOLDS(!rec_is_sid("SM"));
	HOLDS(!rec_is_sid("AC0123456789abcdef0123456789abcdef"));
	HOLDS(!rec_is_sid("SM0123456789abcdef0123456789abcde"));
	HOLDS(!rec_is_sid("SM0123456789abcdef0123456789abcdef0"));
	HOLDS(!rec_is_sid("SM0123456789abcdef0123456789abcdeg"));
	HOLDS(!rec_is_sid("SM../../../../../../../../../../.."));
}

/* Parses a copy of s, which must be a string literal of n bytes. */
static int
parse(struct form *f, char copy[4096], const char *s, size_t n)
{
	const char *why = "unset";

	memcpy(copy, s, n);
	copy[n] = '\0';
	return form_parse(f, copy, n, &why) == 0 ? 0 :
		strcmp(why, "unset") == 0 ? -2 : -1;
}

static void
forms(void)
{
	static const char body[] =
		"To=%2B14155550100&Body=a+b%20c%26%3d&Empty=&Bare&&To=second"
		"&pct=100%&bad=%zz%4&na%6De=x=y";
	struct buf b = BUF_INIT(4096);
	struct form f;
	char copy[4096];
	int i;

	HOLDS(parse(&f, copy, body, sizeof(body) - 1) == 0);
	HOLDS(f.n == 8);
	HOLDS(is(form_get(&f, "To"), "+14155550100"));
	HOLDS(is(form_get(&f, "Body"), "a b c&="));
	HOLDS(is(form_get(&f, "Empty"), ""));
	HOLDS(is(form_get(&f, "Bare"), ""));
	HOLDS(is(f.pair[4].name, "To") && is(f.pair[4].value, "second"));
	HOLDS(is(form_get(&f, "pct"), "100%"));
	HOLDS(is(form_get(&f, "bad"), "%zz%4"));
	HOLDS(is(form_get(&f, "name"), "x=y"));
	HOLDS(form_get(&f, "to") == NULL);
	HOLDS(parse(&f, copy, "", 0) == 0 && f.n == 0);
	HOLDS(parse(&f, copy, "&&&", 3) == 0 && f.n == 0);
	HOLDS(parse(&f, copy, "=", 1) == 0 && f.n == 1);
	HOLDS(parse(&f, copy, "a=b%00c", 7) == -1);
	HOLDS(parse(&f, copy, "a%00=b", 6) == -1);
	HOLDS(parse(&f, copy, "a=b\0c", 5) == -1);

	buf_reset(&b);
	for (i = 0; i < FORM_MAX; i++)
		form_add(&b, "n", "v");
	HOLDS(parse(&f, copy, b.s, b.len) == 0 && f.n == FORM_MAX);
	form_add(&b, "n", "v");
	HOLDS(parse(&f, copy, b.s, b.len) == -1);

	buf_reset(&b);
	HOLDS(form_add(&b, "To", "+1 (415) 555-0100") == 0);
	HOLDS(form_add(&b, "a&b", "\xc3\xb1~_.-%/?") == 0);
	HOLDS(is(b.s, "To=%2B1%20%28415%29%20555-0100"
		"&a%26b=%C3%B1~_.-%25%2F%3F"));
	HOLDS(parse(&f, copy, b.s, b.len) == 0);
	HOLDS(is(form_get(&f, "a&b"), "\xc3\xb1~_.-%/?"));
	buf_release(&b);
	b.max = 4;
	HOLDS(form_add(&b, "long", "value") == -1);
	buf_release(&b);
}

int
main(void)
{
	masks();
	numbers();
	times();
	ages();
	text();
	buffers();
	records();
	long_lines();
	round_trip();
	sids();
	forms();
	return failed;
}

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "die.h"
#include "num.h"
#include "when.h"

enum { DAY = 86400 };

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
static long long
days(long long y, int m, int d)
{
	long long era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int
month_days(long long y, int m)
{
	static const int n[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return n[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Exactly n digits; -1 if they are not. */
static int
digits(const char *s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s++ - '0');
	}
	return v;
}

/* Checks the parts and puts them together; -1 in a part means no number. */
static int
together(int y, int mo, int d, int h, int mi, int s, long long *t)
{
	if (y < 0 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) ||
	    h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
		return -1;
	*t = days(y, mo, d) * DAY + h * 3600LL + mi * 60LL + s;
	return 0;
}

long long
when_now(void)
{
	return (long long)time(NULL);
}

long long
when_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void
when_sleep_ms(long long ms)
{
	struct timespec ts;

	if (ms <= 0)
		return;
	ts.tv_sec = (time_t)(ms / 1000);
	ts.tv_nsec = (long)(ms % 1000) * 1000000;
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

char *
when_format(char out[WHEN_SIZE], long long t)
{
	struct tm tm;
	time_t tt = (time_t)t;
	int i, year;

	if (gmtime_r(&tt, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900 ||
	    strftime(out + 4, WHEN_SIZE - 4, "-%m-%dT%H:%M:%SZ", &tm) == 0)
		die(BUG, "no such time: %lld", t);
	/* some strftime(3) write the year 999 without its zero */
	for (i = 3, year = tm.tm_year + 1900; i >= 0; i--, year /= 10)
		out[i] = (char)('0' + year % 10);
	return out;
}

int
when_parse(const char *s, long long *t)
{
	if (strlen(s) != WHEN_SIZE - 1 || s[4] != '-' || s[7] != '-' ||
	    s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z')
		return -1;
	return together(digits(s, 4), digits(s + 5, 2), digits(s + 8, 2),
		digits(s + 11, 2), digits(s + 14, 2), digits(s + 17, 2), t);
}

int
when_parse_mail(const char *s, long long *t)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *month;
	int day, zone;

	/* "Thu, 24 Aug 2023 05:01:45 +0000"; the day may have one digit */
	if (strlen(s) < 6 || s[3] != ',' || s[4] != ' ')
		return -1;
	s += 5;
	if (digits(s, 2) >= 0) {
		day = digits(s, 2);
		s += 2;
	} else {
		day = digits(s, 1);
		s += 1;
	}
	if (strlen(s) != 24 || s[0] != ' ' || s[4] != ' ' || s[9] != ' ' ||
	    s[12] != ':' || s[15] != ':' || s[18] != ' ' ||
	    (s[19] != '+' && s[19] != '-') || (zone = digits(s + 20, 4)) < 0 ||
	    zone % 100 > 59)
		return -1;
	for (month = names; *month != '\0'; month += 3)
		if (strncmp(month, s + 1, 3) == 0)
			break;
	if (*month == '\0' || together(digits(s + 5, 4),
	    (int)(month - names) / 3 + 1, day, digits(s + 10, 2),
	    digits(s + 13, 2), digits(s + 16, 2), t) != 0)
		return -1;
	zone = zone / 100 * 3600 + zone % 100 * 60;
	*t -= s[19] == '+' ? zone : -zone;
	return 0;
}

int
when_parse_age(const char *s, long long *seconds)
{
	static const char unit[] = "smhdw";
	static const long long size[] = { 1, 60, 3600, DAY, 7 * DAY };
	const char *u;
	char number[12];
	size_t n = strlen(s);

	if (n < 2 || n > sizeof(number) || (u = strchr(unit, s[n - 1])) == NULL)
		return -1;
	memcpy(number, s, n - 1);
	number[n - 1] = '\0';
	if (num_parse(number, 0, 999999999, seconds) != 0)
		return -1;
	*seconds *= size[u - unit];
	/* a time before year 0 has no spelling */
	return *seconds <= 1900LL * 365 * DAY ? 0 : -1;
}

long long
when_option(int opt, const char *s)
{
	long long t;

	if (when_parse(s, &t) != 0)
		die(BAD_USAGE, "-%c takes a time such as 2025-08-21T08:34:39Z, "
			"not '%s'", opt, s);
	return t;
}

long long
when_age_option(int opt, const char *s)
{
	long long seconds;

	if (when_parse_age(s, &seconds) != 0)
		die(BAD_USAGE, "-%c takes an age such as 90m, 2h or 1d, "
			"not '%s'", opt, s);
	return seconds;
}

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "die.h"
#include "num.h"
#include "when.h"

enum { DAY = 86400 };

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

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

/* No time is before year 0 or after year 9999, where there is no spelling. */
static int
in_range(long long t)
{
	return t >= days(0, 1, 1) * DAY && t < days(10000, 1, 1) * DAY;
}

/* Checks the parts and puts them together; -1 in a part means no number. */
static int
together(int y, int mo, int d, int h, int mi, int s, long long *t)
{
	if (y < 0 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) ||
	    h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
		return -1;
	*t = days(y, mo, d) * DAY + h * 3600LL + mi * 60LL + s;
	return in_range(*t) ? 0 : -1;
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

/* The other way round: days from 1970-01-01 to a date. */
static void
date(long long n, long long *y, int *m, int *d)
{
	long long era, doe, yoe;
	int doy;

	n += 719468;
	era = (n >= 0 ? n : n - 146096) / 146097;
	doe = n - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
	*m = (5 * doy + 2) / 153;
	*d = doy - (153 * *m + 2) / 5 + 1;
	*m += *m < 10 ? 3 : -9;
	*y = yoe + era * 400 + (*m <= 2);
}

/* n digits of v, and returns what is behind them. */
static char *
put(char *s, int n, long long v)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		s[i] = (char)('0' + v % 10);
	return s + n;
}

static char *
put_time(char *s, int second)
{
	s = put(s, 2, second / 3600);
	*s++ = ':';
	s = put(s, 2, second / 60 % 60);
	*s++ = ':';
	return put(s, 2, second % 60);
}

/*
 * gmtime(3) and strftime(3) would read the file of the local time zone first,
 * in a process that lives for a millisecond and may open nothing.
 */
static int
split(long long t, long long *n, long long *y, int *m, int *d)
{
	*n = t / DAY - (t % DAY < 0);
	date(*n, y, m, d);
	if (*y < 0 || *y > 9999)
		die(BUG, "no such time: %lld", t);
	return (int)(t - *n * DAY);
}

char *
when_format(char out[WHEN_SIZE], long long t)
{
	long long n, y;
	int m, d, second = split(t, &n, &y, &m, &d);
	char *s = put(out, 4, y);

	*s++ = '-';
	s = put(s, 2, m);
	*s++ = '-';
	s = put(s, 2, d);
	*s++ = 'T';
	s = put_time(s, second);
	*s++ = 'Z';
	*s = '\0';
	return out;
}

char *
when_format_http(char out[WHEN_HTTP_SIZE], long long t)
{
	static const char day[] = "ThuFriSatSunMonTueWed";  /* from 1970 on */
	long long n, y;
	int m, d, second = split(t, &n, &y, &m, &d);
	char *s = out;

	memcpy(s, day + 3 * ((n % 7 + 7) % 7), 3);
	memcpy(s + 3, ", ", 2);
	s = put(s + 5, 2, d);
	*s++ = ' ';
	memcpy(s, month_names + 3 * (m - 1), 3);
	s[3] = ' ';
	s = put(s + 4, 4, y);
	*s++ = ' ';
	strcpy(put_time(s, second), " GMT");
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
	for (month = month_names; *month != '\0'; month += 3)
		if (strncmp(month, s + 1, 3) == 0)
			break;
	if (*month == '\0' || together(digits(s + 5, 4),
	    (int)(month - month_names) / 3 + 1, day, digits(s + 10, 2),
	    digits(s + 13, 2), digits(s + 16, 2), t) != 0)
		return -1;
	zone = zone / 100 * 3600 + zone % 100 * 60;
	*t -= s[19] == '+' ? zone : -zone;
	return in_range(*t) ? 0 : -1;
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
	/* so long before 1970, the earliest now, it is still year 0 or later */
	return *seconds <= 1900LL * 365 * DAY ? 0 : -1;
}

char *
when_format_age(char out[WHEN_AGE_SIZE], long long seconds)
{
	long long n = seconds < 0 ? -seconds : seconds;
	char unit = n < 100 ? 's' : n < 100 * 60 ? 'm' :
		n < 48 * 3600 ? 'h' : 'd';

	n /= unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : DAY;
	snprintf(out, WHEN_AGE_SIZE, "%s%lld%c", seconds < 0 ? "-" : "", n,
		unit);
	return out;
}

long long
when_option(int opt, const char *s)
{
	long long t;

	if (when_parse(s, &t) != 0)
		die(BAD_USAGE, "-%c takes a time such as 2025-08-21T08:34:39Z, "
			"not '%s'", opt, s);
	if (t < 0)
		die(BAD_USAGE, "-%c takes a time from 1970 on, not '%s'", opt,
			s);
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

long long
when_since_option(int opt, const char *s, long long now)
{
	long long t;

	if (when_parse(s, &t) == 0)
		return t;
	if (when_parse_age(s, &t) != 0)
		die(BAD_USAGE, "-%c takes a time such as 2025-08-21T08:34:39Z "
			"or an age such as 90m, 2h or 1d, not '%s'", opt, s);
	return now - t;
}

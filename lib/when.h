/*
 * when: the clock and its spellings.  A time is seconds since 1970 UTC in a
 * long long; a text time is UTC as in 2025-08-21T08:34:39Z, which sorts.
 */
#ifndef WHEN_H
#define WHEN_H

enum {
	WHEN_SIZE = 21,      /* a text time and its NUL */
	WHEN_HTTP_SIZE = 30  /* "Thu, 24 Aug 2023 05:01:45 GMT", too */
};

long long when_now(void);      /* the clock */
long long when_mono_ms(void);  /* milliseconds that never step back */
void when_sleep_ms(long long ms);

/* Years 0 to 9999.  Returns out. */
char *when_format(char out[WHEN_SIZE], long long t);
char *when_format_http(char out[WHEN_HTTP_SIZE], long long t);

/* A text time.  Returns 0, or -1. */
int when_parse(const char *s, long long *t);

/* Twilio's "Thu, 24 Aug 2023 05:01:45 +0000" (RFC 2822).  0, or -1. */
int when_parse_mail(const char *s, long long *t);

/* An age: a number and s, m, h, d or w ("90m", "2d"), in seconds.  0, or -1. */
int when_parse_age(const char *s, long long *seconds);

/* An age as a person reads it, in its largest unit: 45s, 90m, 47h, 12d. */
enum { WHEN_AGE_SIZE = 24 };
char *when_format_age(char out[WHEN_AGE_SIZE], long long seconds);

/*
 * The operands of options -t (from 1970 on, so that an age before it has a
 * spelling, too) and of ages, and of those that take a time or how long before
 * now; die with BAD_USAGE.
 */
long long when_option(int opt, const char *s);
long long when_age_option(int opt, const char *s);
long long when_since_option(int opt, const char *s, long long now);

#endif

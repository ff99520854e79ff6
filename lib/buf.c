#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "die.h"

void *
need_again(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (p == NULL)
		die(NO_SYSTEM, "out of memory");
	return p;
}

void *
need(size_t n)
{
	return need_again(NULL, n);
}

char *
need_str(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(need(n), s, n);
}

int
buf_reserve(struct buf *b, size_t n)
{
	size_t cap;

	if (n > b->max - b->len)
		return -1;
	if (b->len + n + 1 > b->cap) {
		cap = b->cap * 2 > b->len + n + 1 ? b->cap * 2 : b->len + n + 1;
		if (cap < 64)
			cap = 64;
		b->s = need_again(b->s, cap);
		b->cap = cap;
	}
	return 0;
}

int
buf_add(struct buf *b, const void *data, size_t n)
{
	if (buf_reserve(b, n) != 0)
		return -1;
	if (n > 0)
		memcpy(b->s + b->len, data, n);
	b->len += n;
	b->s[b->len] = '\0';
	return 0;
}

int
buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int
buf_addstr(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(b, (size_t)n) != 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->s, b->s + n, b->len - n);
	b->len -= n;
	b->s[b->len] = '\0';
}

void
buf_cut(struct buf *b, size_t n)
{
	b->len = n;
	if (b->s != NULL)
		b->s[n] = '\0';
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->s != NULL)
		b->s[0] = '\0';
	else
		buf_add(b, "", 0);
}

void
buf_release(struct buf *b)
{
	free(b->s);
	b->s = NULL;
	b->len = b->cap = 0;
}

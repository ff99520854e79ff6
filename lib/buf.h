/*
 * buf: growing bytes with a ceiling.
 *
 * s is always a string (NUL after len bytes) once something was added or
 * buf_reset was called.  Out of memory dies with NO_SYSTEM.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>

struct buf {
	char *s;     /* owned; NULL before the first byte */
	size_t len;  /* bytes in use, without the NUL */
	size_t cap;  /* bytes allocated */
	size_t max;  /* ceiling of len, named by the owner */
};

#define BUF_INIT(max) { NULL, 0, 0, (max) }

/* All return 0, or -1 if the ceiling would be passed (nothing is added). */
int buf_add(struct buf *b, const void *data, size_t n);
int buf_addc(struct buf *b, char c);
int buf_addstr(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes behind len; the caller then raises len. */
int buf_reserve(struct buf *b, size_t n);

void buf_drop(struct buf *b, size_t n);  /* removes the first n bytes */
void buf_cut(struct buf *b, size_t n);   /* keeps the first n bytes */
void buf_reset(struct buf *b);           /* empties, keeps the memory */
void buf_release(struct buf *b);         /* frees */

/* malloc, realloc and strdup that die with NO_SYSTEM. */
void *need(size_t n);
void *need_again(void *p, size_t n);
char *need_str(const char *s);

#endif

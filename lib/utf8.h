/*
 * utf8: UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/*
 * The code point at *s, which moves behind it; -1 (and *s stays) where no
 * valid sequence begins before end.
 */
long utf8_next(const char **s, const char *end);

int utf8_valid(const char *s, size_t len);

#endif

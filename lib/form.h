/*
 * form: application/x-www-form-urlencoded text, as Twilio posts it and as
 * its API takes it.  A form borrows the buffer it was parsed from; keep that
 * alive with it.
 */
#ifndef FORM_H
#define FORM_H

#include <stddef.h>

#include "buf.h"

enum { FORM_MAX = 200 };  /* parameters; Twilio sends about 20 */

struct form_pair {
	const char *name, *value;  /* decoded, NUL-terminated */
};

struct form {
	struct form_pair pair[FORM_MAX];  /* in the order received */
	size_t n;                         /* pairs in use */
};

/*
 * Decodes body in place ("+" is a blank, "%XX" a byte; what is no escape
 * stands for itself).  body[len] must be writable.  Returns 0, or -1 with
 * *why a constant phrase: too many parameters, a NUL byte.
 */
int form_parse(struct form *f, char *body, size_t len, const char **why);

/* The first value of that name, or NULL. */
const char *form_get(const struct form *f, const char *name);

/* Appends name=value, encoded, with "&" before it unless b is empty. */
int form_add(struct buf *b, const char *name, const char *value);

/* Appends s percent-encoded (RFC 3986 unreserved characters stay). */
int form_encode(struct buf *b, const char *s);

#endif

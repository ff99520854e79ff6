/*
 * sign: the X-Twilio-Signature, base64(HMAC-SHA1(token, text)), where text is
 * the URL followed by each parameter's name and value, sorted by name.
 * (Twilio, "Security", Validating requests.)
 */
#ifndef SIGN_H
#define SIGN_H

#include <stddef.h>

#include "form.h"

enum {
	SIGN_SIZE = 29,     /* 28 characters and the NUL */
	SIGN_HEX_SIZE = 65  /* a SHA-256 in lower-case hex and the NUL */
};

/* form may be NULL: then the URL alone is signed (GET, JSON bodies). */
void sign(char out[SIGN_SIZE], const char *token, const char *url,
	const struct form *form);

/*
 * True if signature is one that Twilio would send for url.  tokens: several,
 * separated by blanks or commas.  The fragment and user:pass@ of the URL are
 * dropped first; it is tried as it is, without its port, and with the
 * scheme's default port.  Comparison takes constant time.
 */
int sign_check(const char *signature, const char *tokens, const char *url,
	const struct form *form);

/* For a JSON body: the hash that bodySHA256 of the query must hold. */
void sign_sha256(char out[SIGN_HEX_SIZE], const void *data, size_t len);

/* HMAC-SHA1 of text, as 40 lower-case hex digits and a NUL. */
void sign_hmac_hex(char out[41], const char *key, const char *text);

/* Constant-time comparison of two strings. */
int sign_equal(const char *a, const char *b);

#endif

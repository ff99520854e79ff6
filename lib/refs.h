/*
 * refs: our own ids of messages.
 *
 * A series gives the same refs to the same input each time it is read: made
 * of its name, the recipient, the text and media, and how often just these
 * have come up so far.  So an input that was broken off can be given again.
 */
#ifndef REFS_H
#define REFS_H

#include <stddef.h>

enum {
	REFS_SIZE = 101,      /* a ref and its NUL */
	REFS_NAME_MAX = 40    /* characters of a series' name */
};

/* One that nobody else has; dies where there is no randomness. */
void refs_random(char out[REFS_SIZE]);

struct refs_series {
	const char *name;             /* borrowed */
	struct refs_seen *seen;       /* a hash table, grown as needed */
	size_t n, size;
};

/* True for 1 to 40 letters, digits, "-", "_" and ".". */
int refs_is_name(const char *name);

void refs_next(struct refs_series *s, char out[REFS_SIZE], const char *to,
	const char *body, const char *media_url);
void refs_release(struct refs_series *s);

/* The ref of the n-th try (from 2) of the message of ref: "ref~n". */
void refs_try(char out[REFS_SIZE], const char *ref, int n);

#endif

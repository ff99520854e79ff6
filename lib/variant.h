/*
 * variant: the shapes that a part of a URL may have had before something on
 * the way changed it, made from what is configured and what was received.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include <stddef.h>

#include "http.h"

enum { VARIANTS_MAX = 64 };  /* of one part; more are not thought of */

struct variant {
	char *text;     /* owned */
	char *words;    /* owned; how it differs, or "" */
	int cost;       /* differences; 0: sms-hook tries it by itself */
};

struct variants {
	struct variant v[VARIANTS_MAX];  /* no text twice */
	size_t n;
};

/* The parts of a URL, without user and password; all owned. */
struct url {
	char *scheme, *host;
	char *port;              /* or "" */
	char *path;              /* or "" */
	char *query, *fragment;  /* or NULL */
	int userinfo;            /* it had a user or password */
};

/* Returns 0, or -1 for what has no "://". */
int url_split(struct url *u, const char *s);
void url_release(struct url *u);

/* Copies both; nothing happens if text is there already. */
void variants_add(struct variants *v, const char *text, int cost,
	const char *words);

/* configured is NULL in all of these where no URL is configured. */

/* host or host:port */
void variants_hosts(struct variants *v, const struct url *configured,
	const struct http_request *r);

/* hook_path: where requests arrive according to sms-hook, or NULL */
void variants_paths(struct variants *v, const struct url *configured,
	const char *hook_path, const struct http_request *r);

/* each with its "?", or "" */
void variants_queries(struct variants *v, const struct url *configured,
	const char *received);

void variants_release(struct variants *v);

#endif

/*
 * cgi: a request as a web server hands it on by RFC 3875, its head in the
 * environment and its body on standard input, and the answer to that server.
 */
#ifndef CGI_H
#define CGI_H

#include <stddef.h>

#include "buf.h"
#include "http.h"

/*
 * As http_receive, with the same limits and reason words; of a request that is
 * refused the body is read and dropped, or some servers would lose the answer.
 */
int cgi_receive(struct http *h, long long deadline);

/* As http_answer. */
void cgi_answer(struct buf *out, int status, const char *lines,
	const char *type, const char *body, size_t len, int head_only);

#endif

/*
 * The low-level SHA calls instead of EVP: they are called once a process, and
 * EVP's set-up costs more than everything else that sms-hook computes.  SHA1()
 * and SHA256() are EVP within, and make a static program twice as large.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "sign.h"

enum { BLOCK = 64 };  /* of SHA-1 (RFC 2104) */

struct hmac {
	SHA_CTX inner, outer;
};

static void
hmac_init(struct hmac *h, const char *key, size_t len)
{
	unsigned char k[BLOCK] = { 0 }, pad[BLOCK];
	size_t i;

	if (len > BLOCK) {
		SHA1_Init(&h->inner);
		SHA1_Update(&h->inner, key, len);
		SHA1_Final(k, &h->inner);
	} else {
		memcpy(k, key, len);
	}
	for (i = 0; i < BLOCK; i++)
		pad[i] = k[i] ^ 0x36;
	SHA1_Init(&h->inner);
	SHA1_Update(&h->inner, pad, BLOCK);
	for (i = 0; i < BLOCK; i++)
		pad[i] = k[i] ^ 0x5c;
	SHA1_Init(&h->outer);
	SHA1_Update(&h->outer, pad, BLOCK);
	OPENSSL_cleanse(k, sizeof(k));
	OPENSSL_cleanse(pad, sizeof(pad));
}

static void
hmac_add(struct hmac *h, const char *s, size_t len)
{
	SHA1_Update(&h->inner, s, len);
}

static void
hmac_final(struct hmac *h, unsigned char out[SHA_DIGEST_LENGTH])
{
	SHA1_Final(out, &h->inner);
	SHA1_Update(&h->outer, out, SHA_DIGEST_LENGTH);
	SHA1_Final(out, &h->outer);
}

static void
base64(char out[SIGN_SIZE], const unsigned char in[SHA_DIGEST_LENGTH])
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char last[3] = { in[18], in[19], 0 };
	const unsigned char *p;
	int i;

	for (i = 0; i < 7; i++) {
		p = i < 6 ? in + 3 * i : last;
		out[4 * i] = digit[p[0] >> 2];
		out[4 * i + 1] = digit[(p[0] & 3) << 4 | p[1] >> 4];
		out[4 * i + 2] = digit[(p[1] & 15) << 2 | p[2] >> 6];
		out[4 * i + 3] = digit[p[2] & 63];
	}
	out[27] = '=';
	out[28] = '\0';
}

static int
by_name_and_value(const void *a, const void *b)
{
	const struct form_pair *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : strcmp(x->value, y->value);
}

/* The parameters as they are signed: sorted, each pair once. */
static void
hmac_add_form(struct hmac *h, const struct form *form)
{
	struct form_pair sorted[FORM_MAX];
	size_t i;

	memcpy(sorted, form->pair, form->n * sizeof(sorted[0]));
	qsort(sorted, form->n, sizeof(sorted[0]), by_name_and_value);
	for (i = 0; i < form->n; i++) {
		if (i > 0 && by_name_and_value(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		hmac_add(h, sorted[i].name, strlen(sorted[i].name));
		hmac_add(h, sorted[i].value, strlen(sorted[i].value));
	}
}

/* url in three pieces: before the port, the port to use (or ""), the rest. */
struct url {
	const char *head, *port, *tail;
	size_t head_len, port_len, tail_len;
};

static void
sign_pieces(char out[SIGN_SIZE], const char *token, size_t token_len,
	const struct url *u, const struct form *form)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	struct hmac h;

	hmac_init(&h, token, token_len);
	hmac_add(&h, u->head, u->head_len);
	hmac_add(&h, u->port, u->port_len);
	hmac_add(&h, u->tail, u->tail_len);
	if (form != NULL)
		hmac_add_form(&h, form);
	hmac_final(&h, digest);
	base64(out, digest);
}

void
sign(char out[SIGN_SIZE], const char *token, const char *url,
	const struct form *form)
{
	struct url u = { url, "", "", strlen(url), 0, 0 };

	sign_pieces(out, token, strlen(token), &u, form);
}

int
sign_equal(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

int
sign_check(const char *signature, const char *tokens, const char *url,
	const struct form *form)
{
	static const char separators[] = " ,\t\n";
	char scheme_host[1024], want[SIGN_SIZE];
	const char *authority, *end, *host, *port, *at;
	struct url u[2];
	size_t i, n, len;
	int https, good = 0;

	/* the part between "://" and the path, without user:pass@ */
	if ((authority = strstr(url, "://")) == NULL)
		return 0;
	https = strncasecmp(url, "https", 5) == 0;
	authority += 3;
	end = authority + strcspn(authority, "/?#");
	host = authority;
	for (at = authority; at < end; at++)
		if (*at == '@')
			host = at + 1;
	/* the port stands after the last colon outside of [an IPv6 address] */
	for (port = end; port > host && port[-1] != ':' && port[-1] != ']';)
		port--;
	port = port > host && port[-1] == ':' ? port - 1 : end;
	len = (size_t)(authority - url);
	if (len + (size_t)(port - host) >= sizeof(scheme_host))
		return 0;
	memcpy(scheme_host, url, len);
	memcpy(scheme_host + len, host, (size_t)(port - host));

	u[0].head = scheme_host;
	u[0].head_len = len + (size_t)(port - host);
	u[0].port = port;
	u[0].port_len = (size_t)(end - port);
	u[0].tail = end;
	u[0].tail_len = strcspn(end, "#");
	u[1] = u[0];
	u[1].port = port < end ? "" : https ? ":443" : ":80";
	u[1].port_len = strlen(u[1].port);

	for (tokens += strspn(tokens, separators); *tokens != '\0';
	    tokens += n + strspn(tokens + n, separators)) {
		n = strcspn(tokens, separators);
		for (i = 0; i < 2; i++) {
			sign_pieces(want, tokens, n, &u[i], form);
			good |= sign_equal(signature, want);
		}
	}
	return good;
}

static void
to_hex(char *out, const unsigned char *in, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[in[i] >> 4];
		out[2 * i + 1] = digit[in[i] & 15];
	}
	out[2 * n] = '\0';
}

void
sign_sha256(char out[SIGN_HEX_SIZE], const void *data, size_t len)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, data, len);
	SHA256_Final(digest, &c);
	to_hex(out, digest, sizeof(digest));
}

void
sign_hmac_hex(char out[41], const char *key, const char *text)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	struct hmac h;

	hmac_init(&h, key, strlen(key));
	hmac_add(&h, text, strlen(text));
	hmac_final(&h, digest);
	to_hex(out, digest, sizeof(digest));
}

/*
 * sign: a token, a URL and a body, a line each.  What sign made sign_check
 * accepts, beside other tokens too; with one bit changed in signature, token,
 * URL or a parameter it does not.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "sign.h"

const char progname[] = "sign";

enum { HOST_MAX = 1000 };  /* a longer one is not looked at */

static char *
copy(const void *data, size_t len)
{
	char *s = need(len + 1);

	if (len > 0)
		memcpy(s, data, len);
	s[len] = '\0';
	return s;
}

/* What is told apart from another by the bits of its text, all of them. */
static int
is_plain_url(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL && strpbrk(host + 3, "@#") == NULL &&
		strcspn(host, "/?") < HOST_MAX && host - url < 16;
}

/* True if that pair is among the others once more: then one is as none. */
static int
is_double(const struct form *f, size_t i)
{
	size_t j;

	for (j = 0; j < f->n; j++)
		if (j != i && strcmp(f->pair[i].name, f->pair[j].name) == 0 &&
		    strcmp(f->pair[i].value, f->pair[j].value) == 0)
			return 1;
	return 0;
}

/* Changes bit n of the text of s, and changes it back the second time. */
static void
flip(char *s, size_t len, size_t n)
{
	if (len > 0)
		s[n / 8 % len] ^= (char)(1 << n % 8);
}

static void
refused_with_one_bit_changed(char *made, char *token, char *url,
	struct form *form, size_t n)
{
	size_t len = strlen(token), i;
	char *s;

	flip(made, SIGN_SIZE - 1, n);
	assert(!sign_check(made, token, url, form));
	flip(made, SIGN_SIZE - 1, n);

	flip(token, len, n);
	assert(!sign_check(made, token, url, form));
	flip(token, len, n);

	len = strlen(url);
	flip(url, len, n);
	assert(!is_plain_url(url) || !sign_check(made, token, url, form));
	flip(url, len, n);

	if (form == NULL || form->n == 0 || is_double(form, i = n % form->n))
		return;
	/* the form lies in memory that is ours to write to */
	s = (char *)(n & 64 ? form->pair[i].name : form->pair[i].value);
	len = strlen(s);
	if (len > 0) {
		flip(s, len, n / 7);
		assert(!sign_check(made, token, url, form));
		flip(s, len, n / 7);
	}
	assert(sign_check(made, token, url, form));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct form parsed;
	struct form *form = NULL;
	char *text = copy(data, size), *token, *url, *body, *several, *end;
	char made[SIGN_SIZE], again[SIGN_SIZE], hex[SIGN_HEX_SIZE];
	const char *why;
	size_t n, i, len;

	/* which bit: any, but always the same of this input */
	for (n = 7, i = 0; i < size; i++)
		n = n * 31 + data[i];
	sign_sha256(hex, data, size);
	assert(strspn(hex, "0123456789abcdef") == SIGN_HEX_SIZE - 1);
	len = strcspn(text, "\n");
	token = copy(text, len);
	end = text + len + (text[len] != '\0');
	len = strcspn(end, "\n");
	url = copy(end, len);
	end += len + (end[len] != '\0');
	len = size - (size_t)(end - text);
	body = copy(end, len);
	if (len > 0 && form_parse(&parsed, body, len, &why) == 0)
		form = &parsed;

	sign_hmac_hex(hex, token, url);
	assert(strspn(hex, "0123456789abcdef") == 40);
	sign(made, token, url, form);
	assert(strlen(made) == SIGN_SIZE - 1 && made[27] == '=');
	sign(again, token, url, form);
	assert(sign_equal(made, again));
	sign_check(url, token, made, form);
	i = (size_t)sign_check(made, token, url, form);
	if (strpbrk(token, " ,\t\n") == NULL && *token != '\0' &&
	    is_plain_url(url)) {
		assert(i == 1);
		several = need(strlen(token) + 8);
		memcpy(several, "x, ", 3);
		memcpy(several + 3, token, strlen(token) + 1);
		strcpy(several + 3 + strlen(token), " y");
		assert(sign_check(made, several, url, form));
		free(several);
		refused_with_one_bit_changed(made, token, url, form, n);
	}
	free(token);
	free(url);
	free(body);
	free(text);
	return 0;
}

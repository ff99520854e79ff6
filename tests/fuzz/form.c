/*
 * form: any bytes as a body.  What was parsed, encoded and parsed again is
 * the same; so is any text that was a value.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"

const char progname[] = "form";

enum { TEXT_MAX = 1 << 20 };

/* A copy with one writable byte behind it and not one more. */
static char *
copy(const void *data, size_t len)
{
	char *s = need(len + 1);

	if (len > 0)
		memcpy(s, data, len);
	s[len] = '\0';
	return s;
}

static void
encode(struct buf *to, const struct form *f)
{
	size_t i;

	buf_reset(to);
	for (i = 0; i < f->n; i++)
		assert(form_add(to, f->pair[i].name, f->pair[i].value) == 0);
	assert(strspn(to->s, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%&=") == to->len);
}

static void
same(const struct form *a, const struct form *b)
{
	size_t i;

	assert(a->n == b->n);
	for (i = 0; i < a->n; i++)
		assert(strcmp(a->pair[i].name, b->pair[i].name) == 0 &&
			strcmp(a->pair[i].value, b->pair[i].value) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf text = BUF_INIT(TEXT_MAX), again = BUF_INIT(TEXT_MAX);
	static struct form first, second;
	const char *why = NULL;
	char *body = copy(data, size), *other;
	size_t i, j;

	if (form_parse(&first, body, size, &why) == 0) {
		assert(first.n <= FORM_MAX);
		encode(&text, &first);
		other = copy(text.s, text.len);
		assert(form_parse(&second, other, text.len, &why) == 0);
		same(&first, &second);
		encode(&again, &second);
		assert(strcmp(text.s, again.s) == 0);
		for (i = 0; i < first.n; i++) {
			for (j = 0; strcmp(first.pair[j].name,
			    first.pair[i].name) != 0; j++)
				;
			assert(form_get(&first, first.pair[i].name) ==
				first.pair[j].value);
		}
		free(other);
	} else {
		assert(why != NULL);
	}
	free(body);

	body = copy(data, size);
	buf_reset(&text);
	assert(form_add(&text, "a", body) == 0 &&
		form_add(&text, body, "b") == 0);
	other = copy(text.s, text.len);
	assert(form_parse(&second, other, text.len, &why) == 0);
	assert(second.n == 2 && strcmp(second.pair[0].value, body) == 0 &&
		strcmp(second.pair[1].name, body) == 0);
	free(other);
	free(body);
	return 0;
}

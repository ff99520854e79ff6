#include <string.h>

#include "form.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes len bytes in place and ends them; -1 if a NUL comes out. */
static int
decode(char *s, size_t len)
{
	const char *from = s, *end = s + len;
	char *to = s;

	for (; from < end; from++) {
		if (*from == '+') {
			*to = ' ';
		} else if (*from == '%' && end - from > 2 &&
		    hex(from[1]) >= 0 && hex(from[2]) >= 0) {
			*to = (char)(hex(from[1]) << 4 | hex(from[2]));
			from += 2;
		} else {
			*to = *from;
		}
		if (*to++ == '\0')
			return -1;
	}
	*to = '\0';
	return 0;
}

int
form_parse(struct form *f, char *body, size_t len, const char **why)
{
	char *end = body + len, *next, *eq;

	f->n = 0;
	for (; body < end; body = next) {
		if ((next = memchr(body, '&', (size_t)(end - body))) == NULL)
			next = end;
		len = (size_t)(next - body);
		if (next < end)
			next++;
		if (len == 0)
			continue;
		if (f->n == FORM_MAX) {
			*why = "too many parameters";
			return -1;
		}
		f->pair[f->n].name = body;
		f->pair[f->n].value = "";
		if ((eq = memchr(body, '=', len)) != NULL) {
			f->pair[f->n].value = eq + 1;
			if (decode(eq + 1, len - (size_t)(eq + 1 - body)) != 0)
				goto nul;
			len = (size_t)(eq - body);
		}
		if (decode(body, len) != 0)
			goto nul;
		f->n++;
	}
	return 0;
nul:
	*why = "NUL in a parameter";
	return -1;
}

const char *
form_get(const struct form *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->pair[i].name, name) == 0)
			return f->pair[i].value;
	return NULL;
}

int
form_encode(struct buf *b, const char *s)
{
	static const char digit[] = "0123456789ABCDEF";
	char esc[3] = "%";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._~", c) != NULL) {
			if (buf_addc(b, *s) != 0)
				return -1;
			continue;
		}
		esc[1] = digit[c >> 4];
		esc[2] = digit[c & 15];
		if (buf_add(b, esc, 3) != 0)
			return -1;
	}
	return 0;
}

int
form_add(struct buf *b, const char *name, const char *value)
{
	if ((b->len > 0 && buf_addc(b, '&') != 0) || form_encode(b, name) != 0 ||
	    buf_addc(b, '=') != 0)
		return -1;
	return form_encode(b, value);
}

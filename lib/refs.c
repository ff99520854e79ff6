#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "refs.h"
#include "sign.h"

enum {
	BYTES = 16,          /* of chance in a ref */
	HASH_DIGITS = 24,    /* hexadecimal, of a series' ref */
	TEXT_MAX = 262144    /* bytes of what is hashed */
};

/* What a message is known by, and how often it has come up. */
struct refs_seen {
	char hash[HASH_DIGITS];
	unsigned times;      /* 0: the place is free */
};

void
refs_random(char out[REFS_SIZE])
{
	static int fd = -1;
	unsigned char bytes[BYTES];
	int i;

	if (fd < 0 && (fd = open("/dev/urandom", O_RDONLY)) < 0)
		die(NO_SYSTEM, "cannot open /dev/urandom:");
	if (read(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		die(NO_SYSTEM, "cannot read /dev/urandom:");
	for (i = 0; i < BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int
refs_is_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n > 0 && n <= REFS_NAME_MAX && name[n] == '\0';
}

/* The place of a hash in the table, or the free one where it belongs. */
static struct refs_seen *
place(const struct refs_series *s, const char *hash)
{
	unsigned long long h;
	char start[17];
	size_t i;

	memcpy(start, hash, 16);
	start[16] = '\0';
	h = strtoull(start, NULL, 16);
	for (i = (size_t)(h % s->size); s->seen[i].times > 0 &&
	    memcmp(s->seen[i].hash, hash, HASH_DIGITS) != 0; )
		i = (i + 1) % s->size;
	return &s->seen[i];
}

static void
grow(struct refs_series *s)
{
	struct refs_series old = *s;
	size_t i;

	s->size = old.size == 0 ? 1024 : old.size * 2;
	s->seen = need(s->size * sizeof(s->seen[0]));
	memset(s->seen, 0, s->size * sizeof(s->seen[0]));
	for (i = 0; i < old.size; i++)
		if (old.seen[i].times > 0)
			*place(s, old.seen[i].hash) = old.seen[i];
	free(old.seen);
}

void
refs_next(struct refs_series *s, char out[REFS_SIZE], const char *to,
	const char *body, const char *media_url)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	char hash[SIGN_HEX_SIZE];
	struct refs_seen *seen;
	int r;

	/* NULs keep the parts apart: none of them holds one */
	r = buf_add(&text, s->name, strlen(s->name) + 1);
	r |= buf_add(&text, to, strlen(to) + 1);
	if (body != NULL)
		r |= buf_addstr(&text, body);
	r |= buf_addc(&text, '\0');
	if (media_url != NULL)
		r |= buf_addstr(&text, media_url);
	if (r != 0)
		die(BUG, "message longer than %d bytes", TEXT_MAX);
	sign_sha256(hash, text.s, text.len);
	buf_release(&text);
	if (s->n * 2 >= s->size)
		grow(s);
	seen = place(s, hash);
	if (seen->times++ == 0) {
		memcpy(seen->hash, hash, HASH_DIGITS);
		s->n++;
	}
	snprintf(out, REFS_SIZE, "%s-%.*s-%u", s->name, HASH_DIGITS, hash,
		seen->times);
}

void
refs_release(struct refs_series *s)
{
	free(s->seen);
	s->seen = NULL;
	s->n = s->size = 0;
}

void
refs_try(char out[REFS_SIZE], const char *ref, int n)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "~%d", n);

	snprintf(out, REFS_SIZE, "%.*s%s", REFS_SIZE - 1 - len, ref, number);
}

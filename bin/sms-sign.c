/*
 * sms-sign - sign a status callback as Twilio does
 *
 * Reads the form body of a request on standard input and prints its
 * X-Twilio-Signature for the given URL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"
#include "form.h"
#include "sign.h"

enum { BODY_MAX = 65536 };  /* as much as sms-hook takes */

const char progname[] = "sms-sign";

static void
usage(FILE *fp)
{
	fputs("usage: sms-sign url\n", fp);
}

static void
read_body(struct buf *body)
{
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		if (buf_add(body, chunk, n) != 0)
			die(BAD_DATA, "body is longer than %d bytes", BODY_MAX);
	if (ferror(stdin))
		die(IO_FAILED, "cannot read standard input:");
	/* the newline that echo and editors add is no part of a form */
	if (body->len > 0 && body->s[body->len - 1] == '\n')
		body->len--;
}

int
main(int argc, char *argv[])
{
	struct buf body = BUF_INIT(BODY_MAX);
	struct form form;
	const char *why;
	char signature[SIGN_SIZE], *tokens;
	int c;

	while ((c = getopt(argc, argv, "Vh")) != -1)
		switch (c) {
		case 'V': puts("sms-sign " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		default: usage(stderr); return BAD_USAGE;
		}
	if (argc - optind != 1) {
		usage(stderr);
		return BAD_USAGE;
	}

	conf_load();
	if ((tokens = conf_secret("TWILIO_AUTH_TOKEN")) == NULL)
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
	tokens[strcspn(tokens, " ,\t\n")] = '\0';
	if (*tokens == '\0')
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN begins with a separator");

	read_body(&body);
	if (form_parse(&form, body.s, body.len, &why) != 0)
		die(BAD_DATA, "body: %s", why);
	sign(signature, tokens, argv[optind], &form);
	puts(signature);

	buf_release(&body);
	free(tokens);
	return finish_stdout(0);
}

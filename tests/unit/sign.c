/*
 * sign: every vector of tests/fixtures/signature-vectors.tsv (or of the file
 * named on the command line) of the classes core and docs, the ones to accept
 * and the ones to reject.  The other classes are what some SDK does and
 * Twilio does not send.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "sign.h"

const char progname[] = "sign";

enum { URL, BODY, TOKEN, SIGNATURE, NOTE, FIELDS };

/* A JSON body is vouched for by its hash in the query of the signed URL. */
static int
accepts_json(char *f[])
{
	char want[SIGN_HEX_SIZE];
	const char *has = strstr(f[URL], "bodySHA256=");

	sign_sha256(want, f[BODY], strlen(f[BODY]));
	return has != NULL && sign_equal(want, has + strlen("bodySHA256=")) &&
		sign_check(f[SIGNATURE], f[TOKEN], f[URL], NULL);
}

static int
accepts_form(char *f[])
{
	const char *why;
	struct form form;

	return form_parse(&form, f[BODY], strlen(f[BODY]), &why) == 0 &&
		sign_check(f[SIGNATURE], f[TOKEN], f[URL], &form);
}

/* Other tokens beside the right one change nothing (rotation). */
static int
rotates(void)
{
	static const char url[] = "https://example.com/x";
	char made[SIGN_SIZE];

	sign(made, "second", url, NULL);
	return sign_check(made, "second", url, NULL) &&
		sign_check(made, "first second", url, NULL) &&
		sign_check(made, " first,\tsecond, third ", url, NULL) &&
		!sign_check(made, "first secon", url, NULL) &&
		!sign_check(made, "", url, NULL) &&
		!sign_check(made, " , ", url, NULL) &&
		!sign_check("", "second", url, NULL);
}

int
main(int argc, char *argv[])
{
	char *line = NULL, *f[FIELDS], *s;
	const char *vectors = "tests/fixtures/signature-vectors.tsv";
	size_t size = 0, tried = 0, failed = 0, number = 0;
	FILE *fp;
	int n, want, got;

	if (argc > 1)
		vectors = argv[1];
	if ((fp = fopen(vectors, "r")) == NULL) {
		perror(vectors);
		return 1;
	}
	while (getline(&line, &size, fp) > 0) {
		number++;
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (n = 0, s = line; n < FIELDS && s != NULL; n++) {
			f[n] = s;
			if ((s = strchr(s, '\t')) != NULL)
				*s++ = '\0';
		}
		if (n != FIELDS) {
			fprintf(stderr, "line %zu has %d fields\n", number, n);
			failed++;
			continue;
		}
		if (strstr(f[NOTE], "; core;") == NULL &&
		    strstr(f[NOTE], "; docs;") == NULL)
			continue;
		tried++;
		want = strncmp(f[NOTE], "accept;", 7) == 0;
		got = strstr(f[NOTE], "; json;") != NULL ? accepts_json(f) :
			accepts_form(f);
		if (got != want) {
			fprintf(stderr, "line %zu: %s\n", number, f[NOTE]);
			failed++;
		}
	}
	free(line);
	fclose(fp);
	if (tried < 50) {
		fprintf(stderr, "only %zu vectors in '%s'\n", tried, vectors);
		failed++;
	}
	if (!rotates()) {
		fprintf(stderr, "several tokens are not each tried\n");
		failed++;
	}
	return failed > 0;
}

/*
 * sms-json - turn records into JSON and back
 *
 * One object a line, as jq(1) reads and writes them with -c; its keys are the
 * names of the fields.  Nothing is lost on the way there and back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "buf.h"
#include "die.h"
#include "jsonl.h"
#include "mask.h"
#include "rec.h"

enum { JSON_LINE_MAX = 8 * REC_LINE_MAX };  /* bytes; an escape takes six */

const char progname[] = "sms-json";

/* The fields of the stream, in their order. */
struct names {
	char *text;
	char *name[REC_MAX];
	size_t n;  /* 0: not known yet */
};

static void
usage(FILE *fp)
{
	fputs("usage: sms-json [-Hr] [-n name,...]\n", fp);
}

/* Takes the names of a list; -1 if one is empty or they are too many. */
static int
take_names(struct names *names, const char *list, char separator)
{
	char *p;

	free(names->text);
	names->text = p = need_str(list);
	for (names->n = 0; names->n < REC_MAX && *p != '\0' &&
	    *p != separator; p++) {
		names->name[names->n++] = p;
		if ((p = strchr(p, separator)) == NULL)
			return 0;
		*p = '\0';
	}
	names->n = 0;
	return -1;
}

static size_t
find(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n && strcmp(names->name[i], name) != 0; i++)
		;
	return i;
}

/*
 * The names for a stream of objects of which the first has these keys: those
 * of the first kind of record that has them all, since jq may have put them in
 * any order; else the keys themselves.
 */
static int
guess_names(struct names *names, const char *keys)
{
	const char *const kind[] = {
		rec_status_names, rec_outcome_names, rec_send_names
	};
	struct names had = { NULL, { NULL }, 0 };
	size_t i, k;
	int r = take_names(&had, keys, '\t');

	for (k = 0; r == 0 && k < sizeof(kind) / sizeof(kind[0]); k++) {
		take_names(names, kind[k], '\t');
		for (i = 0; i < had.n &&
		    find(names, had.name[i]) < names->n; i++)
			;
		if (i == had.n)
			break;
		names->n = 0;
	}
	if (r == 0 && names->n == 0)
		take_names(names, keys, '\t');
	free(had.text);
	return r;
}

static size_t
count_fields(const char *line)
{
	size_t n = 1;

	while ((line = strchr(line, '\t')) != NULL) {
		line++;
		n++;
	}
	return n;
}

/* Bodies are not for a person who looks at records. */
static void
hide_body(const struct names *names, char *f[])
{
	static char hidden[] = "…";
	size_t body = find(names, "body");

	if (rec_read_by_person() && body < names->n && f[body] != NULL)
		f[body] = hidden;
}

/* One line of records; returns why it cannot be turned, or NULL. */
static const char *
to_json(struct names *names, char *line, size_t len)
{
	struct rec_reader in = REC_LINES(line, len);
	size_t fields, i;
	struct rec rec;
	int got;

	if (names->n == 0) {
		if (line[0] == '#' && line[len - 1] == '\n') {
			line[len - 1] = '\0';
			return line[1] == ' ' || line[1] == '\0' ||
			    take_names(names, line + 1, '\t') == 0 ? NULL :
				"has too many names, or an empty one";
		}
		if (line[0] == '\n')
			return NULL;
		take_names(names, rec_status_names, '\t');
	}
	fields = count_fields(line);
	if ((got = rec_read(&in, &rec)) <= 0)
		return got < 0 ? in.why : NULL;
	if (fields > names->n)
		return "has more fields than there are names";
	hide_body(names, rec.f);
	for (i = 0; i < names->n && rec_read_by_person(); i++)
		if (rec.f[i] != NULL)
			mask(rec.f[i]);
	jsonl_write(stdout, names->name, rec.f, names->n);
	return NULL;
}

static void
write_header(const struct names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		printf("%c%s", i == 0 ? '#' : '\t', names->name[i]);
	putchar('\n');
}

/* Learns the names from an object; returns why they are none, or NULL. */
static const char *
learn_names(struct jsonl *j, struct names *names, const char *line,
	size_t len)
{
	struct buf keys = BUF_INIT(REC_LINE_MAX);
	const char *name, *value, *why;
	int got, bad = 0;

	for (jsonl_begin(j, line, len); (got = jsonl_next(j, &name, &value,
	    &why)) > 0; )
		if (strpbrk(name, "\t\n\r") != NULL || buf_addf(&keys, "%s%s",
		    keys.len > 0 ? "\t" : "", name) != 0)
			bad = 1;
	if (got == 0 && (bad || keys.len == 0 ||
	    guess_names(names, keys.s) != 0))
		why = "has no fields, too many, or one without a name";
	buf_release(&keys);
	return why;
}

/* One line of JSON; the same. */
static const char *
to_record(struct jsonl *j, const struct names *names, char *line, size_t len)
{
	struct buf text = BUF_INIT(REC_LINE_MAX);
	size_t at[REC_MAX] = { 0 }, i, room = 2 * names->n;
	const char *name, *value, *why;
	char *f[REC_MAX];

	/* a field without text begins at the NUL in front */
	buf_addc(&text, '\0');
	for (jsonl_begin(j, line, len); jsonl_next(j, &name, &value, &why) > 0;
	    ) {
		if ((i = find(names, name)) == names->n) {
			why = "has a field that the records have not";
			break;
		}
		at[i] = value == NULL ? 0 : text.len;
		for (; value != NULL && *value != '\0'; value++) {
			room += 1 + (strchr("\t\n\r\\", *value) != NULL);
			buf_addc(&text, *value);
		}
		if (buf_addc(&text, '\0') != 0 || room >= REC_LINE_MAX) {
			why = "is too long for a record";
			break;
		}
	}
	for (i = 0; i < names->n; i++)
		f[i] = text.s + at[i];
	hide_body(names, f);
	if (why == NULL)
		rec_show(stdout, f, names->n);
	buf_release(&text);
	return why;
}

int
main(int argc, char *argv[])
{
	struct names names = { NULL, { NULL }, 0 };
	const char *list = NULL, *why;
	int c, header = 0, back = 0, status = 0;
	struct jsonl *j = NULL;
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;

	while ((c = getopt(argc, argv, "HVhn:r")) != -1)
		switch (c) {
		case 'H': header = 1; break;
		case 'V': puts("sms-json " VERSION); return finish_stdout(0);
		case 'h': usage(stdout); return finish_stdout(0);
		case 'n': list = optarg; break;
		case 'r': back = 1; break;
		default: usage(stderr); return BAD_USAGE;
		}
	if (optind < argc || (header && !back)) {
		usage(stderr);
		return BAD_USAGE;
	}
	if (list != NULL && take_names(&names, list, ',') != 0)
		die(BAD_USAGE, "-n takes up to %d names between commas",
			REC_MAX);
	if (back)
		j = jsonl_open();
	if (header && names.n > 0)
		write_header(&names);

	while ((len = getline(&line, &size, stdin)) >= 0) {
		number++;
		why = len > JSON_LINE_MAX ? "is too long for a record" : NULL;
		if (why == NULL && !back) {
			why = to_json(&names, line, (size_t)len);
		} else if (why == NULL && line[0] != '\n') {
			if (names.n == 0 && (why = learn_names(j, &names, line,
			    (size_t)len)) == NULL && header)
				write_header(&names);
			if (why == NULL)
				why = to_record(j, &names, line, (size_t)len);
		}
		if (why != NULL) {
			warn("line %zu %s", number, why);
			status = BAD_DATA;
		}
		check_stdout();
	}
	if (ferror(stdin))
		die(IO_FAILED, "cannot read standard input:");

	jsonl_close(j);
	free(names.text);
	free(line);
	return finish_stdout(status);
}

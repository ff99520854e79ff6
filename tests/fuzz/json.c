/*
 * json: any bytes as an answer of Twilio's API or as events.  What comes out
 * is text as a record may hold it, of the shape that its field has; a message
 * reads the same alone and on a page, and so does whatever a page holds.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "num.h"
#include "utf8.h"
#include "when.h"

const char progname[] = "json";

enum {
	DEPTH = 900,   /* SQLite reads arrays within arrays to 1000 */
	TEXT_MAX = 1 << 20
};

static struct json *j;

static void
is_text(const char *s)
{
	assert(s == NULL || (*s != '\0' && utf8_valid(s, strlen(s))));
}

static void
is_time(const char *s)
{
	char out[WHEN_SIZE];
	long long t;

	assert(s == NULL || (when_parse(s, &t) == 0 &&
		strcmp(when_format(out, t), s) == 0));
}

static void
is_number(const char *s)
{
	long long n;

	assert(s == NULL || num_parse(s, 1, 999999999, &n) == 0);
}

static void
is_record(const struct rec *rec, const char *source)
{
	const char *s;
	size_t i;

	for (i = 0; i < REC_MAX; i++)
		is_text(rec->f[i]);
	assert(rec->f[SID] != NULL && rec_is_sid(rec->f[SID]));
	assert(rec->f[STATUS] != NULL);
	for (s = rec->f[STATUS]; *s != '\0'; s++)
		assert(*s < 'A' || *s > 'Z');
	assert(strcmp(rec->f[SOURCE], source) == 0);
	is_number(rec->f[ERROR_CODE]);
	is_number(rec->f[SEGMENTS]);
	is_time(rec->f[AT]);
	is_time(rec->f[CREATED_AT]);
}

/* A record as one text; fields are not empty, so those not known are. */
static void
tell(struct buf *to, const struct rec *rec)
{
	size_t i;

	for (i = 0; i < REC_MAX; i++)
		if (i != SOURCE)
			buf_add(to, rec->f[i] != NULL ? rec->f[i] : "",
				rec->f[i] != NULL ? strlen(rec->f[i]) + 1 : 1);
	assert(buf_addc(to, '\n') == 0);
}

static int
each(void *ctx, const struct rec *rec, const char *body)
{
	is_record(rec, "list");
	is_text(body);
	tell(ctx, rec);
	return 0;
}

/* A copy of the exact size, so that a sanitizer sees each step too far. */
static char *
copy(const void *data, size_t len)
{
	char *s = need(len);

	if (len > 0)
		memcpy(s, data, len);
	return s;
}

/* The text as the one message of a page says what it says alone. */
static void
is_same_on_a_page(const char *text, size_t size, const struct buf *alone)
{
	static struct buf page = BUF_INIT(TEXT_MAX), told = BUF_INIT(TEXT_MAX);
	const char *next;
	size_t i, depth = 0;

	for (i = 0; i < size; i++)
		depth += text[i] == '{' || text[i] == '[';
	if (depth > DEPTH)
		return;
	buf_reset(&page);
	buf_reset(&told);
	buf_addstr(&page, "{\"messages\":[");
	buf_add(&page, text, size);
	assert(buf_addstr(&page, "],\"next_page_uri\":\"/2\"}") == 0);
	assert(json_page(j, page.s, page.len, each, &told, &next) == 0);
	assert(strcmp(next, "/2") == 0);
	assert(told.len == alone->len &&
		memcmp(told.s, alone->s, told.len) == 0);
}

static int
each_event(void *ctx, const struct json_event *e)
{
	const char *const known[] = {
		e->id, e->type, e->sid, e->status, e->to, e->from, e->service,
		e->callback, e->body, e->opt_out_type
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_text(known[i]);
	assert(e->text[0] == '{' && utf8_valid(e->text, strlen(e->text)));
	is_number(e->error_code);
	is_number(e->segments);
	is_time(e->at);
	++*(size_t *)ctx;
	return 0;
}

/* The text as the one event of an array says what it says alone. */
static void
is_same_in_an_array(const char *text, size_t size)
{
	static struct buf array = BUF_INIT(TEXT_MAX);
	size_t i, depth = 0, n = 0;

	for (i = 0; i < size && (text[i] == ' ' || text[i] == '\n' ||
	    text[i] == '\t' || text[i] == '\r'); i++)
		;
	if (i == size || text[i] != '{')
		return;
	for (i = 0; i < size; i++)
		depth += text[i] == '{' || text[i] == '[';
	if (depth > DEPTH)
		return;
	buf_reset(&array);
	buf_addstr(&array, "[");
	buf_add(&array, text, size);
	assert(buf_addstr(&array, "]") == 0);
	assert(json_events(j, array.s, array.len, each_event, &n) == 0);
	assert(n == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf told = BUF_INIT(TEXT_MAX);
	char *text = copy(data, size), *code, *message;
	const char *next;
	struct rec rec;
	size_t n = 0;

	if (j == NULL)
		j = json_open();
	buf_reset(&told);
	if (json_message(j, text, size, "fetch", &rec) == 0) {
		is_record(&rec, "fetch");
		tell(&told, &rec);
		is_same_on_a_page(text, size, &told);
	}
	if (json_error(j, text, size, &code, &message) == 0) {
		is_number(code);
		is_text(message);
	} else {
		assert(code == NULL && message == NULL);
	}
	buf_reset(&told);
	if (json_page(j, text, size, each, &told, &next) == 0)
		is_text(next);
	if (json_events(j, text, size, each_event, &n) == 0)
		is_same_in_an_array(text, size);
	free(text);
	return 0;
}

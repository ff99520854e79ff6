/*
 * json: what Twilio answers and what nobody should.  Ends with 0, or names
 * each line that does not hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holds.h"
#include "json.h"

const char progname[] = "json";

#define SM "SM0123456789abcdef0123456789abcdef"
#define MM "MM0123456789ABCDEF0123456789abcdef"

static struct json *j;

static int
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Reads from memory of the exact size, so that a sanitizer sees each step. */
static int
message(const char *text, struct rec *r)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int got;

	memcpy(copy, text, len);
	got = json_message(j, copy, len, "fetch", r);
	free(copy);
	return got;
}

static void
whole_message(void)
{
	struct rec r;

	HOLDS(message("{\"account_sid\": \"AC1\", \"api_version\": \"2010-04-01\","
		"\"body\": \"a\\tb\", \"date_created\": "
		"\"Thu, 24 Aug 2023 05:01:45 +0000\", \"date_sent\": "
		"\"Thu, 24 Aug 2023 05:01:46 +0000\", \"date_updated\": "
		"\"Thu, 24 Aug 2023 05:01:47 +0000\", \"direction\": "
		"\"outbound-api\", \"error_code\": 30007, \"error_message\": "
		"\"Message\\nfiltered \\u00e9\", \"from\": \"+15017122661\", "
		"\"messaging_service_sid\": \"MG1\", \"num_media\": \"0\", "
		"\"num_segments\": \"2\", \"price\": \"-0.00750\", "
		"\"price_unit\": \"usd\", \"sid\": \"" SM "\", "
		"\"status\": \"Undelivered\", \"subresource_uris\": "
		"{\"media\": \"/x\", \"sid\": \"y\"}, \"tags\": [1, {\"to\": 2}], "
		"\"to\": \"+15558675310\", \"uri\": \"/u\"}", &r) == 0);
	HOLDS(same(r.f[SID], SM));
	HOLDS(same(r.f[STATUS], "undelivered"));
	HOLDS(same(r.f[ERROR_CODE], "30007"));
	HOLDS(same(r.f[AT], "2023-08-24T05:01:47Z"));
	HOLDS(same(r.f[SOURCE], "fetch"));
	HOLDS(same(r.f[TO], "+15558675310"));
	HOLDS(same(r.f[FROM], "+15017122661"));
	HOLDS(same(r.f[DIRECTION], "outbound-api"));
	HOLDS(same(r.f[SEGMENTS], "2"));
	HOLDS(same(r.f[PRICE], "-0.00750"));
	HOLDS(same(r.f[CURRENCY], "USD"));
	HOLDS(r.f[REF] == NULL);
	HOLDS(same(r.f[CREATED_AT], "2023-08-24T05:01:45Z"));
	HOLDS(same(r.f[ERROR_MESSAGE], "Message\nfiltered \xc3\xa9"));
}

static void
times(void)
{
	struct rec r;

	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"sent\",\"date_sent\":"
		"\"Thu, 24 Aug 2023 05:01:46 +0000\",\"date_updated\":"
		"\"Thu, 24 Aug 2023 05:01:47 +0000\"}", &r) == 0);
	HOLDS(same(r.f[AT], "2023-08-24T05:01:46Z"));
	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"sent\",\"date_sent\":"
		"null,\"date_updated\":\"Thu, 24 Aug 2023 05:01:47 +0000\"}",
		&r) == 0);
	HOLDS(same(r.f[AT], "2023-08-24T05:01:47Z"));
	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"sent\",\"date_sent\":"
		"\"yesterday\",\"date_updated\":1692853307,\"date_created\":"
		"\"Thu, 01 Jan 0000 00:00:00 +0100\"}", &r) == 0);
	HOLDS(r.f[AT] == NULL && r.f[CREATED_AT] == NULL);
	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"x\",\"date_updated\":"
		"\"Thu, \",\"date_created\":"
		"\"Fri, 31 Dec 9999 23:59:59 -0100\"}", &r) == 0);
	HOLDS(r.f[AT] == NULL && r.f[CREATED_AT] == NULL);
}

static void
odd_types(void)
{
	struct rec r;

	HOLDS(message("{\"sid\":\"" MM "\",\"status\":\"queued\",\"error_code\":"
		"\"30003\",\"num_segments\":3,\"price\":-0.5,\"to\":15550001,"
		"\"from\":null,\"messaging_service_sid\":\"MG1\"}", &r) == 0);
	HOLDS(same(r.f[ERROR_CODE], "30003"));
	HOLDS(same(r.f[SEGMENTS], "3"));
	HOLDS(same(r.f[PRICE], "-0.5"));
	HOLDS(same(r.f[TO], "15550001"));
	HOLDS(same(r.f[FROM], "MG1"));
	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"queued\",\"error_code\":"
		"{\"a\":1},\"num_segments\":\"0\",\"price\":true,\"to\":[],"
		"\"from\":{},\"direction\":\"\",\"price_unit\":null,"
		"\"error_message\":\"\\ud800\"}", &r) == 0);
	HOLDS(r.f[ERROR_CODE] == NULL && r.f[SEGMENTS] == NULL);
	HOLDS(r.f[PRICE] == NULL && r.f[TO] == NULL && r.f[FROM] == NULL);
	HOLDS(r.f[DIRECTION] == NULL && r.f[CURRENCY] == NULL);
	HOLDS(r.f[ERROR_MESSAGE] == NULL);
	HOLDS(message("{\"sid\":\"" SM "\",\"status\":\"queued\",\"error_code\":"
		"-1e400,\"num_segments\":\"1 or 2\",\"price\":\"free\"}",
		&r) == 0);
	HOLDS(r.f[ERROR_CODE] == NULL && r.f[SEGMENTS] == NULL &&
		r.f[PRICE] == NULL);
}

static void
no_message(void)
{
	static const char *const wrong[] = {
		"", " ", "{", "}", "{}", "[]", "null", "true", "0", "\"\"",
		"<html>502 Bad Gateway</html>", "{\"sid\":\"" SM "\"}",
		"{\"sid\":\"" SM "\",\"status\":null}",
		"{\"sid\":\"" SM "\",\"status\":\"\"}",
		"{\"sid\":\"" SM "\",\"status\":[\"sent\"]}",
		"{\"sid\":null,\"status\":\"sent\"}",
		"{\"sid\":\"SM1\",\"status\":\"sent\"}",
		"{\"sid\":\"" SM "x\",\"status\":\"sent\"}",
		"{\"sid\":\"" SM "\\u0000\",\"status\":\"\\u0000\"}",
		"[{\"sid\":\"" SM "\",\"status\":\"sent\"}]",
		"{\"sid\":\"" SM "\",\"status\":\"sent\"",
		"{\"sid\":\"" SM "\",\"status\":\"sent\"}}",
		"{\"sid\":\"" SM "\",\"status\":\"se",
		"{\"sid\":\"" SM "\",\"status\":\"sent\",\"to\":\"\xff\"}",
		"{\"sid\":\"" SM "\",\"status\":\"\\ud800\"}",
		"{\"sid\":\"" SM "\",\"status\":\"sent\",{\"a\":\"b\"} :1}",
		"{[\"a\"]:1,\"sid\":\"" SM "\",\"status\":\"sent\"}"
	};
	static const char nul[] = "{\"sid\":\"" SM "\",\"status\":\"sent\"}\0";
	struct rec r;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (message(wrong[i], &r) != -1)
			holds(0, __FILE__, __LINE__, wrong[i]);
	HOLDS(json_message(j, nul, sizeof(nul) - 2, "fetch", &r) == 0);
	HOLDS(json_message(j, nul, sizeof(nul) - 1, "fetch", &r) == -1);
}

/* Each prefix of a message, and each byte of it changed. */
static void
damaged(void)
{
	char text[] = "{\"sid\":\"" SM "\",\"status\":\"sent\",\"error_code\":1,"
		"\"price\":\"-0.1\",\"date_sent\":"
		"\"Thu, 24 Aug 2023 05:01:46 +0000\",\"to\":\"\\u20ac\"}";
	size_t i, len = sizeof(text) - 1;
	struct rec r;
	char was;
	int c;

	for (i = 0; i < len; i++)
		HOLDS(json_message(j, text, i, "fetch", &r) == -1);
	for (i = 0; i < len; i++) {
		was = text[i];
		for (c = 0; c < 256; c += 5) {
			text[i] = (char)c;
			json_message(j, text, len, "fetch", &r);
		}
		text[i] = was;
	}
	HOLDS(json_message(j, text, len, "fetch", &r) == 0);
	HOLDS(same(r.f[TO], "\xe2\x82\xac"));
}

static void
huge(void)
{
	size_t i, len = 8 * 1024 * 1024;
	char *s = malloc(len), *code, *words;
	struct rec r;
	const char *next;

	memset(s, '[', len);
	HOLDS(json_message(j, s, len, "fetch", &r) == -1);
	HOLDS(json_error(j, s, len, &code, &words) == -1);
	HOLDS(json_page(j, s, len, NULL, NULL, &next) == -1);
	for (i = 0; i + 5 < len; i += 5)
		memcpy(s + i, "{\"a\":", 5);
	HOLDS(json_message(j, s, len, "fetch", &r) == -1);
	memset(s, ' ', len);
	memcpy(s, "{\"message\":\"", 12);
	memset(s + 12, 'x', len - 14);
	memcpy(s + len - 2, "\"}", 2);
	HOLDS(json_message(j, s, len, "fetch", &r) == -1);
	HOLDS(json_error(j, s, len, &code, &words) == 0);
	HOLDS(code == NULL && words != NULL && strlen(words) == len - 14);
	free(s);
}

static void
errors(void)
{
	static const char text[] = "{\"code\": 21211, \"message\": \"Invalid "
		"'To'\", \"more_info\": \"https://x\", \"status\": 400}";
	static const char newer[] = "{\"type\":\"x\",\"title\":\"Bad\","
		"\"status\":400,\"code\":\"20001\",\"detail\":null}";
	char *code, *words;

	HOLDS(json_error(j, text, strlen(text), &code, &words) == 0);
	HOLDS(same(code, "21211") && same(words, "Invalid 'To'"));
	HOLDS(json_error(j, newer, strlen(newer), &code, &words) == 0);
	HOLDS(same(code, "20001") && same(words, "Bad"));
	HOLDS(json_error(j, "{}", 2, &code, &words) == 0);
	HOLDS(code == NULL && words == NULL);
	HOLDS(json_error(j, "[]", 2, &code, &words) == -1);
	HOLDS(json_error(j, "<p>", 3, &code, &words) == -1);
	HOLDS(json_error(j, "", 0, &code, &words) == -1);
	HOLDS(json_error(j, "{\"code\":\"x\",\"message\":[]}", 25, &code,
		&words) == 0);
	HOLDS(code == NULL && words == NULL);
}

struct seen {
	char list[200];
	int stop;
};

static int
each(void *ctx, const struct rec *r, const char *body)
{
	struct seen *seen = ctx;

	HOLDS(same(r->f[SOURCE], "list"));
	HOLDS(same(body, same(r->f[STATUS], "sent") ? "h\xc3\xb6\n" : NULL));
	strcat(seen->list, r->f[STATUS]);
	strcat(seen->list, " ");
	return seen->stop;
}

static void
pages(void)
{
	static const char page[] = "{\"messages\":[{\"sid\":\"" SM "\","
		"\"status\":\"sent\",\"body\":\"h\\u00f6\\n\"},"
		"{\"status\":\"read\",\"sid\":\"" MM "\",\"body\":\"\"}],"
		"\"next_page_uri\":\"/2010-04-01/x?Page=1\\u0026PageSize=2\"}";
	static const char last[] = "{\"messages\":[],\"next_page_uri\":null}";
	static const char *const wrong[] = {
		"", "{}", "[]", "{\"messages\":null}", "{\"messages\":{}}",
		"{\"messages\":[1]}", "{\"messages\":[{}]}",
		"{\"a\":1,{\"b\":\"c\"}:\"d\",\"messages\":[]}",
		"{\"messages\":[{\"sid\":\"" SM "\",\"status\":\"sent\"}"
	};
	struct seen seen = { "", 0 };
	const char *next;
	size_t i;

	HOLDS(json_page(j, page, strlen(page), each, &seen, &next) == 0);
	HOLDS(same(seen.list, "sent read "));
	HOLDS(same(next, "/2010-04-01/x?Page=1&PageSize=2"));
	seen.stop = 7;
	HOLDS(json_page(j, page, strlen(page), each, &seen, &next) == 7);
	HOLDS(json_page(j, last, strlen(last), each, &seen, &next) == 0);
	HOLDS(next == NULL);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (json_page(j, wrong[i], strlen(wrong[i]), each, &seen,
		    &next) != -1)
			holds(0, __FILE__, __LINE__, wrong[i]);
}

static int
each_event(void *ctx, const struct json_event *e)
{
	struct seen *seen = ctx;

	strcat(seen->list, e->id != NULL ? e->id : "-");
	strcat(seen->list, " ");
	if (same(e->id, "EZ1")) {
		HOLDS(same(e->type, "a.b") && same(e->sid, SM));
		HOLDS(same(e->at, "2026-02-03T04:05:06Z"));
		HOLDS(same(e->status, "sent") && same(e->error_code, "30003"));
		HOLDS(same(e->segments, "2") && same(e->to, "+1"));
		HOLDS(e->from == NULL && same(e->body, "h\xc3\xb6\n"));
		HOLDS(e->text[0] == '{');
	}
	return seen->stop;
}

static void
events(void)
{
	static const char one[] = "{\"id\":\"EZ1\",\"type\":\"a.b\","
		"\"time\":\"2020-01-01T00:00:00Z\",\"data\":{\"messageSid\":\""
		SM "\",\"timestamp\":\"2026-02-03T05:05:06.999+01:00\","
		"\"messageStatus\":\"SENT\",\"errorCode\":30003,\"to\":\"+1\","
		"\"numberOfSegments\":2,\"from\":{\"id\":\"EZ9\"},"
		"\"body\":\"h\\u00f6\\n\"}}";
	static const char *const wrong[] = {
		"", "1", "null", "\"a\"", "[1]", "[[]]", "[{}", "{}{}", "[{},null]",
		"{\"a\":1,{\"b\":\"c\"}:\"d\"}"
	};
	struct seen seen = { "", 0 };
	char many[2000];
	size_t i;

	snprintf(many, sizeof(many), " [{\"id\":null},%s,{\"id\":\"x\","
		"\"data\":[1]},%s] ", one, one);
	HOLDS(json_events(j, one, strlen(one), each_event, &seen) == 0);
	HOLDS(json_events(j, many, strlen(many), each_event, &seen) == 0);
	HOLDS(json_events(j, "[]", 2, each_event, &seen) == 0);
	HOLDS(same(seen.list, "EZ1 - EZ1 x EZ1 "));
	seen.stop = 7;
	HOLDS(json_events(j, many, strlen(many), each_event, &seen) == 7);
	seen.stop = 0;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (json_events(j, wrong[i], strlen(wrong[i]), each_event,
		    &seen) != -1)
			holds(0, __FILE__, __LINE__, wrong[i]);
}

int
main(void)
{
	j = json_open();
	whole_message();
	times();
	odd_types();
	no_message();
	damaged();
	huge();
	errors();
	pages();
	events();
	json_close(j);
	return failed;
}

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "callback.h"
#include "inbound.h"
#include "intake.h"
#include "num.h"
#include "utf8.h"

enum { MEDIA_MAX = 10, SEGMENTS_MAX = 999999 };

int
inbound_is(const struct rec *rec, const struct form *form)
{
	return rec->f[STATUS] != NULL &&
		strcasecmp(rec->f[STATUS], "received") == 0 &&
		(form_get(form, "Body") != NULL ||
		form_get(form, "NumMedia") != NULL);
}

const char *
inbound_keyword(const char *type, const char *text)
{
	static const struct {
		const char *word, *keyword;
	} known[] = {
		{ "STOP", "stop" }, { "STOPALL", "stop" },
		{ "UNSUBSCRIBE", "stop" }, { "CANCEL", "stop" },
		{ "END", "stop" }, { "QUIT", "stop" }, { "REVOKE", "stop" },
		{ "OPTOUT", "stop" }, { "START", "start" }, { "YES", "start" },
		{ "UNSTOP", "start" }
	};
	static const char blank[] = " \t\r\n\f\v";
	size_t len, i;

	if (type != NULL && strcasecmp(type, "STOP") == 0)
		return "stop";
	if (type != NULL && strcasecmp(type, "START") == 0)
		return "start";
	if (text == NULL || (type != NULL && strcasecmp(type, "HELP") == 0))
		return NULL;
	text += strspn(text, blank);
	len = strlen(text);
	while (len > 0 && strchr(blank, text[len - 1]) != NULL)
		len--;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].word) == len &&
		    strncasecmp(known[i].word, text, len) == 0)
			return known[i].keyword;
	return NULL;
}

void
inbound_finish(struct rec *rec, const char *type)
{
	rec->f[STATUS] = "received";
	rec->f[DIRECTION] = "inbound";
	rec->f[CREATED_AT] = rec->f[AT];
	rec->f[LINE_KEYWORD] = (char *)inbound_keyword(type,
		rec->f[LINE_BODY]);
}

void
inbound_fill(struct rec *rec, const struct form *form, struct buf *urls)
{
	const char *body = form_get(form, "Body"), *url;
	char name[16];
	long long n;
	int i;

	rec->f[SOURCE] = "reply";
	rec->f[REF] = NULL;
	/* however long it is, unlike what is only a name */
	if (body != NULL && utf8_valid(body, strlen(body)))
		rec->f[LINE_BODY] = (char *)body;
	for (i = 0; i < MEDIA_MAX; i++) {
		snprintf(name, sizeof(name), "MediaUrl%d", i);
		if ((url = callback_value(form, name, NULL)) == NULL)
			continue;
		if (urls->len > 0)
			buf_addc(urls, ' ');
		buf_addstr(urls, url);
	}
	rec->f[LINE_MEDIA_URL] = urls->s;
	rec->f[SEGMENTS] = callback_value(form, "NumSegments", NULL);
	if (rec->f[SEGMENTS] != NULL &&
	    num_parse(rec->f[SEGMENTS], 1, SEGMENTS_MAX, &n) != 0)
		rec->f[SEGMENTS] = NULL;
	rec->f[LINE_SERVICE] = callback_value(form, "MessagingServiceSid",
		NULL);
	inbound_finish(rec, callback_value(form, "OptOutType", NULL));
}

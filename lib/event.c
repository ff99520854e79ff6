#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "callback.h"
#include "event.h"
#include "inbound.h"
#include "intake.h"
#include "when.h"

struct reading {
	const char *url;
	long long now;
	int (*each)(void *ctx, const struct rec *rec);
	void *ctx;
	size_t n;  /* events */
};

static const char of_message[] = "com.twilio.messaging.message.";
static const char received[] = "com.twilio.messaging.inbound-message.received";

/* A field of a record; what is too long to be one is left out. */
static char *
field(const char *s)
{
	return s != NULL && strlen(s) <= CALLBACK_TEXT_MAX ? (char *)s : NULL;
}

static int
check(void *ctx, const struct json_event *e)
{
	struct reading *r = ctx;

	r->n++;
	return e->id == NULL || e->type == NULL ||
		strlen(e->id) > EVENT_ID_MAX;
}

/* The ref in the URL for callbacks of a message, if that is ours. */
static char *
ref_of(const struct reading *r, char *called)
{
	size_t len = strcspn(r->url, "?#");

	if (called == NULL || strncmp(called, r->url, len) != 0 ||
	    called[len] != '?')
		return NULL;
	called[strcspn(called, "#")] = '\0';
	return callback_ref(called + len + 1);
}

static int
take(void *ctx, const struct json_event *e)
{
	struct reading *r = ctx;
	struct rec rec = { { NULL } };
	char at[WHEN_SIZE], *called = NULL;
	const char *status = e->status;
	long long t;
	int got;

	rec.f[SOURCE] = "event";
	rec.f[LINE_PARAMS] = (char *)e->text;
	rec.f[LINE_EVENT_ID] = (char *)e->id;
	if (e->at == NULL || when_parse(e->at, &t) != 0 || t > r->now)
		t = r->now;
	rec.f[AT] = when_format(at, t);
	if (e->sid != NULL && rec_is_sid(e->sid))
		rec.f[SID] = (char *)e->sid;
	rec.f[TO] = field(e->to);
	rec.f[FROM] = field(e->from);
	rec.f[SEGMENTS] = (char *)e->segments;
	if (strcmp(e->type, received) == 0 && rec.f[SID] != NULL) {
		rec.f[LINE_BODY] = (char *)e->body;
		rec.f[LINE_SERVICE] = field(e->service);
		inbound_finish(&rec, e->opt_out_type);
	} else if (strncmp(e->type, of_message, sizeof(of_message) - 1) == 0 &&
	    rec.f[SID] != NULL) {
		if (status == NULL)
			status = e->type + sizeof(of_message) - 1;
		if (callback_is_status(status))
			rec.f[STATUS] = (char *)status;
		rec.f[ERROR_CODE] = (char *)e->error_code;
		if (e->callback != NULL)
			called = need_str(e->callback);
		rec.f[REF] = ref_of(r, called);
	}
	got = r->each(r->ctx, &rec);
	free(called);
	return got;
}

const char *
event_read(struct json *j, const char *body, size_t len, const char *url,
	long long now, int (*each)(void *ctx, const struct rec *rec),
	void *ctx)
{
	struct reading r = { url, now, each, ctx, 0 };
	int got;

	/* none is taken of a body that is not taken whole */
	if ((got = json_events(j, body, len, check, &r)) < 0)
		return "bad_json";
	if (got > 0)
		return "bad_event";
	if (r.n > EVENT_MAX)
		return "events_many";
	return json_events(j, body, len, take, &r) == 0 ? NULL : "";
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim-api.h"
#include "buf.h"
#include "sim-courier.h"
#include "form.h"
#include "sim-messages.h"
#include "num.h"
#include "sim-plan.h"
#include "rec.h"
#include "sim.h"
#include "when.h"

enum {
	TEXT_MAX = 262144,     /* bytes of a URL put together here */
	BODY_CHARACTERS = 1600,
	MEDIA_MAX = 10,
	VALIDITY_MAX = 36000,  /* seconds */
	PAGE_SIZE = 50, PAGE_SIZE_MAX = 1000
};

static const char json_type[] = "application/json; charset=utf-8";

/* How far ahead a scheduled message may lie, at least and at most. */
static const long long soonest_ms = 15 * 60 * 1000LL;
static const long long latest_ms = 35 * 86400 * 1000LL;

static const long long day_ms = 86400 * 1000LL;
static const long long end_of_time = 9000000000000000LL;

/* Twilio's magic numbers: what is said to whom sends to or from them. */
static const struct magic {
	const char *number;
	int code;
	const char *message;
} magic_to[] = {
	{ "+15005550001", 21211, "is not a valid phone number" },
	{ "+15005550002", 21612, "cannot be reached from this sender" },
	{ "+15005550004", 21610, "has unsubscribed" },
	{ "+15005550007", 21612, "cannot be reached from this sender" },
	{ "+15005550009", 21614, "is not a valid mobile number" }
}, magic_from[] = {
	{ "+15005550001", 21212, "is not valid" },
	{ "+15005550007", 21606, "is not a sender of this account" },
	{ "+15005550008", 21611, "has a full queue" }
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
answer_resource(struct api *api, struct answer *a, const char *sid)
{
	a->status = 200;
	a->type = json_type;
	sim_resource(api->sim, sid, &a->body);
}

/* The value of a parameter that was given and is not empty, or NULL. */
static const char *
given(const struct form *f, const char *name)
{
	const char *v = form_get(f, name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* "whatsapp:+15005550006": a short word in lower case before the number. */
static const char *
behind_channel(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	return n > 0 && s[n] == ':' ? s + n + 1 : s;
}

static int
is_number(const char *s)
{
	size_t n;

	s = behind_channel(s);
	if (s[0] != '+' || s[1] < '1' || s[1] > '9')
		return 0;
	n = strspn(s + 1, "0123456789");
	return n >= 7 && n <= 15 && s[1 + n] == '\0';
}

/* A number, a short code, or a name of up to 11 characters with a letter. */
static int
is_sender(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t digits = strspn(s, "0123456789"), n = strlen(s);

	if (is_number(s) || (n == digits && n >= 3 && n <= 8))
		return 1;
	if (behind_channel(s) != s)
		return behind_channel(s)[0] != '\0';
	return n <= 11 && strpbrk(s, letters) != NULL && s[0] != '+';
}

static int
is_service(const char *s)
{
	return strncmp(s, "MG", 2) == 0 && strlen(s) == 34 &&
		strspn(s + 2, "0123456789abcdefABCDEF") == 32;
}

static size_t
characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Refuses what the table has for this number; 0 if it has nothing. */
static int
refuse_magic(struct api *api, struct answer *a, const struct magic *table,
	size_t n, const char *name, const char *number)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(table[i].number, number) == 0)
			return api_refuse(api, a, 400, table[i].code,
				"The '%s' number %s %s.", name, number,
				table[i].message);
	return 0;
}

/* The recipient and the sender; 0 if they are in order. */
static int
check_parties(struct api *api, struct answer *a, const struct sim_message *m)
{
	if (m->to == NULL)
		return api_refuse(api, a, 400, 21604,
			"A 'To' phone number is required.");
	if (!is_number(m->to))
		return api_refuse(api, a, 400, 21211,
			"The 'To' number %s is not a valid phone number.",
			m->to);
	if (refuse_magic(api, a, magic_to, LENGTH(magic_to), "To", m->to) != 0)
		return -1;
	if (m->from == NULL && m->service == NULL)
		return api_refuse(api, a, 400, 21603, "A 'From' or "
			"'MessagingServiceSid' parameter is required.");
	if (m->service != NULL && !is_service(m->service))
		return api_refuse(api, a, 400, 21701,
			"The Messaging Service %s does not exist.",
			m->service);
	if (m->from == NULL)
		return 0;
	if (!is_sender(m->from))
		return api_refuse(api, a, 400, 21212,
			"The 'From' number %s is not valid.", m->from);
	return refuse_magic(api, a, magic_from, LENGTH(magic_from), "From",
		m->from);
}

/* What is to be sent; 0 if that is in order.  Counts the media. */
static int
check_content(struct api *api, struct answer *a, const struct form *f,
	struct sim_message *m)
{
	const char *url;
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->pair[i].name, "MediaUrl") != 0)
			continue;
		url = f->pair[i].value;
		if (strncmp(url, "http://", 7) != 0 &&
		    strncmp(url, "https://", 8) != 0)
			return api_refuse(api, a, 400, 21620,
				"Invalid media URL: %s", url);
		m->media++;
	}
	if (m->media > MEDIA_MAX)
		return api_refuse(api, a, 400, 21623,
			"More than %d media files.", MEDIA_MAX);
	if (m->body == NULL && form_get(f, "Body") != NULL && m->media == 0)
		return api_refuse(api, a, 400, 21602,
			"Message body is required.");
	if (m->body == NULL && m->media == 0 && given(f, "ContentSid") == NULL)
		return api_refuse(api, a, 400, 21619,
			"A Message Body, Media URL or Content SID is "
			"required.");
	if (m->body == NULL)
		m->body = "";
	if (characters(m->body) > BODY_CHARACTERS)
		return api_refuse(api, a, 400, 21617, "The concatenated "
			"message body exceeds the %d character limit.",
			BODY_CHARACTERS);
	return 0;
}

/* How it is to be sent; 0 if that is in order. */
static int
check_manner(struct api *api, struct answer *a, const struct form *f,
	struct sim_message *m)
{
	const char *v;
	long long n;

	if (m->callback != NULL && !courier_takes(m->callback))
		return api_refuse(api, a, 400, 21609, "The StatusCallback URL "
			"%s is not valid: it must be an http or https URL, and "
			"this simulator posts to loopback addresses only.",
			m->callback);
	if ((v = given(f, "ValidityPeriod")) != NULL &&
	    num_parse(v, 1, VALIDITY_MAX, &n) != 0)
		return api_refuse(api, a, 400, 21624, "The ValidityPeriod %s "
			"is not from 1 to %d.", v, VALIDITY_MAX);
	if ((v = given(f, "SmartEncoded")) != NULL &&
	    strcmp(v, "true") != 0 && strcmp(v, "false") != 0)
		return api_refuse(api, a, 400, 20422,
			"SmartEncoded is neither true nor false.");
	if (given(f, "ScheduleType") == NULL && given(f, "SendAt") == NULL)
		return 0;
	if (m->service == NULL)
		return api_refuse(api, a, 400, 30124, "MessagingServiceSid is "
			"required to schedule a message.");
	if ((v = given(f, "ScheduleType")) == NULL || strcmp(v, "fixed") != 0)
		return api_refuse(api, a, 400, 20422,
			"ScheduleType is not 'fixed'.");
	if ((v = given(f, "SendAt")) == NULL || when_parse(v, &n) != 0)
		return api_refuse(api, a, 400, 20422, "SendAt is not a time.");
	m->send_ms = n * 1000;
	n = m->send_ms - sim_now(api->sim);
	if (n < soonest_ms || n > latest_ms)
		return api_refuse(api, a, 400, 20422, "SendAt is not between "
			"15 minutes and 35 days from now.");
	return 0;
}

void
messages_create(struct api *api, const struct form *f,
	const char key[PLAN_KEY_SIZE], struct answer *a)
{
	struct sim_message m = { 0 };

	m.account = api->account;
	m.to = given(f, "To");
	m.from = given(f, "From");
	m.service = given(f, "MessagingServiceSid");
	m.body = given(f, "Body");
	m.callback = given(f, "StatusCallback");
	if (check_parties(api, a, &m) != 0 ||
	    check_content(api, a, f, &m) != 0 ||
	    check_manner(api, a, f, &m) != 0)
		return;
	if (plan_hits(api->plan, key, REFUSE)) {
		api_refuse(api, a, 400, 21211, "The 'To' number %s is not a "
			"valid phone number.", m.to);
		return;
	}
	a->status = 201;
	a->type = json_type;
	a->callback = sim_create(api->sim, api->plan, key, &m, &a->body);
}

/* A day or a time; *ms and *length_ms are the span that it names. */
static int
parse_date(const char *s, long long *ms, long long *length_ms)
{
	char text[WHEN_SIZE];
	int day = strlen(s) == 10;

	if (snprintf(text, sizeof(text), "%s%s", s, day ? "T00:00:00Z" : "")
	    != WHEN_SIZE - 1 || when_parse(text, ms) != 0)
		return -1;
	*ms *= 1000;
	*length_ms = day ? day_ms : 1000;
	return 0;
}

/* The filters by date; 0 if they are in order. */
static int
read_dates(struct api *api, struct answer *a, const struct form *f,
	struct sim_page *p)
{
	static const char *const name[] = {
		"DateSent", "DateSent>", "DateSent<"
	};
	const char *v;
	long long ms, length_ms;
	size_t i;

	p->begin_ms = 0;
	p->end_ms = end_of_time;
	for (i = 0; i < LENGTH(name); i++) {
		if ((v = given(f, name[i])) == NULL)
			continue;
		if (parse_date(v, &ms, &length_ms) != 0)
			return api_refuse(api, a, 400, 20422,
				"%s '%s' is not a date.", name[i], v);
		p->dated = 1;
		if (i != 2 && p->begin_ms < ms)
			p->begin_ms = ms;
		if (i != 1 && p->end_ms > ms + length_ms)
			p->end_ms = ms + length_ms;
	}
	return 0;
}

/* Where the page begins and how long it is; 0 if that is in order. */
static int
read_place(struct api *api, struct answer *a, const struct form *f,
	struct sim_page *p)
{
	const char *v;
	long long n;
	char *end;

	p->size = PAGE_SIZE;
	if ((v = given(f, "PageSize")) != NULL) {
		if (num_parse(v, 1, 1000000000, &n) != 0)
			return api_refuse(api, a, 400, 20422,
				"PageSize '%s' is not a number.", v);
		if (n > PAGE_SIZE_MAX)
			return api_refuse(api, a, 400, 20007,
				"Page size must be at most %d.",
				PAGE_SIZE_MAX);
		p->size = (int)n;
	}
	if ((v = given(f, "Page")) != NULL &&
	    num_parse(v, 0, 1000000000, &n) == 0)
		p->number = (int)n;
	p->after_ms = p->after_id = end_of_time;
	if ((v = given(f, "PageToken")) == NULL)
		return 0;
	if (strncmp(v, "PA", 2) == 0) {
		p->after_ms = strtoll(v + 2, &end, 16);
		if (*end == '.') {
			p->after_id = strtoll(end + 1, &end, 16);
			if (*end == '\0')
				return 0;
		}
	}
	return api_refuse(api, a, 400, 21481, "Invalid PageToken");
}

void
messages_list(struct api *api, const char *path, const struct form *f,
	struct answer *a)
{
	static const char *const filter[] = {
		"To", "From", "DateSent", "DateSent>", "DateSent<"
	};
	struct buf query = BUF_INIT(TEXT_MAX), first = BUF_INIT(TEXT_MAX);
	struct buf uri = BUF_INIT(TEXT_MAX), next = BUF_INIT(TEXT_MAX);
	struct sim_page p = { 0 };
	char number[32];
	size_t i;

	p.to = given(f, "To");
	p.from = given(f, "From");
	if (read_dates(api, a, f, &p) != 0 || read_place(api, a, f, &p) != 0)
		return;
	for (i = 0; i < LENGTH(filter); i++)
		if (given(f, filter[i]) != NULL)
			form_add(&query, filter[i], given(f, filter[i]));
	snprintf(number, sizeof(number), "%d", p.size);
	form_add(&query, "PageSize", number);
	buf_addf(&first, "%s?%s&Page=0", path, query.s);
	buf_addf(&uri, "%s?%s&Page=%d", path, query.s, p.number);
	if (given(f, "PageToken") != NULL)
		buf_addf(&uri, "&PageToken=%s", given(f, "PageToken"));
	buf_addf(&next, "%s?%s&Page=%d&PageToken=", path, query.s,
		p.number + 1);
	p.first_uri = first.s;
	p.uri = uri.s;
	p.next_uri = next.s;
	a->status = 200;
	a->type = json_type;
	sim_list(api->sim, &p, &a->body);
	buf_release(&query);
	buf_release(&first);
	buf_release(&uri);
	buf_release(&next);
}

static void
update(struct api *api, const char *sid, const char *status,
	const struct form *f, struct answer *a)
{
	const char *wanted = given(f, "Status");
	const char *body = form_get(f, "Body");

	if (wanted != NULL && strcmp(wanted, "canceled") != 0) {
		api_refuse(api, a, 400, 20422,
			"Status can only become 'canceled'.");
		return;
	}
	if (wanted != NULL && strcmp(status, "scheduled") != 0) {
		api_refuse(api, a, 409, 30409, "This message cannot be "
			"canceled: it is %s.", status);
		return;
	}
	if (body != NULL && *body != '\0') {
		api_refuse(api, a, 400, 20422, "Body can only become empty.");
		return;
	}
	if (wanted != NULL)
		sim_cancel(api->sim, api->plan, sid);
	if (body != NULL)
		sim_redact(api->sim, sid);
	answer_resource(api, a, sid);
}

void
messages_one(struct api *api, const struct http_request *r, const char *name,
	const struct form *f, struct answer *a)
{
	char sid[SIM_SID_SIZE];
	const char *status;
	int ended;

	snprintf(sid, sizeof(sid), "%s", name);
	if (!rec_is_sid(sid) || strcmp(name + strlen(sid), ".json") != 0 ||
	    (status = sim_status(api->sim, sid, &ended)) == NULL) {
		api_refuse(api, a, 404, 20404,
			"The requested resource %s was not found", r->path);
	} else if (strcmp(r->method, "GET") == 0) {
		answer_resource(api, a, sid);
	} else if (strcmp(r->method, "POST") == 0) {
		update(api, sid, status, f, a);
	} else if (strcmp(r->method, "DELETE") != 0) {
		api_refuse(api, a, 405, 20004, "Method not allowed");
	} else if (!ended) {
		api_refuse(api, a, 409, 20009,
			"Cannot delete this resource before it is complete");
	} else {
		sim_remove(api->sim, sid);
		a->status = 204;
	}
}

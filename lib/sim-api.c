#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "sim-api.h"
#include "die.h"
#include "form.h"
#include "sim-messages.h"
#include "num.h"
#include "when.h"

enum {
	TEXT_MAX = 262144,     /* bytes of what was asked */
	ANSWER_MAX = 64 << 20, /* bytes of an answer */
	SLOW_MS = 5000         /* the delay of the fault "slow" */
};

static const char version[] = "/2010-04-01/Accounts/";
static const char json_type[] = "application/json; charset=utf-8";

void
api_add_logins(struct api *api, const char *user, const char *passwords)
{
	static const char separators[] = " ,\t\n";
	struct buf plain = BUF_INIT(TEXT_MAX);
	char *login;
	size_t n;

	for (;;) {
		passwords += strspn(passwords, separators);
		if ((n = strcspn(passwords, separators)) == 0)
			break;
		if (api->logins == API_LOGINS)
			die(BAD_SETUP, "more than %d credentials", API_LOGINS);
		buf_reset(&plain);
		if (buf_addf(&plain, "%s:", user) != 0 ||
		    buf_add(&plain, passwords, n) != 0)
			die(BAD_SETUP, "a credential is too long");
		login = need(plain.len * 2 + 8);
		EVP_EncodeBlock((unsigned char *)login,
			(const unsigned char *)plain.s, (int)plain.len);
		api->login[api->logins++] = login;
		passwords += n;
	}
	buf_release(&plain);
}

void
api_release(struct api *api)
{
	while (api->logins > 0)
		free(api->login[--api->logins]);
}

static int
may_enter(const struct api *api, const struct http_request *r)
{
	const char *given = http_field(r, "Authorization");
	size_t i;

	if (given == NULL || strncasecmp(given, "Basic ", 6) != 0)
		return 0;
	for (given += 6; *given == ' '; given++)
		;
	for (i = 0; i < api->logins; i++)
		if (strcmp(given, api->login[i]) == 0)
			return 1;
	return 0;
}

int
api_refuse(struct api *api, struct answer *a, int status, int code,
	const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	a->status = status;
	a->type = json_type;
	buf_reset(&a->body);
	sim_error(api->sim, status, code, message, &a->body);
	return -1;
}

static void
answer_text(struct answer *a, int status, const char *type, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

static void
answer_text(struct answer *a, int status, const char *type, const char *fmt,
	...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	a->status = status;
	a->type = type;
	buf_addstr(&a->body, line);
}

/* What of the path is behind the account's, or NULL if it is not its. */
static const char *
behind_account(const struct api *api, const char *path)
{
	size_t n = sizeof(version) - 1, len = strlen(api->account);

	if (strncmp(path, version, n) != 0 ||
	    strncmp(path + n, api->account, len) != 0 || path[n + len] != '/')
		return NULL;
	return path + n + len + 1;
}

static int
first_hit(const struct api *api, const char *key, int first, int last)
{
	for (; first <= last; first++)
		if (plan_hits(api->plan, key, first))
			return first;
	return FAULTS;
}

/* Plays one of the faults before the request is carried out. */
static void
play_before(struct api *api, int fault, struct answer *a)
{
	if (fault == RESET_BEFORE)
		a->ending = API_RESET;
	else if (fault == TOO_MANY)
		api_refuse(api, a, 429, 20429, "Too Many Requests");
	else
		api_refuse(api, a, 500, 20500, "Internal Server Error");
}

/* Plays one of the faults on the answer of a request carried out. */
static void
play_after(struct api *api, int fault, const char *key, struct answer *a)
{
	if (fault == RESET) {
		a->ending = API_RESET;
	} else if (fault == SLOW) {
		a->delay_ms += SLOW_MS;
	} else if (fault == BROKEN_AFTER) {
		api_refuse(api, a, 500, 20500, "Internal Server Error");
	} else if (plan_dice(api->plan, key, "where", 2) == 0) {
		a->ending = API_CUT;
	} else if (a->body.len > 0) {
		/* whole as HTTP goes, but the JSON is not */
		a->body.len /= 2;
		a->body.s[a->body.len] = '\0';
	}
}

/* The key of a request: of what was asked, and how often it was before. */
static void
request_key(struct api *api, const struct http_request *r,
	const struct form *f, int creates, char key[PLAN_KEY_SIZE])
{
	const char *to = form_get(f, "To"), *body = form_get(f, "Body");
	struct buf what = BUF_INIT(TEXT_MAX);
	char kind[PLAN_KEY_SIZE];

	if (creates)
		buf_addf(&what, "%s|%s", to != NULL ? to : "",
			body != NULL ? body : "");
	else
		buf_addf(&what, "%s %s?%s", r->method, r->path,
			r->query ? r->query : "");
	plan_key(api->plan, kind, what.s, 0);
	plan_key(api->plan, key, what.s, sim_seen(api->sim, kind));
	buf_release(&what);
}

/* Carries out a request to the API; returns the fault played, or FAULTS. */
static int
serve(struct api *api, const struct http_request *r, const char *rest,
	const struct form *f, struct answer *a)
{
	char key[PLAN_KEY_SIZE];
	int messages = strcmp(rest, "Messages.json") == 0;
	int creates = messages && strcmp(r->method, "POST") == 0, fault;

	request_key(api, r, f, creates, key);
	snprintf(a->lines, sizeof(a->lines), "Twilio-Request-Id: RQ%.32s\r\n",
		key);
	if ((fault = first_hit(api, key, RESET_BEFORE, BROKEN)) != FAULTS) {
		play_before(api, fault, a);
		return fault;
	}
	if (creates)
		messages_create(api, f, key, a);
	else if (messages && strcmp(r->method, "GET") == 0)
		messages_list(api, r->path, f, a);
	else if (messages)
		api_refuse(api, a, 405, 20004, "Method not allowed");
	else if (strncmp(rest, "Messages/", 9) == 0)
		messages_one(api, r, rest + 9, f, a);
	else
		api_refuse(api, a, 404, 20404,
			"The requested resource %s was not found", r->path);
	if (a->status >= 300)
		return FAULTS;
	if ((fault = first_hit(api, key, BROKEN_AFTER, SLOW)) != FAULTS)
		play_after(api, fault, key, a);
	return fault;
}

/* The clock and the callbacks that wait. */
static void
control(struct api *api, const struct http_request *r, const struct form *f,
	struct answer *a)
{
	const char *v = form_get(f, "advance");
	char now[WHEN_SIZE];
	long long seconds;

	if (strcmp(r->path, "/sim/pending") == 0) {
		answer_text(a, 200, "text/plain", "%lld\n",
			sim_pending(api->sim));
	} else if (strcmp(r->path, "/sim/clock") != 0) {
		answer_text(a, 404, "text/plain", "no such page\n");
	} else if (strcmp(r->method, "POST") == 0 && (v == NULL ||
	    (num_parse(v, 0, 3155760000LL, &seconds) != 0 &&
	    when_parse_age(v, &seconds) != 0))) {
		answer_text(a, 400, "text/plain", "advance=SECONDS or an age "
			"such as 3h is needed\n");
	} else {
		if (strcmp(r->method, "POST") == 0)
			sim_advance(api->sim, seconds * 1000);
		answer_text(a, 200, json_type, "{\"now\":\"%s\"}\n",
			when_format(now, sim_now(api->sim) / 1000));
	}
}

void
api_answer(struct api *api, const struct http_request *r, int concurrent,
	int limit, struct answer *a)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct form f = { 0 };
	const char *rest, *why;
	size_t n;
	int fault = FAULTS;

	memset(a, 0, sizeof(*a));
	a->body.max = ANSWER_MAX;
	buf_reset(&text);
	if (strcmp(r->method, "GET") != 0)
		buf_add(&text, r->body, r->body_len);
	else if (r->query != NULL)
		buf_addstr(&text, r->query);
	if (form_parse(&f, text.s, text.len, &why) != 0)
		api_refuse(api, a, 400, 20001, "%s", why);
	else if (strncmp(r->path, "/sim/", 5) == 0)
		control(api, r, &f, a);
	else if (limit > 0 && concurrent > limit)
		api_refuse(api, a, 429, 20429, "Too Many Requests");
	else if (!may_enter(api, r))
		api_refuse(api, a, 401, 20003, "Authenticate");
	else if ((rest = behind_account(api, r->path)) == NULL)
		api_refuse(api, a, 404, 20404,
			"The requested resource %s was not found", r->path);
	else
		fault = serve(api, r, rest, &f, a);
	buf_release(&text);
	if (strncmp(r->path, "/sim/", 5) == 0)
		return;

	if (a->status == 401)
		snprintf(a->lines, sizeof(a->lines),
			"WWW-Authenticate: Basic realm=\"Twilio API\"\r\n");
	n = strlen(a->lines);
	snprintf(a->lines + n, sizeof(a->lines) - n,
		"Twilio-Concurrent-Requests: %d\r\n", concurrent);
	sim_log(api->sim, r->method, r->path, r->query,
		a->ending == API_RESET ? 0 : a->status,
		fault == FAULTS ? NULL : plan_fault_name(fault));
}

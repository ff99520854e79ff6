#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "sim-courier.h"
#include "die.h"
#include "form.h"
#include "num.h"
#include "sign.h"
#include "when.h"

enum {
	JOBS = 8,           /* posts under way */
	BODY_MAX = 65536,   /* bytes of a form or a URL */
	SID_SIZE = 35
};

/* What a retry is made for, rp in the fragment. */
enum { ON_CONNECT = 1, ON_READ = 2, ON_4XX = 4, ON_5XX = 8 };

struct post {
	CURL *easy;         /* NULL: the place is free */
	struct curl_slist *headers;
	struct buf body;
	long long id, deadline;
	long long retries, connect_ms, read_ms, total_ms;
	unsigned retry_on;
	int tries;
	char sid[SID_SIZE];
};

struct courier {
	CURLM *multi;
	char *auth_token;
	struct post post[JOBS];
};

struct courier *
courier_open(const char *auth_token)
{
	struct courier *c = need(sizeof(*c));

	memset(c, 0, sizeof(*c));
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (c->multi = curl_multi_init()) == NULL)
		die(NO_SYSTEM, "cannot start libcurl");
	c->auth_token = need_str(auth_token);
	return c;
}

static void
post_end(struct courier *c, struct post *p)
{
	curl_multi_remove_handle(c->multi, p->easy);
	curl_easy_cleanup(p->easy);
	p->easy = NULL;
	curl_slist_free_all(p->headers);
	buf_release(&p->body);
}

void
courier_close(struct courier *c)
{
	int i;

	for (i = 0; i < JOBS; i++)
		if (c->post[i].easy != NULL)
			post_end(c, &c->post[i]);
	curl_multi_cleanup(c->multi);
	curl_global_cleanup();
	free(c->auth_token);
	free(c);
}

int
courier_takes(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	int yes;

	if (u == NULL)
		die(NO_SYSTEM, "out of memory");
	yes = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
		(strcasecmp(host, "localhost") == 0 ||
		strcmp(host, "[::1]") == 0 ||
		(strncmp(host, "127.", 4) == 0 &&
		host[strspn(host, "0123456789.")] == '\0'));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return yes;
}

int
courier_has_room(const struct courier *c)
{
	int i;

	for (i = 0; i < JOBS; i++)
		if (c->post[i].easy == NULL)
			return 1;
	return 0;
}

int
courier_is_busy_with(const struct courier *c, const char *sid)
{
	int i;

	for (i = 0; i < JOBS; i++)
		if (c->post[i].easy != NULL && strcmp(c->post[i].sid, sid) == 0)
			return 1;
	return 0;
}

static unsigned
retry_words(const char *s)
{
	unsigned on = 0;
	size_t n;

	for (; *s != '\0'; s += n + (s[n] == ',')) {
		n = strcspn(s, ",");
		if (n == 2 && strncmp(s, "ct", n) == 0)
			on |= ON_CONNECT;
		else if (n == 2 && strncmp(s, "rt", n) == 0)
			on |= ON_READ;
		else if (n == 3 && strncmp(s, "4xx", n) == 0)
			on |= ON_4XX;
		else if (n == 3 && strncmp(s, "5xx", n) == 0)
			on |= ON_5XX;
		else if (n == 3 && strncmp(s, "all", n) == 0)
			on |= ON_CONNECT | ON_READ | ON_4XX | ON_5XX;
	}
	return on;
}

/* The connection overrides in the fragment; what is wrong changes nothing. */
static void
read_fragment(struct post *p, const char *fragment)
{
	struct { const char *name; long long min, max, *value; } key[] = {
		{ "rc", 0, 5, &p->retries },
		{ "ct", 100, 10000, &p->connect_ms },
		{ "rt", 100, 15000, &p->read_ms },
		{ "tt", 100, 15000, &p->total_ms }
	};
	char *copy = need_str(fragment);
	const char *why, *value;
	struct form form;
	size_t i;

	p->retries = 1;
	p->connect_ms = 5000;
	p->read_ms = p->total_ms = 15000;
	p->retry_on = ON_CONNECT;
	if (form_parse(&form, copy, strlen(copy), &why) == 0) {
		for (i = 0; i < sizeof(key) / sizeof(key[0]); i++)
			if ((value = form_get(&form, key[i].name)) != NULL)
				num_parse(value, key[i].min, key[i].max,
					key[i].value);
		if ((value = form_get(&form, "rp")) != NULL)
			p->retry_on = retry_words(value);
	}
	free(copy);
}

/* What is signed: the URL without its fragment and without user:pass@. */
static void
signed_url(struct buf *out, const char *url)
{
	const char *authority = strstr(url, "://") + 3, *host, *at;
	const char *end = authority + strcspn(authority, "/?#");

	for (host = at = authority; at < end; at++)
		if (*at == '@')
			host = at + 1;
	if (buf_add(out, url, (size_t)(authority - url)) != 0 ||
	    buf_add(out, host, strcspn(host, "#")) != 0)
		die(BUG, "a callback URL is too long");
}

static void
add_header(struct post *p, const char *name, const char *value)
{
	struct buf line = BUF_INIT(512);
	struct curl_slist *longer;

	if (buf_addf(&line, "%s: %s", name, value) != 0 ||
	    (longer = curl_slist_append(p->headers, line.s)) == NULL)
		die(NO_SYSTEM, "cannot make a request");
	p->headers = longer;
	buf_release(&line);
}

static size_t
swallow(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * n;
}

static void
post_try(struct courier *c, struct post *p)
{
	long long left = p->deadline - when_mono_ms();

	p->tries++;
	if (left > p->read_ms)
		left = p->read_ms;
	if (curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS,
	    left > 1 ? (long)left : 1L) != CURLE_OK ||
	    curl_multi_add_handle(c->multi, p->easy) != CURLM_OK)
		die(NO_SYSTEM, "cannot begin a request");
}

void
courier_post(struct courier *c, const struct parcel *parcel)
{
	struct buf url = BUF_INIT(BODY_MAX);
	struct post *p = c->post;
	struct form form;
	char signature[SIGN_SIZE];
	const char *why;
	CURLcode rc = CURLE_OK;

	while (p->easy != NULL)
		p++;
	memset(p, 0, sizeof(*p));
	p->body.max = BODY_MAX;
	p->id = parcel->id;
	strncpy(p->sid, parcel->sid, SID_SIZE - 1);
	read_fragment(p, strchr(parcel->url, '#') != NULL ?
		strchr(parcel->url, '#') + 1 : "");
	p->deadline = when_mono_ms() + p->total_ms;

	/* form_parse decodes in place, so the body is copied behind it */
	signed_url(&url, parcel->url);
	if (buf_addstr(&p->body, parcel->body) != 0 ||
	    form_parse(&form, p->body.s, p->body.len, &why) != 0)
		die(BUG, "a callback is too long");
	sign(signature, c->auth_token, url.s, &form);
	buf_reset(&p->body);
	buf_addstr(&p->body, parcel->body);
	buf_reset(&url);
	buf_add(&url, parcel->url, strcspn(parcel->url, "#"));
	add_header(p, "X-Twilio-Signature", signature);
	add_header(p, "I-Twilio-Idempotency-Token", parcel->token);

	if ((p->easy = curl_easy_init()) == NULL)
		die(NO_SYSTEM, "out of memory");
	rc |= curl_easy_setopt(p->easy, CURLOPT_URL, url.s);
	rc |= curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, p->body.s);
	rc |= curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
	rc |= curl_easy_setopt(p->easy, CURLOPT_USERAGENT, "TwilioProxy/1.1");
	/* first without credentials, after a 401 with them, as Twilio does */
	rc |= curl_easy_setopt(p->easy, CURLOPT_HTTPAUTH,
		(long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	rc |= curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)p->connect_ms);
	rc |= curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(p->easy, CURLOPT_PROXY, "");
	/* only loopback is ever posted to, and nobody certifies that */
	rc |= curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	rc |= curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	rc |= curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, swallow);
	rc |= curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
	if (rc != CURLE_OK)
		die(NO_SYSTEM, "cannot make a request");
	buf_release(&url);
	post_try(c, p);
}

void
courier_wait(struct courier *c, struct curl_waitfd *others, size_t n,
	int timeout_ms)
{
	if (curl_multi_poll(c->multi, others, (unsigned)n, timeout_ms, NULL)
	    != CURLM_OK)
		die(NO_SYSTEM, "cannot wait for sockets:");
}

/* True if the way in which a try ended is one to retry, and time is left. */
static int
again(const struct post *p, CURLcode rc, long http_status)
{
	unsigned kind;
	double connected = 0;

	curl_easy_getinfo(p->easy, CURLINFO_PRETRANSFER_TIME, &connected);
	if (rc == CURLE_OK)
		kind = http_status / 100 == 4 ? ON_4XX :
			http_status / 100 == 5 ? ON_5XX : 0;
	else
		kind = connected > 0 ? ON_READ : ON_CONNECT;
	return (p->retry_on & kind) != 0 && p->tries <= p->retries &&
		when_mono_ms() < p->deadline;
}

int
courier_done(struct courier *c, long long *id, int *http_status, int *tries)
{
	int running, left;
	long status;
	CURLMsg *m;
	CURLcode rc;
	char *owner;
	struct post *p;

	if (curl_multi_perform(c->multi, &running) != CURLM_OK)
		die(NO_SYSTEM, "cannot go on with requests");
	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		rc = m->data.result;
		status = 0;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
		p = (struct post *)owner;
		if (rc == CURLE_OK)
			curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE,
				&status);
		if (again(p, rc, status)) {
			curl_multi_remove_handle(c->multi, p->easy);
			post_try(c, p);
			continue;
		}
		*id = p->id;
		*http_status = (int)status;
		*tries = p->tries;
		post_end(c, p);
		return 1;
	}
	return 0;
}

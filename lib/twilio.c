/*
 * One easy handle of libcurl per request under way, all in one multi handle
 * that keeps the connections.  HTTP/1.1 on purpose: with one request on a
 * connection at a time it can be told what became of each.
 *
 * The heart is before_request(), which libcurl calls when a connection stands
 * (new or kept) and before it sends the request.  A POST for which it was not
 * called was never sent and may be repeated; one for which it was called
 * counts as sent.  And as libcurl repeats by itself a request on a kept
 * connection that ends without an answer, although the peer may well have
 * read it, the second call for the same POST says no.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "conf.h"
#include "die.h"
#include "num.h"
#include "twilio.h"
#include "when.h"

enum {
	ANSWER_MAX = 8 << 20,       /* bytes; a page of 1000 messages has 1.5 M */
	CONNECT_TIMEOUT_MS = 10000, /* a handshake that takes longer is lost */
	TIMEOUT_S = 30,             /* of a try: that of Twilio's own libraries */
	TIMEOUT_MAX_S = 600,
	IDLE_MAX_S = 15,            /* older connections may be closed over there */
	TRIES = 6,
	BACKOFF_MS = 250,           /* first pause at most; doubles */
	BACKOFF_MAX_MS = 30000,
	RETRY_AFTER_MAX_S = 120,    /* longer ones are cut to this */
	SLICE_MS = 60000,           /* of a wait: an int holds it */
	URL_MAX = 8192
};

struct twilio {
	CURLM *multi;
	struct curl_slist *fields;      /* of the header */
	char *root;                     /* https://host */
	const char *account;
	const char *user;
	char *password;                 /* owned */
	const char *ca_bundle;          /* NULL: the system's */
	int loopback;
	long long timeout;              /* of a try, seconds */
	struct twilio_options o;
	CURL **idle;                    /* handles not in use */
	size_t idles;
	int running;
	long long requests;             /* made until now */
	long long next_start;           /* when the next call may start */
	unsigned long long random;
	struct twilio_call *queue;      /* waiting, those to be repeated first */
	struct twilio_call **queue_end; /* where the next one comes */
	struct twilio_call *back;       /* ended, not yet returned */
};

/* libcurl knows all we ask of it; what it refuses is memory. */
static void
must(CURLcode rc)
{
	if (rc != CURLE_OK)
		die(rc == CURLE_OUT_OF_MEMORY ? NO_SYSTEM : BUG, "libcurl: %s",
			curl_easy_strerror(rc));
}

static void
must_multi(CURLMcode rc)
{
	if (rc != CURLM_OK)
		die(rc == CURLM_OUT_OF_MEMORY ? NO_SYSTEM : BUG, "libcurl: %s",
			curl_multi_strerror(rc));
}

/* True for the names of this machine: the only ones for plain http. */
static int
is_loopback(const char *host)
{
	return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
		strcasecmp(host, "localhost") == 0;
}

static void
check_root(struct twilio *t)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;

	if (u == NULL)
		die(NO_SYSTEM, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, t->root, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		die(BAD_SETUP, "TWILIO_API_URL is not a URL");
	if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		die(BAD_SETUP, "TWILIO_API_URL holds a user name: "
			"credentials have variables of their own");
	t->loopback = is_loopback(host);
	if (strcmp(scheme, "https") != 0 && !t->loopback)
		die(BAD_SETUP, "TWILIO_API_URL is not https: plain http is "
			"for 127.0.0.1, [::1] and localhost only");
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
}

static void
credentials(struct twilio *t)
{
	char *secret;

	t->account = conf_need("TWILIO_ACCOUNT_SID");
	if (strncmp(t->account, "AC", 2) != 0 ||
	    strspn(t->account + 2, "0123456789abcdefABCDEF") != 32 ||
	    t->account[34] != '\0')
		die(BAD_SETUP, "TWILIO_ACCOUNT_SID is not AC and 32 hex digits");
	t->user = conf("TWILIO_API_KEY");
	secret = conf_secret("TWILIO_API_SECRET");
	if (t->user != NULL || secret != NULL) {
		if (t->user == NULL || secret == NULL)
			die(BAD_SETUP, "%s is not set, its partner is",
				secret == NULL ? "TWILIO_API_SECRET" :
				"TWILIO_API_KEY");
		t->password = secret;
		return;
	}
	t->user = t->account;
	t->password = conf_secret("TWILIO_AUTH_TOKEN");
	if (t->password == NULL)
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is not set");
	/* several are for checking signatures while they are rotated */
	secret = t->password + strspn(t->password, " ,\t\r\n");
	memmove(t->password, secret, strlen(secret) + 1);
	t->password[strcspn(t->password, " ,\t\r\n")] = '\0';
	if (*t->password == '\0')
		die(BAD_SETUP, "TWILIO_AUTH_TOKEN is empty");
}

static void
add_field(struct twilio *t, const char *line)
{
	struct curl_slist *l = curl_slist_append(t->fields, line);

	if (l == NULL)
		die(NO_SYSTEM, "out of memory");
	t->fields = l;
}

/*
 * A standard descriptor that is closed would be taken by libcurl, and what we
 * read or write would be its own: so it is one that is empty, and that cannot
 * be written.
 */
static void
fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

struct twilio *
twilio_open(const struct twilio_options *o)
{
	struct twilio *t = need(sizeof(*t));
	struct sigaction sa;

	memset(t, 0, sizeof(*t));
	t->o = *o;
	if (t->o.tries == 0)
		t->o.tries = TRIES;
	t->timeout = TIMEOUT_S;
	if (conf("SMS_TIMEOUT") != NULL && num_parse(conf("SMS_TIMEOUT"), 1,
	    TIMEOUT_MAX_S, &t->timeout) != 0)
		die(BAD_SETUP, "SMS_TIMEOUT is not a number of seconds from 1 "
			"to %d", TIMEOUT_MAX_S);
	credentials(t);
	t->root = conf_api_url();
	check_root(t);
	t->ca_bundle = conf("TWILIO_CA_BUNDLE");
	if (t->ca_bundle != NULL && access(t->ca_bundle, R_OK) != 0)
		die(BAD_SETUP, "cannot read '%s' (TWILIO_CA_BUNDLE):",
			t->ca_bundle);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);

	fill_standard();
	must(curl_global_init(CURL_GLOBAL_DEFAULT));
	add_field(t, "Accept: application/json");
	/* no waiting for a 100 before the body */
	add_field(t, "Expect:");
	if ((t->multi = curl_multi_init()) == NULL)
		die(NO_SYSTEM, "out of memory");
	must_multi(curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS,
		(long)t->o.jobs));
	must_multi(curl_multi_setopt(t->multi, CURLMOPT_PIPELINING,
		(long)CURLPIPE_NOTHING));
	t->queue_end = &t->queue;
	t->idle = need((size_t)t->o.jobs * sizeof(t->idle[0]));
	t->random = (unsigned long long)when_mono_ms() << 32 |
		(unsigned long long)getpid();
	return t;
}

static size_t
take_answer(char *data, size_t size, size_t n, void *ctx)
{
	struct twilio_call *c = ctx;

	return buf_add(&c->answer, data, size * n) == 0 ? n : 0;
}

/* See the top of this file. */
static int
before_request(void *ctx, char *to_ip, char *from_ip, int to_port,
	int from_port)
{
	struct twilio_call *c = ctx;

	(void)to_ip, (void)from_ip, (void)to_port, (void)from_port;
	if (c->form != NULL && c->went_out)
		return CURL_PREREQFUNC_ABORT;
	c->went_out = 1;
	return CURL_PREREQFUNC_OK;
}

/* Whom to trust.  A directory of certificates is read where needed; a bundle,
 * whole: 20 ms of each start. */
static void
set_trust(struct twilio *t, CURL *e)
{
	char *dir = NULL;

	must(curl_easy_setopt(e, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2));
	must(curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L));
	must(curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L));
	if (t->ca_bundle != NULL) {
		must(curl_easy_setopt(e, CURLOPT_CAINFO, t->ca_bundle));
		must(curl_easy_setopt(e, CURLOPT_CAPATH, NULL));
	} else if (curl_easy_getinfo(e, CURLINFO_CAPATH, &dir) == CURLE_OK &&
	    dir != NULL) {
		must(curl_easy_setopt(e, CURLOPT_CAPATH, dir));
		must(curl_easy_setopt(e, CURLOPT_CAINFO, NULL));
	}
}

/* A handle with all that is the same for each call. */
static CURL *
new_handle(struct twilio *t)
{
	CURL *e = curl_easy_init();

	if (e == NULL)
		die(NO_SYSTEM, "out of memory");
	must(curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L));
	must(curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
		t->loopback ? "http,https" : "https"));
	must(curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L));
	must(curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
		(long)CURL_HTTP_VERSION_1_1));
	must(curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC));
	must(curl_easy_setopt(e, CURLOPT_USERNAME, t->user));
	must(curl_easy_setopt(e, CURLOPT_PASSWORD, t->password));
	must(curl_easy_setopt(e, CURLOPT_USERAGENT, "smspipe/" VERSION));
	must(curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->fields));
	must(curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
		(long)CONNECT_TIMEOUT_MS));
	must(curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)t->timeout));
	must(curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S));
	must(curl_easy_setopt(e, CURLOPT_MAXFILESIZE, (long)ANSWER_MAX));
	must(curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer));
	must(curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request));
	/* what stays on this machine needs no proxy, and none may see it */
	if (t->loopback)
		must(curl_easy_setopt(e, CURLOPT_NOPROXY, "*"));
	set_trust(t, e);
	return e;
}

static void
start(struct twilio *t, struct twilio_call *c)
{
	char url[URL_MAX];
	CURL *e;
	int r;

	if (c->path[0] == '/')
		r = snprintf(url, sizeof(url), "%s%s", t->root, c->path);
	else
		r = snprintf(url, sizeof(url), "%s/2010-04-01/Accounts/%s/%s",
			t->root, t->account, c->path);
	if (r < 0 || (size_t)r >= sizeof(url))
		die(BUG, "path of a call is too long");

	e = t->idles > 0 ? t->idle[--t->idles] : new_handle(t);
	c->went_out = 0;
	c->http = 0;
	c->why[0] = '\0';
	buf_reset(&c->answer);
	must(curl_easy_setopt(e, CURLOPT_URL, url));
	if (c->form != NULL) {
		must(curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE,
			(long)strlen(c->form)));
		must(curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->form));
	} else {
		must(curl_easy_setopt(e, CURLOPT_HTTPGET, 1L));
	}
	must(curl_easy_setopt(e, CURLOPT_WRITEDATA, c));
	must(curl_easy_setopt(e, CURLOPT_PREREQDATA, c));
	must(curl_easy_setopt(e, CURLOPT_PRIVATE, c));
	must(curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why));
	must_multi(curl_multi_add_handle(t->multi, e));
	c->tries++;
	t->requests++;
	t->running++;
	if (t->o.pause_ms > 0)
		t->next_start = when_mono_ms() + t->o.pause_ms;
}

/* A number from 0 to max, by xorshift: good enough to keep calls apart. */
static long long
draw(struct twilio *t, long long max)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (long long)(t->random % (unsigned long long)(max + 1));
}

/* Into the queue, before all others, for a later time; -1: no tries left. */
static int
repeat(struct twilio *t, struct twilio_call *c, long retry_after)
{
	long long most = BACKOFF_MS;
	int i;

	if (c->tries >= t->o.tries)
		return -1;
	for (i = 1; i < c->tries && most < BACKOFF_MAX_MS; i++)
		most *= 2;
	if (most > BACKOFF_MAX_MS)
		most = BACKOFF_MAX_MS;
	if (retry_after > RETRY_AFTER_MAX_S)
		retry_after = RETRY_AFTER_MAX_S;
	c->not_before = when_mono_ms() + draw(t, most) + retry_after * 1000LL;
	if ((c->next = t->queue) == NULL)
		t->queue_end = &c->next;
	t->queue = c;
	return 0;
}

/* What no repetition mends: certificates, an answer that is too long. */
static int
is_lasting(CURLcode rc)
{
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_FILESIZE_EXCEEDED:
	case CURLE_WRITE_ERROR:
		return 1;
	default:
		return 0;
	}
}

/*
 * Decides what a try has come to.  Returns 1 where it may be repeated; c->end
 * holds if it is not.
 */
static int
judge(struct twilio_call *c, CURLcode rc)
{
	int post = c->form != NULL;

	if (rc == CURLE_OUT_OF_MEMORY)
		die(NO_SYSTEM, "out of memory");
	if (rc != CURLE_OK) {
		if (c->why[0] == '\0')
			snprintf(c->why, sizeof(c->why), "%s",
				curl_easy_strerror(rc));
		if (rc == CURLE_ABORTED_BY_CALLBACK)
			snprintf(c->why, sizeof(c->why),
				"connection lost after the request");
		if (rc == CURLE_FILESIZE_EXCEEDED || rc == CURLE_WRITE_ERROR)
			snprintf(c->why, sizeof(c->why),
				"answer longer than %d MiB", ANSWER_MAX >> 20);
		c->end = post && c->went_out ? TWILIO_UNCLEAR : TWILIO_LATER;
		return c->end == TWILIO_LATER && !is_lasting(rc);
	}
	snprintf(c->why, sizeof(c->why), "HTTP %ld", c->http);
	if (c->http / 100 == 2) {
		c->end = TWILIO_DONE;
	} else if (c->http == 429) {
		c->end = TWILIO_LATER;
		return 1;
	} else if (c->http / 100 == 5 || c->http == 408) {
		c->end = post ? TWILIO_UNCLEAR : TWILIO_LATER;
		return !post;
	} else if (c->http / 100 == 4) {
		c->end = c->http == 404 ? TWILIO_NONE :
			c->http == 401 || c->http == 403 ? TWILIO_DENIED :
			TWILIO_REFUSED;
	} else {
		/* a redirect, or what is no HTTP: from whom is not known */
		c->end = post ? TWILIO_UNCLEAR : TWILIO_REFUSED;
	}
	return 0;
}

/* Takes a request that ended off its handle. */
static void
finish(struct twilio *t, CURL *e, CURLcode rc)
{
	struct twilio_call *c;
	curl_off_t retry_after = 0;
	char *tag;

	must(curl_easy_getinfo(e, CURLINFO_PRIVATE, &tag));
	c = (void *)tag;
	must(curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &c->http));
	must(curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &retry_after));
	must_multi(curl_multi_remove_handle(t->multi, e));
	t->running--;
	/* a handle that failed may carry more than we set */
	if (rc == CURLE_OK) {
		must(curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL));
		t->idle[t->idles++] = e;
	} else {
		curl_easy_cleanup(e);
	}
	if (retry_after > LONG_MAX || retry_after < 0)
		retry_after = 0;
	if (judge(c, rc) && repeat(t, c, (long)retry_after) == 0)
		return;
	c->next = t->back;
	t->back = c;
}

/*
 * Starts what may start.  Returns the milliseconds until the next one may, -1
 * if that depends on those under way.
 */
static long long
start_due(struct twilio *t)
{
	struct twilio_call **p, *c;
	long long now = when_mono_ms(), soonest = -1, due;

	for (p = &t->queue; *p != NULL && t->running < t->o.jobs; ) {
		c = *p;
		due = c->not_before > t->next_start ? c->not_before :
			t->next_start;
		if (due <= now) {
			if ((*p = c->next) == NULL)
				t->queue_end = p;
			start(t, c);
			continue;
		}
		if (soonest < 0 || due - now < soonest)
			soonest = due - now;
		if (now < t->next_start && soonest <= t->next_start - now)
			break;
		p = &c->next;
	}
	return soonest;
}

void
twilio_call(struct twilio *t, struct twilio_call *c)
{
	c->answer = (struct buf)BUF_INIT(ANSWER_MAX);
	c->tries = 0;
	c->not_before = 0;
	c->next = NULL;
	*t->queue_end = c;
	t->queue_end = &c->next;
}

int
twilio_again(struct twilio *t, struct twilio_call *c)
{
	return c->form == NULL ? repeat(t, c, 0) : -1;
}

/* The smaller one of two times to wait, where -1 is for ever. */
static long long
sooner(long long a, long long b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

struct twilio_call *
twilio_wait(struct twilio *t, int timeout_ms, int fd)
{
	long long deadline, wait, left;
	struct curl_waitfd extra;
	struct twilio_call *c;
	CURLMsg *m;
	int n;

	deadline = timeout_ms < 0 ? -1 : when_mono_ms() + timeout_ms;
	for (;;) {
		wait = start_due(t);
		must_multi(curl_multi_perform(t->multi, &n));
		while ((m = curl_multi_info_read(t->multi, &n)) != NULL)
			if (m->msg == CURLMSG_DONE)
				finish(t, m->easy_handle, m->data.result);
		if ((c = t->back) != NULL) {
			t->back = c->next;
			return c;
		}
		if (t->running == 0 && t->queue == NULL)
			return NULL;
		/* what ended made room for others, or waits itself now */
		wait = start_due(t);
		left = deadline < 0 ? -1 : deadline - when_mono_ms();
		if (deadline >= 0 && left <= 0)
			return NULL;
		wait = sooner(wait, left);
		extra.fd = fd;
		extra.events = CURL_WAIT_POLLIN;
		extra.revents = 0;
		must_multi(curl_multi_poll(t->multi, &extra, fd >= 0,
			wait < 0 || wait > SLICE_MS ? SLICE_MS : (int)wait, &n));
		if (extra.revents != 0)
			return NULL;
	}
}

void
twilio_stop(struct twilio *t)
{
	struct twilio_call *c;

	t->o.tries = 0;
	while ((c = t->queue) != NULL) {
		t->queue = c->next;
		c->end = TWILIO_LATER;
		snprintf(c->why, sizeof(c->why), "stopped");
		c->next = t->back;
		t->back = c;
	}
	t->queue_end = &t->queue;
}

long long
twilio_requests(const struct twilio *t)
{
	return t->requests;
}

void
twilio_close(struct twilio *t)
{
	if (t == NULL)
		return;
	while (t->idles > 0)
		curl_easy_cleanup(t->idle[--t->idles]);
	free(t->idle);
	must_multi(curl_multi_cleanup(t->multi));
	curl_slist_free_all(t->fields);
	curl_global_cleanup();
	free(t->password);
	free(t->root);
	free(t);
}

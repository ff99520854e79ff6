#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "callback.h"
#include "conf.h"
#include "doctor.h"
#include "mask.h"
#include "sign.h"
#include "utf8.h"
#include "variant.h"

enum {
	URL_MAX = 262144,   /* bytes of a URL put together */
	TOKENS_MAX = 32,    /* tokens that are tried */
	TOKEN_COST_MAX = 1, /* differences that a token can be */
	SHOWN_FROM = 16,    /* characters of a token, to show two of it */
	SIGN_COST = 1024,   /* of one more signature, as bytes hashed, */
	PAIR_COST = 128,    /* and of a parameter, which has to be sorted */
	WORK_MAX = 1 << 30  /* bytes; what a stranger has written must not keep
	                       anybody waiting: about a second */
};

/* What makes up a signed text, besides the token. */
enum { SCHEME, HOST, PATH, QUERY, FRAGMENT, BODY, PARTS };

static const char *const part_name[PARTS] = {
	"scheme", "host", "path", "query", "fragment", "body"
};

struct token {
	const char *variable;
	char *text;
	size_t number, of;  /* its place in the variable, from 1 */
	int cost;           /* 0: sms-hook tries it; else TOKEN_COST_MAX */
};

struct search {
	const struct doctor *d;
	struct url url;     /* the configured one */
	int configured;
	const char *signature;
	struct variants part[PARTS];
	struct token token[TOKENS_MAX];
	size_t tokens;
	struct buf text;    /* the URL being tried */
	/* what was found: the one with the fewest differences */
	const struct variant *best[PARTS];
	const struct token *by;
	int cost;
	size_t done, tried; /* bytes of work, signatures */
	int gave_up;        /* not all were tried */
};

static void
add_tokens(struct search *s, const struct doctor_tokens *t, int cost)
{
	static const char separators[] = " ,\t\n";
	size_t first = s->tokens, n, i;
	const char *p = t->list;

	if (p == NULL)
		return;
	for (p += strspn(p, separators); *p != '\0' && s->tokens < TOKENS_MAX;
	    p += n + strspn(p + n, separators)) {
		n = strcspn(p, separators);
		s->token[s->tokens].variable = t->name;
		s->token[s->tokens].text = need(n + 1);
		memcpy(s->token[s->tokens].text, p, n);
		s->token[s->tokens].text[n] = '\0';
		s->token[s->tokens].number = s->tokens - first + 1;
		s->token[s->tokens++].cost = cost;
	}
	for (i = first; i < s->tokens; i++)
		s->token[i].of = s->tokens - first;
}

static void
add_schemes(struct search *s)
{
	static const char *const name[] = { "https", "http" };
	const char *proto = http_field(s->d->req, "X-Forwarded-Proto");
	struct buf words = BUF_INIT(URL_MAX);
	size_t i;

	if (s->configured)
		variants_add(&s->part[SCHEME], s->url.scheme, 0, "");
	for (i = 0; i < 2; i++) {
		buf_reset(&words);
		buf_addstr(&words, name[i]);
		if (s->configured)
			buf_addf(&words, ", not %s", name[!i]);
		if (proto != NULL && strcasecmp(proto, name[i]) == 0)
			buf_addstr(&words, ", as X-Forwarded-Proto says");
		if (!s->configured ||
		    strcasecmp(s->url.scheme, name[i]) != 0)
			variants_add(&s->part[SCHEME], name[i], 1, words.s);
	}
	buf_release(&words);
}

static void
think_of(struct search *s)
{
	const struct url *u = s->configured ? &s->url : NULL;
	const struct http_request *r = s->d->req;
	struct buf fragment = BUF_INIT(URL_MAX);

	add_schemes(s);
	variants_hosts(&s->part[HOST], u, r);
	variants_paths(&s->part[PATH], u, s->d->hook_path, r);
	variants_queries(&s->part[QUERY], u, r->query);
	variants_add(&s->part[FRAGMENT], "", 0, "");
	if (u != NULL && u->fragment != NULL) {
		buf_addf(&fragment, "#%s", u->fragment);
		variants_add(&s->part[FRAGMENT], fragment.s, 1, "signed too");
		buf_release(&fragment);
	}
	variants_add(&s->part[BODY], "signed", 0, "");
	if (s->d->form != NULL && s->d->form->n > 0)
		variants_add(&s->part[BODY], "", 1, "not signed");
	add_tokens(s, &s->d->tokens[0], 0);
	add_tokens(s, &s->d->tokens[1], TOKEN_COST_MAX);
}

static void
write_url(struct buf *b, const struct variant *const part[])
{
	buf_reset(b);
	buf_addf(b, "%s://%s%s%s%s", part[SCHEME]->text, part[HOST]->text,
		part[PATH]->text, part[QUERY]->text, part[FRAGMENT]->text);
}

/* What a signature costs, in bytes that are hashed or handled meanwhile. */
static size_t
work(const struct search *s, const struct form *form)
{
	size_t n = s->text.len + SIGN_COST, i;

	for (i = 0; form != NULL && i < form->n; i++)
		n += strlen(form->pair[i].name) +
			strlen(form->pair[i].value) + PAIR_COST;
	return n;
}

/* One combination, with each token of that cost. */
static int
try_it(struct search *s, const struct variant *const part[], int cost)
{
	const struct form *form = *part[BODY]->text != '\0' ? s->d->form : NULL;
	char made[SIGN_SIZE];
	size_t i, n;

	write_url(&s->text, part);
	n = work(s, form);
	for (i = 0; i < s->tokens; i++) {
		if (s->token[i].cost != cost)
			continue;
		if ((s->done += n) > WORK_MAX)
			return -1;
		s->tried++;
		sign(made, s->token[i].text, s->text.s, form);
		if (!sign_equal(s->signature, made))
			continue;
		memcpy(s->best, part, sizeof(s->best));
		s->by = &s->token[i];
		return 1;
	}
	return 0;
}

/* All combinations whose differences, from part i on, add up to cost. */
static int
try_parts(struct search *s, const struct variant *part[], int i, int cost)
{
	const struct variants *v = &s->part[i];
	size_t k;
	int r = 0;

	if (i == PARTS)
		return cost <= TOKEN_COST_MAX ? try_it(s, part, cost) : 0;
	for (k = 0; r == 0 && k < v->n; k++) {
		part[i] = &v->v[k];
		if (part[i]->cost <= cost)
			r = try_parts(s, part, i + 1, cost - part[i]->cost);
	}
	return r;
}

/* The fewest differences first, until one fits or it has been enough. */
static void
try_all(struct search *s)
{
	const struct variant *part[PARTS];
	int r = 0, i, dearest, most = TOKEN_COST_MAX;
	size_t k;

	for (i = 0; i < PARTS; i++) {
		dearest = 0;
		for (k = 0; k < s->part[i].n; k++)
			if (s->part[i].v[k].cost > dearest)
				dearest = s->part[i].v[k].cost;
		most += dearest;
	}
	for (s->cost = 0; r == 0 && s->cost <= most; s->cost += r == 0)
		r = try_parts(s, part, 0, s->cost);
	s->gave_up = r < 0;
}

/* The path that sms-hook serves for a public one. */
static const char *
served(const char *path)
{
	return *path != '\0' ? path : "/";
}

/* The URL to configure, as the variable that can hold it. */
static void
advise_url(struct buf *report, const struct search *s)
{
	const char *scheme = s->best[SCHEME]->text, *host = s->best[HOST]->text;
	const char *path = s->best[PATH]->text, *colon = strrchr(host, ':');
	size_t len = strlen(path), tail = strlen(conf_callback_path);
	int n = (int)strlen(host);

	/* sms-hook tries the default port by itself */
	if (colon != NULL && strcmp(colon,
	    strcasecmp(scheme, "https") == 0 ? ":443" : ":80") == 0)
		n = (int)(colon - host);
	if (!s->d->whole && len >= tail &&
	    strcmp(path + len - tail, conf_callback_path) == 0)
		buf_addf(report, "WEBHOOK_BASE_URL=%s://%.*s%.*s\n", scheme, n,
			host, (int)(len - tail), path);
	else
		buf_addf(report, "TWILIO_STATUS_CALLBACK=%s://%.*s%s%s%s\n",
			scheme, n, host, path,
			s->configured && s->url.query != NULL ? "?" : "",
			s->configured && s->url.query != NULL ?
			s->url.query : "");
}

/* The lines to configure, where some would help. */
static void
advise(struct buf *report, const struct search *s)
{
	static const char head[] = "to configure:\n";
	const char *path = s->best[PATH]->text, *received = s->d->req->path;
	int url = !s->configured || s->best[SCHEME]->cost > 0 ||
		s->best[HOST]->cost > 0 || s->best[PATH]->cost > 0;

	if (s->d->hook_path != NULL)
		path = s->d->hook_path;
	path = served(path);
	if (strncmp(path, received, strcspn(path, "?#")) == 0 &&
	    received[strcspn(path, "?#")] == '\0')
		received = NULL;  /* where it is served */
	if (url && s->configured && s->url.userinfo)
		buf_addstr(report, "the user and password of the configured "
			"URL belong into the new one too\n");
	if (url || received != NULL)
		buf_addstr(report, head);
	if (url)
		advise_url(report, s);
	if (received != NULL)
		buf_addf(report, "SMS_HOOK_PATH=%s\n", received);
}

/* What no line of the configuration mends. */
static void
remark(struct buf *report, const struct search *s)
{
	if (s->best[QUERY]->cost > 0)
		buf_addstr(report, "sms-hook checks the query that it "
			"receives: let it be passed on as it came\n");
	if (s->best[FRAGMENT]->cost > 0)
		buf_addstr(report, "Twilio signs no fragment: take it off "
			"the URL where this was signed\n");
	if (s->best[BODY]->cost > 0)
		buf_addstr(report, "nothing vouches for the parameters in "
			"the body: something added them on the way\n");
	if (strcmp(s->d->req->method, "POST") != 0)
		buf_addf(report, "method: %s, and sms-hook takes POST\n",
			s->d->req->method);
}

static void
show_token(struct buf *report, const struct search *s)
{
	const struct token *t = s->by;

	buf_addf(report, "token: %.*s..., number %zu of %zu in %s\n",
		strlen(t->text) >= SHOWN_FROM ? 2 : 0, t->text, t->number,
		t->of, t->variable);
	if (t->cost > 0)
		buf_addf(report, "for this account sms-hook tries only %s: "
			"put that token there, or unset it\n",
			s->d->tokens[0].name);
}

/* True if the body is the one that was signed for. */
static int
tell_found(struct buf *report, struct search *s)
{
	const struct http_request *r = s->d->req;
	const char *query = s->best[QUERY]->text;
	char *url;
	int i, whole = s->best[BODY]->cost == 0;

	write_url(&s->text, s->best);
	url = s->text.s;
	mask(url + strcspn(url, "?"));  /* a ref may be anything */
	buf_addf(report, "signed for: %s\n", url);
	for (i = 0; i < PARTS; i++)
		if (*s->best[i]->words != '\0')
			buf_addf(report, "%s: %s\n", part_name[i],
				s->best[i]->words);
	show_token(report, s);
	if (s->d->bodiless)
		buf_addstr(report, "body: it was not kept, so nobody knows "
			"whether its SHA-256 is bodySHA256 of the query\n");
	else if (s->d->form == NULL &&
	    !callback_body_hashed(*query != '\0' ? query + 1 : NULL, r->body,
	    r->body_len)) {
		buf_addstr(report, "body: it was changed on the way, or is "
			"not all there: its SHA-256 is not bodySHA256 of the "
			"query\n");
		return 0;
	}
	remark(report, s);
	if (s->cost == 0 && s->configured)
		buf_addstr(report, "sms-hook takes this signature as it is "
			"configured\n");
	if (whole)
		advise(report, s);
	return whole;
}

static void
tell_signature(struct buf *report, const char *signature)
{
	if (strlen(signature) != SIGN_SIZE - 1 ||
	    signature[SIGN_SIZE - 2] != '=')
		buf_addstr(report, "the signature is not whole: it has 28 "
			"characters and ends in =\n");
}

static void
tell_none(struct buf *report, const struct search *s)
{
	const char *account = s->d->form != NULL ?
		form_get(s->d->form, "AccountSid") : NULL;
	size_t urls = 1;
	int i;

	for (i = 0; i < BODY; i++)
		urls *= s->part[i].n;
	if (s->gave_up)
		buf_addf(report, "gave up after %zu signatures: the request "
			"hints at %zu URLs; take fields that look like the "
			"work of a stranger out of it\n", s->tried, urls);
	else
		buf_addf(report, "signed for none of %zu URLs, with none of "
			"%zu tokens\n", urls, s->tokens);
	tell_signature(report, s->signature);
	buf_addstr(report, "likely causes:\n");
	if (account != NULL && callback_is_account(account)) {
		buf_addf(report, "- a wrong token: compare it with the primary "
			"one of %s at Twilio\n", account);
		if (s->d->account != NULL &&
		    strcmp(s->d->account, account) != 0)
			buf_addf(report, "- that is not TWILIO_ACCOUNT_SID: "
				"its own token belongs into TWILIO_AUTH_TOKEN_%s\n",
				account);
	} else {
		buf_addstr(report, "- a wrong token: compare it with the "
			"primary one of the account at Twilio\n");
	}
	buf_addstr(report, "- an altered body: parameters added, left out, "
		"trimmed or in another encoding\n"
		"- a URL that nothing here hints at: put the one that Twilio "
		"was given into TWILIO_STATUS_CALLBACK, and try again\n");
	if (s->d->logged)
		buf_addstr(report, "- what a header field that the log does "
			"not keep would tell: capture a whole request\n");
}

/* Strangers write requests, and terminals read more than text. */
static void
make_printable(struct buf *report)
{
	const char *p = report->s, *end = p + report->len, *start;
	long c;

	while (p < end) {
		start = p;
		if ((c = utf8_next(&p, end)) < 0)
			p++;
		if ((c < 32 && c != '\n') || (c >= 127 && c < 160))
			memset(report->s + (start - report->s), '?',
				(size_t)(p - start));
	}
}

void
doctor_bodiless(struct buf *report, const struct doctor *d)
{
	const struct http_request *r = d->req;
	const char *host = http_field(r, "Host"), *path;
	struct url u;
	size_t n;

	memset(&u, 0, sizeof(u));
	if (d->url != NULL && url_split(&u, d->url) == 0) {
		n = strlen(u.host);
		if (host != NULL && (strncasecmp(host, u.host, n) != 0 ||
		    (host[n] != '\0' && host[n] != ':')))
			buf_addf(report, "host: %s, where %s is configured\n",
				host, u.host);
		path = served(d->hook_path != NULL ? d->hook_path : u.path);
		n = strcspn(path, "?#");
		if (strncmp(r->path, path, n) != 0 || r->path[n] != '\0')
			buf_addf(report, "path: %s, where sms-hook serves "
				"%.*s\n", r->path, (int)n, path);
	}
	tell_signature(report, http_field(r, "X-Twilio-Signature"));
	make_printable(report);
	url_release(&u);
}

int
doctor(struct buf *report, const struct doctor *d)
{
	static const struct search none;
	struct search *s = need(sizeof(*s));
	struct buf text = BUF_INIT(URL_MAX);
	int i, good = 0;

	*s = none;
	s->d = d;
	s->text = text;
	s->configured = d->url != NULL && url_split(&s->url, d->url) == 0;
	if ((s->signature = http_field(d->req, "X-Twilio-Signature")) == NULL)
		s->signature = "";
	think_of(s);
	try_all(s);
	if (s->by != NULL)
		good = tell_found(report, s);
	else
		tell_none(report, s);
	make_printable(report);

	for (i = 0; i < PARTS; i++)
		variants_release(&s->part[i]);
	while (s->tokens > 0)
		free(s->token[--s->tokens].text);
	url_release(&s->url);
	buf_release(&s->text);
	free(s);
	return good;
}

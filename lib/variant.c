#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "form.h"
#include "variant.h"

enum {
	TEXT_MAX = 131072,   /* bytes of a part, re-encoded */
	HOST_MAX = 255,      /* bytes of a host in a header field */
	PREFIX_MAX = 1024,   /* bytes of a path in a header field */
	SEGMENTS_MAX = 8     /* leading segments of a path taken off */
};

#define DIGITS "0123456789"
#define ALNUM "abcdefghijklmnopqrstuvwxyz" "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

static char *
copy(const char *s, size_t len)
{
	char *p = need(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

/* Both phrases with a comma between, or the one that is not empty. */
static char *
phrase(const char *a, const char *b)
{
	struct buf words = BUF_INIT(TEXT_MAX);

	buf_addf(&words, "%s%s%s", a, *a != '\0' && *b != '\0' ? ", " : "", b);
	return words.s != NULL ? words.s : need_str("");
}

/* The colon of the port in an authority of len bytes, or its end. */
static size_t
port_at(const char *s, size_t len)
{
	size_t n = len;

	while (n > 0 && s[n - 1] != ':' && s[n - 1] != ']')
		n--;
	return n > 0 && s[n - 1] == ':' ? n - 1 : len;
}

int
url_split(struct url *u, const char *s)
{
	const char *host, *end, *path;
	size_t n;

	memset(u, 0, sizeof(*u));
	if ((host = strstr(s, "://")) == NULL)
		return -1;
	u->scheme = copy(s, (size_t)(host - s));
	host += 3;
	end = host + strcspn(host, "/?#");
	for (path = end; path > host; path--)
		if (path[-1] == '@') {
			u->userinfo = 1;
			break;
		}
	if (u->userinfo)
		host = path;
	n = port_at(host, (size_t)(end - host));
	u->host = copy(host, n);
	host += n + (host + n < end);
	u->port = copy(host, (size_t)(end - host));
	n = strcspn(end, "?#");
	u->path = copy(end, n);
	end += n;
	if (*end == '?') {
		n = strcspn(++end, "#");
		u->query = copy(end, n);
		end += n;
	}
	if (*end == '#')
		u->fragment = need_str(end + 1);
	return 0;
}

void
url_release(struct url *u)
{
	free(u->scheme);
	free(u->host);
	free(u->port);
	free(u->path);
	free(u->query);
	free(u->fragment);
}

void
variants_add(struct variants *v, const char *text, int cost, const char *words)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (strcmp(v->v[i].text, text) == 0)
			return;
	if (v->n == VARIANTS_MAX)
		return;
	v->v[v->n].text = need_str(text);
	v->v[v->n].words = need_str(words);
	v->v[v->n++].cost = cost;
}

void
variants_release(struct variants *v)
{
	while (v->n > 0) {
		free(v->v[--v->n].text);
		free(v->v[v->n].words);
	}
}

/* One host with one port, or without where port is "". */
static void
add_port(struct variants *v, const char *host, const char *port, int cost,
	const char *words, const char *more)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	char *both = phrase(words, more);

	if (buf_addf(&text, "%s%s%s", host, *port != '\0' ? ":" : "",
	    port) == 0)
		variants_add(v, text.s, cost, both);
	free(both);
	buf_release(&text);
}

/* A host with all ports; words is "" for the one that is configured. */
static void
add_host(struct variants *v, const struct url *configured, const char *host,
	const char *port, const char *forwarded_port, const char *words)
{
	static const char *const usual[] = { "443", "80" };
	static const char *const more[] = { "with port 443", "with port 80" };
	int cost = *words != '\0', tried, i;
	char *with;

	add_port(v, host, port, cost, words, "");
	if (*port != '\0')
		add_port(v, host, "", cost, words, "without the port");
	for (i = 0; i < 2; i++) {
		/* sms-hook tries the default port where there is none */
		tried = cost == 0 && *port == '\0' && i ==
			(strcasecmp(configured->scheme, "https") != 0);
		add_port(v, host, usual[i], cost + !tried, words, more[i]);
	}
	if (forwarded_port != NULL)
		add_port(v, host, forwarded_port, cost + 1, words,
			"with the port of X-Forwarded-Port");
	if (cost > 0 && configured != NULL && *configured->port != '\0') {
		with = phrase(words, "with the port of the configured URL");
		add_port(v, host, configured->port, cost + 1, with, "");
		free(with);
	}
}

/* A host as a header field has it, perhaps in quotes. */
static void
add_field_host(struct variants *v, const struct url *configured,
	const char *s, size_t len, const char *forwarded_port,
	const char *field)
{
	struct buf words = BUF_INIT(TEXT_MAX);
	char *host, *port;
	size_t n;

	while (len > 0 && strchr(" \t\"", *s) != NULL)
		s++, len--;
	while (len > 0 && strchr(" \t\"", s[len - 1]) != NULL)
		len--;
	n = port_at(s, len);
	if (n == 0 || len > HOST_MAX || strspn(s, ALNUM "-._:[]") < len)
		return;
	host = copy(s, n);
	port = copy(s + n + (n < len), len - n - (n < len));
	buf_addf(&words, "that of %s", field);
	if (port[strspn(port, DIGITS)] == '\0')
		add_host(v, configured, host, port, forwarded_port, words.s);
	buf_release(&words);
	free(port);
	free(host);
}

void
variants_hosts(struct variants *v, const struct url *configured,
	const struct http_request *r)
{
	static const char *const name[] = {
		"Host", "X-Forwarded-Host", "X-Original-Host"
	};
	const char *port = http_field(r, "X-Forwarded-Port"), *s;
	size_t i, n;

	if (port != NULL && (*port == '\0' || strlen(port) > 5 ||
	    port[strspn(port, DIGITS)] != '\0'))
		port = NULL;
	if (configured != NULL)
		add_host(v, configured, configured->host, configured->port,
			port, "");
	for (i = 0; i < 3; i++) {
		if ((s = http_field(r, name[i])) == NULL)
			continue;
		for (;; s += n + 1) {
			n = strcspn(s, ",");
			add_field_host(v, configured, s, n, port, name[i]);
			if (s[n] == '\0')
				break;
		}
	}
	/* Forwarded: for=192.0.2.7;host=example.org;proto=https (RFC 7239) */
	if ((s = http_field(r, "Forwarded")) == NULL)
		return;
	for (; *s != '\0'; s += n + (s[n] != '\0')) {
		s += strspn(s, " \t");
		n = strcspn(s, ";,");
		if (strncasecmp(s, "host=", 5) == 0)
			add_field_host(v, configured, s + 5, n - 5, port,
				"Forwarded");
	}
}

/* prefix and path together; words say whose path it was. */
static void
add_behind(struct variants *v, const char *prefix, size_t len,
	const char *path, const char *words)
{
	struct buf text = BUF_INIT(TEXT_MAX), more = BUF_INIT(TEXT_MAX);
	char *both;

	buf_addf(&more, "behind %.*s", (int)len, prefix);
	both = phrase(words, more.s);
	if (buf_addf(&text, "%.*s%s", (int)len, prefix, path) == 0)
		variants_add(v, text.s, 1, both);
	free(both);
	buf_release(&text);
	buf_release(&more);
}

/* path without each of its leading segments. */
static void
add_shorter(struct variants *v, const char *path, const char *words)
{
	struct buf more = BUF_INIT(TEXT_MAX);
	const char *p = path;
	char *both;
	int i;

	for (i = 0; i < SEGMENTS_MAX && *p != '\0' &&
	    (p = strchr(p + 1, '/')) != NULL; i++) {
		buf_reset(&more);
		buf_addf(&more, "without %.*s", (int)(p - path), path);
		both = phrase(words, more.s);
		variants_add(v, p, 1, both);
		free(both);
	}
	buf_release(&more);
}

/* path behind each leading part of prefix. */
static void
add_longer(struct variants *v, const char *prefix, const char *path,
	const char *words)
{
	const char *p = prefix;
	int i;

	for (i = 0; i < SEGMENTS_MAX && *p != '\0' &&
	    (p = strchr(p + 1, '/')) != NULL; i++)
		add_behind(v, prefix, (size_t)(p - prefix), path, words);
}

/* Each path once more, with or without a slash at its end. */
static void
add_slashes(struct variants *v)
{
	const struct variant *from;
	size_t i, n = v->n, len;
	char *path, *words;
	int slash;

	for (i = 0; i < n; i++) {
		from = &v->v[i];
		len = strlen(from->text);
		slash = len > 0 && from->text[len - 1] == '/';
		path = need(len + 2);
		memcpy(path, from->text, len);
		strcpy(path + len - slash, slash ? "" : "/");
		words = phrase(from->words, slash ?
			"without the slash at its end" :
			"with a slash at its end");
		variants_add(v, path, from->cost + 1, words);
		free(path);
		free(words);
	}
}

/* Bytes of the path that a header field holds; 0 if it is none. */
static size_t
field_path(const char *s)
{
	size_t n;

	if (s == NULL || *s != '/')
		return 0;
	n = strspn(s, ALNUM "-._~%!$&'()*+,;=:@/");
	return (s[n] == '\0' || s[n] == '?') && n <= PREFIX_MAX ? n : 0;
}

void
variants_paths(struct variants *v, const struct url *configured,
	const char *hook_path, const struct http_request *r)
{
	static const char *const name[] = {
		"X-Original-URI", "X-Original-URL", "X-Forwarded-Uri",
		"X-Rewrite-URL"
	};
	struct buf words = BUF_INIT(TEXT_MAX);
	const char *s;
	char *path;
	size_t i, n;

	if (configured != NULL)
		variants_add(v, configured->path, 0, "");
	variants_add(v, r->path, 1, "the one received");
	if (hook_path != NULL) {
		path = copy(hook_path, strcspn(hook_path, "?#"));
		variants_add(v, path, 1, "that of SMS_HOOK_PATH");
		free(path);
	}
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		s = http_field(r, name[i]);
		if ((n = field_path(s)) == 0)
			continue;
		path = copy(s, n);
		buf_reset(&words);
		buf_addf(&words, "that of %s", name[i]);
		variants_add(v, path, 1, words.s);
		free(path);
	}
	buf_release(&words);
	s = http_field(r, "X-Forwarded-Prefix");
	if ((n = field_path(s)) > 0) {
		while (n > 0 && s[n - 1] == '/')
			n--;
		add_behind(v, s, n, r->path, "the one received");
	}
	add_shorter(v, r->path, "the one received");
	if (configured != NULL) {
		add_longer(v, configured->path, r->path, "the one received");
		add_shorter(v, configured->path, "");
	}
	add_slashes(v);
}

/* How software that reads a query and writes it again changes it. */
enum code {
	AS_IS, QUOTE_ESCAPED, QUOTE_RAW, BLANK_ESCAPED, BLANK_PLUS, LOWER_HEX,
	UPPER_HEX, STRICT, FORM, RAW, CODES
};

static const char *const code_words[CODES] = {
	"", "with %27 for '", "with ' for %27", "with %20 for +",
	"with + for %20", "with its escapes in lower case",
	"with its escapes in upper case",
	"with all escaped that RFC 3986 reserves", "escaped as in a form",
	"with fewer escapes"
};

static void
add_escape(struct buf *b, int c, const char *digit)
{
	char esc[3] = { '%', digit[c >> 4], digit[c & 15] };

	buf_add(b, esc, 3);
}

static int
is_in(int c, const char *set)
{
	return c > 0 && c < 128 && strchr(set, c) != NULL;
}

/* One byte of a query, which was escaped or not. */
static int
keeps(int c, int escaped, enum code code)
{
	switch (code) {
	case QUOTE_ESCAPED:
		return !escaped && c != '\'';
	case QUOTE_RAW:
		return !escaped || c == '\'';
	case STRICT:
		return is_in(c, ALNUM "-._~") ||
			(!escaped && is_in(c, "&="));
	case FORM:
		return is_in(c, ALNUM "-._*") ||
			(!escaped && is_in(c, "&="));
	case RAW:
		return !escaped || c >= 128 || is_in(c, "!$'()*,/:;?@");
	default:
		return !escaped;
	}
}

static void
recode(struct buf *b, const char *s, enum code code)
{
	static const char lower[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEF";
	char two[3] = "";
	int c, escaped, blank;

	for (; *s != '\0'; s += escaped ? 3 : 1) {
		c = (unsigned char)*s;
		escaped = c == '%' && strspn(s + 1, DIGITS "abcdefABCDEF") >= 2;
		if (escaped) {
			memcpy(two, s + 1, 2);
			c = (int)strtol(two, NULL, 16);
		}
		blank = escaped ? c == ' ' : c == '+';
		if (blank && (code == BLANK_PLUS || code == FORM))
			buf_addc(b, '+');
		else if (blank && (code == BLANK_ESCAPED || code == STRICT))
			buf_addstr(b, "%20");
		else if (keeps(c, escaped, code))
			buf_addc(b, (char)c);
		else if (escaped && (code == LOWER_HEX || code == UPPER_HEX))
			add_escape(b, c, code == LOWER_HEX ? lower : upper);
		else if (escaped && code != STRICT && code != FORM)
			buf_add(b, s, 3);
		else
			add_escape(b, c, upper);
	}
}

struct param {
	const char *s;
	size_t len;
};

static size_t
split_query(struct param p[FORM_MAX], const char *s)
{
	size_t n = 0;

	for (; n < FORM_MAX; s++) {
		p[n].s = s;
		p[n].len = strcspn(s, "&");
		s += p[n++].len;
		if (*s == '\0')
			return n;
	}
	return 0;  /* too many to be worth it */
}

/* By name; parameters of one name stay in their order. */
static int
by_name(const void *a, const void *b)
{
	const struct param *x = a, *y = b;
	size_t n = strcspn(x->s, "=&"), m = strcspn(y->s, "=&");
	int r = memcmp(x->s, y->s, n < m ? n : m);

	if (r != 0 || n != m)
		return r != 0 ? r : n < m ? -1 : 1;
	return (x->s > y->s) - (x->s < y->s);
}

static void
join_query(struct buf *b, const struct param p[], size_t n)
{
	size_t i;

	buf_reset(b);
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, '&');
		buf_add(b, p[i].s, p[i].len);
	}
}

/* Moves those that are in the configured query to the front, in its order. */
static void
as_configured(struct param p[], size_t n, const char *query)
{
	struct param first[FORM_MAX], has;
	size_t m = split_query(first, query), done = 0, i, j;

	for (i = 0; i < m; i++)
		for (j = done; j < n; j++)
			if (p[j].len == first[i].len &&
			    memcmp(p[j].s, first[i].s, p[j].len) == 0) {
				has = p[j];
				memmove(p + done + 1, p + done,
					(j - done) * sizeof(p[0]));
				p[done++] = has;
				break;
			}
}

/* A query in each code. */
static void
add_coded(struct variants *v, const char *query, int cost, const char *words)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	char *both;
	int code;

	for (code = AS_IS; code < CODES; code++) {
		buf_reset(&text);
		buf_addc(&text, '?');
		recode(&text, query, (enum code)code);
		both = phrase(words, code_words[code]);
		variants_add(v, text.s, cost + (code != AS_IS), both);
		free(both);
	}
	buf_release(&text);
}

void
variants_queries(struct variants *v, const struct url *configured,
	const char *received)
{
	const char *own = configured != NULL ? configured->query : NULL;
	struct buf text = BUF_INIT(TEXT_MAX);
	struct param p[FORM_MAX];
	size_t n;

	if (received == NULL)
		variants_add(v, "", 0, "");
	else
		add_coded(v, received, 0, "");
	variants_add(v, "", 1, "none");
	variants_add(v, "?", 1, "an empty one");
	if (own != NULL) {
		buf_addf(&text, "?%s", own);
		variants_add(v, text.s, 1, "that of the configured URL");
	}
	if (received != NULL && (n = split_query(p, received)) > 1) {
		qsort(p, n, sizeof(p[0]), by_name);
		join_query(&text, p, n);
		add_coded(v, text.s, 1, "sorted by name");
		n = split_query(p, received);
		if (own != NULL) {
			as_configured(p, n, own);
			join_query(&text, p, n);
			add_coded(v, text.s, 1,
				"in the order of the configured URL");
		}
	}
	buf_release(&text);
}

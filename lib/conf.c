#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"

enum {
	FILE_MAX = 65536,   /* bytes of a configuration file */
	SECRET_MAX = 4096,  /* bytes of a secret's file */
	PATH_LONG = 4096    /* bytes of a path or URL put together here */
};

extern char **environ;

const char conf_callback_path[] = "/api/webhooks/twilio";

const char *
conf(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

const char *
conf_need(const char *name)
{
	const char *v = conf(name);

	if (v == NULL)
		die(BAD_SETUP, "%s is not set", name);
	return v;
}

/* True for names whose value must not be known to others. */
static int
is_secret(const char *name)
{
	size_t n = strlen(name);

	if (n > 5 && strcmp(name + n - 5, "_FILE") == 0)
		return 0;
	return strncmp(name, "TWILIO_AUTH_TOKEN", 17) == 0 ||
		(n >= 6 && strcmp(name + n - 6, "SECRET") == 0);
}

/*
 * Reads a regular file whole.  With secret it must belong to us or root and
 * be closed to others; the check is made on the file that was opened.
 */
static void
read_file(const char *path, struct buf *b, struct stat *st)
{
	int fd = open(path, O_RDONLY);
	char chunk[4096];
	ssize_t n;

	if (fd < 0 || fstat(fd, st) != 0)
		die(BAD_SETUP, "cannot open '%s':", path);
	if (S_ISDIR(st->st_mode))
		die(BAD_SETUP, "'%s' is a directory", path);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(BAD_SETUP, "cannot read '%s':", path);
		if (buf_add(b, chunk, (size_t)n) != 0)
			die(BAD_SETUP, "'%s' is longer than %zu bytes", path,
				b->max);
	}
	close(fd);
	if (b->s == NULL)
		buf_reset(b);
	if (strlen(b->s) != b->len)
		die(BAD_SETUP, "'%s' has a NUL byte", path);
}

static void
check_closed(const char *path, const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		die(BAD_SETUP, "'%s' holds a secret and belongs to another user",
			path);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		die(BAD_SETUP, "'%s' holds a secret and others may read it: "
			"chmod 600", path);
}

/* One line KEY=VALUE; returns the key if it was taken into the environment. */
static const char *
take_line(char *line, const char *path, size_t number)
{
	char *eq, *value, *end;

	while (isspace((unsigned char)*line))
		line++;
	if (*line == '\0' || *line == '#')
		return NULL;
	if (strncmp(line, "export ", 7) == 0)
		line += 7;
	eq = strchr(line, '=');
	if (eq == NULL || eq == line || strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_") != (size_t)(eq - line))
		die(BAD_SETUP, "'%s' line %zu is not KEY=VALUE", path, number);
	*eq = '\0';
	value = eq + 1;
	end = value + strlen(value);
	while (end > value && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (end - value >= 2 && (*value == '"' || *value == '\'') &&
	    end[-1] == *value) {
		end[-1] = '\0';
		value++;
	}
	/* an empty value counts only where unset means something else */
	if ((*value == '\0' ? setenv(line, value, 0) : conf(line) == NULL &&
	    setenv(line, value, 1)) != 0)
		die(NO_SYSTEM, "cannot set %s:", line);
	return *value != '\0' ? line : NULL;
}

/* The file to read, or NULL; must is set if the user named it. */
static const char *
find_file(char path[PATH_LONG], int *must)
{
	const char *base, *more = "";
	int r;

	*must = conf("SMS_CONF") != NULL;
	if (*must)
		return conf("SMS_CONF");
	if ((base = conf("XDG_CONFIG_HOME")) == NULL) {
		base = conf("HOME");
		more = "/.config";
	}
	if (base != NULL) {
		r = snprintf(path, PATH_LONG, "%s%s/smspipe/env", base, more);
		if (r > 0 && r < PATH_LONG && access(path, F_OK) == 0)
			return path;
	}
	return access("/etc/smspipe/env", F_OK) == 0 ? "/etc/smspipe/env" : NULL;
}

void
conf_load(void)
{
	struct buf text = BUF_INIT(FILE_MAX);
	char name[PATH_LONG];
	const char *path, *key;
	char *line, *next;
	struct stat st;
	size_t number = 0;
	int must;

	if ((path = find_file(name, &must)) == NULL)
		return;
	read_file(path, &text, &st);
	for (line = text.s; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		key = take_line(line, path, ++number);
		if (key != NULL && is_secret(key))
			check_closed(path, &st);
	}
	buf_release(&text);
}

/* Takes blanks and line ends off the end, which no secret has. */
static size_t
trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return n;
}

char *
conf_secret(const char *name)
{
	struct buf text = BUF_INIT(SECRET_MAX);
	char file[256], *secret;
	const char *v;
	struct stat st;
	int r;

	if ((v = conf(name)) != NULL) {
		secret = need_str(v);
		if (trim(secret) == 0)
			die(BAD_SETUP, "%s is empty", name);
		return secret;
	}
	r = snprintf(file, sizeof(file), "%s_FILE", name);
	if (r < 0 || (size_t)r >= sizeof(file) || (v = conf(file)) == NULL)
		return NULL;
	read_file(v, &text, &st);
	check_closed(v, &st);
	if (trim(text.s) == 0)
		die(BAD_SETUP, "'%s' (%s) is empty", v, file);
	return text.s;
}

char *
conf_tokens(const char *name)
{
	char *tokens = conf_secret(name);

	if (tokens != NULL && tokens[strspn(tokens, " ,\t\n")] == '\0')
		die(BAD_SETUP, "%s is empty", name);
	return tokens;
}

void
conf_read_tokens(const char *prefix)
{
	static const char end[] = "_FILE";
	char name[256], *tokens;
	size_t i, n;

	for (i = 0; environ[i] != NULL; i++) {
		n = strcspn(environ[i], "=");
		if (n < strlen(prefix) || n >= sizeof(name) ||
		    strncmp(environ[i], prefix, strlen(prefix)) != 0)
			continue;
		memcpy(name, environ[i], n);
		name[n] = '\0';
		if (n >= strlen(prefix) + strlen(end) &&
		    strcmp(name + n - strlen(end), end) == 0)
			name[n - strlen(end)] = '\0';
		tokens = conf_tokens(name);
		if (tokens == NULL || conf(name) != NULL) {
			free(tokens);
			continue;
		}
		if (setenv(name, tokens, 1) != 0)
			die(NO_SYSTEM, "cannot set %s:", name);
		free(tokens);
		/* that may have moved all of them */
		conf_read_tokens(prefix);
		return;
	}
}

/* Puts strings together into memory of the caller. */
static char *
join(const char *a, const char *b, const char *c)
{
	struct buf s = BUF_INIT(PATH_LONG);

	if (buf_addstr(&s, a) != 0 || buf_addstr(&s, b) != 0 ||
	    buf_addstr(&s, c) != 0)
		die(BAD_SETUP, "longer than %d bytes: '%.40s...'", PATH_LONG, a);
	return s.s;
}

/*
 * Makes the directories of a default path, closed to others, as the XDG base
 * directory specification wants it.  If that fails, opening the file will
 * tell why.
 */
static char *
with_directories(char *path)
{
	char *slash;

	for (slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, S_IRWXU);
		*slash = '/';
	}
	return path;
}

char *
conf_db(void)
{
	const char *v;

	if ((v = conf("SMS_DB")) != NULL)
		return need_str(v);
	if ((v = conf("XDG_DATA_HOME")) != NULL)
		return with_directories(join(v, "/smspipe/sms.db", ""));
	if ((v = conf("HOME")) != NULL)
		return with_directories(join(v,
			"/.local/share/smspipe/sms.db", ""));
	die(BAD_SETUP, "SMS_DB is not set (nor is HOME)");
}

char *
conf_spool(void)
{
	const char *v = conf("SMS_SPOOL");
	char *db, *spool;

	if (v != NULL)
		return need_str(v);
	db = conf_db();
	spool = join(db, ".spool", "");
	free(db);
	return spool;
}

/* A URL that libcurl and Twilio will take: scheme and host, no blanks. */
static void
check_url(const char *name, const char *url)
{
	const char *host = NULL;

	if (strncasecmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		host = url + 7;
	if (host == NULL || strcspn(host, "/?#") == 0 ||
	    strcspn(url, " \t\r\n\"<>\\^`{|}") != strlen(url))
		die(BAD_SETUP, "%s is not an http or https URL", name);
}

char *
conf_callback_url(void)
{
	static const char *const base[] = { "WEBHOOK_BASE_URL",
		"NEXT_PUBLIC_SITE_URL", "NEXT_PUBLIC_APP_URL", "VERCEL_URL" };
	const char *v;
	char *base_url, *url;
	size_t i, n;

	if ((v = conf("TWILIO_STATUS_CALLBACK")) != NULL) {
		check_url("TWILIO_STATUS_CALLBACK", v);
		return need_str(v);
	}
	for (i = 0; i < 4; i++) {
		if ((v = conf(base[i])) == NULL)
			continue;
		/* Vercel gives a bare host name */
		base_url = join(i == 3 && strstr(v, "://") == NULL ?
			"https://" : "", v, "");
		check_url(base[i], base_url);
		for (n = strlen(base_url); base_url[n - 1] == '/'; n--)
			base_url[n - 1] = '\0';
		url = join(base_url, conf_callback_path, "");
		free(base_url);
		return url;
	}
	return NULL;
}

const char *
conf_sender(void)
{
	const char *v = conf("TWILIO_MESSAGING_SERVICE_SID");

	if (v == NULL)
		v = conf("TWILIO_PHONE_NUMBER");
	if (v == NULL)
		die(BAD_SETUP, "no sender: neither TWILIO_MESSAGING_SERVICE_SID "
			"nor TWILIO_PHONE_NUMBER is set");
	return v;
}

/* A label of a host's name, or NULL: so that the host remains Twilio's. */
static const char *
host_label(const char *name)
{
	const char *v = conf(name);

	if (v != NULL && v[strspn(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		die(BAD_SETUP, "%s holds more than letters, digits and '-'",
			name);
	return v;
}

char *
conf_api_url(void)
{
	const char *edge = host_label("TWILIO_EDGE");
	const char *region = host_label("TWILIO_REGION");
	const char *v = conf("TWILIO_API_URL"), *rest;
	struct buf b = BUF_INIT(PATH_LONG);

	if (v != NULL) {
		check_url("TWILIO_API_URL", v);
		rest = strstr(v, "://") + 3;
		rest += strcspn(rest, "/?#");
		if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0)
			die(BAD_SETUP, "TWILIO_API_URL holds more than scheme, "
				"host and port");
		buf_add(&b, v, (size_t)(rest - v));
		return b.s;
	}
	/* an edge without a region is one of us1 */
	if (edge != NULL && region == NULL)
		region = "us1";
	buf_addstr(&b, "https://api.");
	if (edge != NULL)
		buf_addf(&b, "%s.", edge);
	if (region != NULL)
		buf_addf(&b, "%s.", region);
	if (buf_addstr(&b, "twilio.com") != 0)
		die(BAD_SETUP, "TWILIO_EDGE or TWILIO_REGION is too long");
	return b.s;
}

int
conf_skip_signature(void)
{
	const char *v = conf("SKIP_TWILIO_SIGNATURE_VALIDATION");
	const char *env = conf("SMS_ENV");

	if (env == NULL)
		env = "production";
	if (strcmp(env, "production") != 0 && strcmp(env, "staging") != 0 &&
	    strcmp(env, "development") != 0 && strcmp(env, "test") != 0)
		die(BAD_SETUP, "SMS_ENV is none of production, staging, "
			"development, test: '%s'", env);
	if (v == NULL || strcasecmp(v, "true") != 0)
		return 0;
	if (strcmp(env, "development") != 0 && strcmp(env, "test") != 0)
		die(BAD_SETUP, "SKIP_TWILIO_SIGNATURE_VALIDATION is set, "
			"but SMS_ENV is %s", env);
	return 1;
}

/*
 * conf: any bytes as the configuration file.  It is taken or refused with
 * BAD_SETUP; read twice it says the same; what is set already stays; no
 * message tells a value; a URL that comes out is one.
 *
 * die() of here comes back instead of ending the program.  The environment is
 * a small table of here, which the linker's --wrap puts in the place of the
 * real one: that never frees a value.  In the same way what was allocated is
 * known, and freed where die() left it behind.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "die.h"

const char progname[] = "conf";

enum { VARS_MAX = 4096, LEFT_MAX = 16 };

static const char kept[] = "kept by the environment";

static struct {
	char *name, *value;
} var[VARS_MAX];
static size_t vars;

static void *left[LEFT_MAX];

static int active;       /* within conf's code */
static jmp_buf back;
static char said[2048];  /* by die */
static const char *path;

void __real_free(void *p);
void __wrap_free(void *p);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__real_getenv(const char *name);
char *__wrap_getenv(const char *name);
int __real_setenv(const char *name, const char *value, int overwrite);
int __wrap_setenv(const char *name, const char *value, int overwrite);

static void
forget(const void *p)
{
	size_t i;

	for (i = 0; i < LEFT_MAX; i++)
		if (left[i] == p)
			left[i] = NULL;
}

void
__wrap_free(void *p)
{
	if (active && p != NULL)
		forget(p);
	__real_free(p);
}

void *
__wrap_realloc(void *p, size_t n)
{
	size_t i;

	if (!active)
		return __real_realloc(p, n);
	if (p != NULL)
		forget(p);
	p = __real_realloc(p, n);
	for (i = 0; left[i] != NULL; i++)
		assert(i + 1 < LEFT_MAX);
	return left[i] = p;
}

/* The first variable of that name, or vars. */
static size_t
find(const char *name)
{
	size_t i;

	for (i = 0; i < vars && strcmp(var[i].name, name) != 0; i++)
		;
	return i;
}

char *
__wrap_getenv(const char *name)
{
	size_t i;

	if (!active)
		return __real_getenv(name);
	return (i = find(name)) < vars ? var[i].value : NULL;
}

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = malloc(n);

	assert(p != NULL);
	return memcpy(p, s, n);
}

int
__wrap_setenv(const char *name, const char *value, int overwrite)
{
	size_t i;

	if (!active)
		return __real_setenv(name, value, overwrite);
	assert(*name != '\0' && strchr(name, '=') == NULL);
	if ((i = find(name)) < vars) {
		if (!overwrite)
			return 0;
		__real_free(var[i].value);
	} else {
		assert(vars < VARS_MAX);
		vars++;
		var[i].name = copy(name);
	}
	var[i].value = copy(value);
	return 0;
}

void
warn(const char *fmt, ...)
{
	assert(fmt == NULL);  /* conf only dies */
}

void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	assert(active && status == BAD_SETUP);
	longjmp(back, 1);
}

/* Calls what; returns 1 if it returned, 0 if it died; out: what it gave. */
static int
returns(char *(*what)(void), char **out)
{
	size_t i;

	memset(left, 0, sizeof(left));
	said[0] = '\0';
	if (setjmp(back) == 0) {
		active = 1;
		*out = what();
		active = 0;
		for (i = 0; i < LEFT_MAX; i++)
			assert(left[i] == NULL || left[i] == *out);
		return 1;
	}
	active = 0;
	for (i = 0; i < LEFT_MAX; i++)
		free(left[i]);
	return 0;
}

static char *
load(void)
{
	conf_load();
	return NULL;
}

static char *
skip_signature(void)
{
	static char yes[] = "yes";

	return conf_skip_signature() ? yes : NULL;
}

static char *
sender(void)
{
	return (char *)conf_sender();
}

static void
is_url(const char *s)
{
	assert(strncasecmp(s, "http://", 7) == 0 ||
		strncasecmp(s, "https://", 8) == 0);
	assert(strpbrk(s, " \t\r\n\"<>") == NULL);
	assert(strchr("/?#", strstr(s, "://")[3]) == NULL);
}

static void
set_out(const char *name, const char *value)
{
	active = 1;
	setenv(name, value, 1);
	active = 0;
}

static const char *
value_of(const char *name)
{
	return find(name) < vars ? var[find(name)].value : NULL;
}

/* What a value of the file is worth to the functions that read it. */
static void
use(void)
{
	const char *env, *skip;
	char *s;

	if (returns(conf_callback_url, &s) && s != NULL) {
		is_url(s);
		free(s);
	}
	if (returns(conf_api_url, &s)) {
		is_url(s);
		assert(strpbrk(strstr(s, "://") + 3, "/?#") == NULL);
		env = value_of("TWILIO_API_URL");
		assert((env != NULL && *env != '\0') || (strlen(s) > 11 &&
			strcmp(s + strlen(s) - 11, ".twilio.com") == 0));
		free(s);
	}
	if (returns(sender, &s))
		assert(s != NULL && *s != '\0');
	if (returns(skip_signature, &s) && s != NULL) {
		env = value_of("SMS_ENV");
		skip = value_of("SKIP_TWILIO_SIGNATURE_VALIDATION");
		assert(env != NULL && (strcmp(env, "development") == 0 ||
			strcmp(env, "test") == 0));
		assert(skip != NULL && strcasecmp(skip, "true") == 0);
	}
}

/* A message names the file and a line, never what stands in it. */
static void
tells_nothing(void)
{
	const char *rest;
	size_t n = strlen(path);

	if (said[0] != '\'')
		return;
	assert(strncmp(said + 1, path, n) == 0 && said[1 + n] == '\'');
	rest = said + n + 2;
	if (strncmp(rest, " line ", 6) == 0) {
		rest += 6 + strspn(rest + 6, "0123456789");
		assert(strcmp(rest, " is not KEY=VALUE") == 0);
		return;
	}
	assert(strcmp(rest, " has a NUL byte") == 0 ||
		strcmp(rest, " is longer than 65536 bytes") == 0);
}

/* The file, written anew for each input; its name is gone at the end. */
static int
file(void)
{
	static char name[1024];
	static int fd = -1;
	const char *dir = getenv("TMPDIR");

	if (fd >= 0)
		return fd;
	snprintf(name, sizeof(name), "%s/conf-XXXXXX",
		dir != NULL ? dir : "/tmp");
	fd = mkstemp(name);
	assert(fd >= 0);
	path = name;
	return fd;
}

static void
remove_file(void)
{
	unlink(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready;
	size_t i, before;
	int fd = file(), took;
	char *s;

	if (!ready++)
		atexit(remove_file);
	assert(ftruncate(fd, 0) == 0);
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	set_out("SMS_CONF", path);
	set_out("KEPT", kept);
	took = returns(load, &s);
	if (!took)
		tells_nothing();
	before = vars;
	assert(returns(load, &s) == took);
	assert(vars == before);
	assert(strcmp(value_of("KEPT"), kept) == 0);
	assert(strcmp(value_of("SMS_CONF"), path) == 0);
	for (i = 0; i < vars; i++) {
		assert(strpbrk(var[i].value, "\n") == NULL);
		assert(strspn(var[i].name, "abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
			strlen(var[i].name));
	}
	use();
	for (i = 0; i < vars; i++) {
		free(var[i].name);
		free(var[i].value);
	}
	vars = 0;
	return 0;
}

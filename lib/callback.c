#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "callback.h"
#include "conf.h"
#include "num.h"
#include "sign.h"
#include "utf8.h"

enum {
	URL_MAX = 16384,  /* bytes of a signed URL */
	CODE_MAX = 9999999
};

int
callback_is_account(const char *s)
{
	return s[0] == 'A' && s[1] == 'C' &&
		strspn(s + 2, "0123456789abcdefABCDEF") == 32 && s[34] == '\0';
}

int
callback_body_hashed(const char *query, const void *body, size_t len)
{
	static const char name[] = "bodySHA256=";
	char want[SIGN_HEX_SIZE], has[SIGN_HEX_SIZE];
	size_t n;

	/* the first one counts, as in most of Twilio's libraries */
	while (query != NULL && strncmp(query, name, sizeof(name) - 1) != 0)
		if ((query = strchr(query, '&')) != NULL)
			query++;
	if (query == NULL)
		return 0;
	query += sizeof(name) - 1;
	if ((n = strcspn(query, "&#")) >= sizeof(has))
		return 0;
	memcpy(has, query, n);
	has[n] = '\0';
	sign_sha256(want, body, len);
	return sign_equal(want, has);
}

int
callback_authentic(const struct callback *c, const char *tokens,
	const char *url)
{
	const char *account = c->form != NULL ?
		form_get(c->form, "AccountSid") : NULL;
	struct buf called = BUF_INIT(URL_MAX);
	char name[64], *own = NULL;
	int good;

	if (c->form == NULL &&
	    !callback_body_hashed(c->query, c->body, c->body_len))
		return 0;
	if (account != NULL && callback_is_account(account)) {
		snprintf(name, sizeof(name), "TWILIO_AUTH_TOKEN_%s", account);
		own = conf_secret(name);
	}
	good = buf_add(&called, url, strcspn(url, "?#")) == 0 &&
		(c->query == NULL || (buf_addc(&called, '?') == 0 &&
		buf_addstr(&called, c->query) == 0)) &&
		sign_check(c->signature, own != NULL ? own : tokens, called.s,
		c->form);
	buf_release(&called);
	free(own);
	return good;
}

char *
callback_value(const struct form *form, const char *name, const char *other)
{
	const char *v = form_get(form, name);
	size_t len;

	if ((v == NULL || *v == '\0') && other != NULL)
		v = form_get(form, other);
	if (v == NULL || (len = strlen(v)) == 0 || len > CALLBACK_TEXT_MAX ||
	    !utf8_valid(v, len))
		return NULL;
	return (char *)v;  /* records only borrow */
}

int
callback_is_status(const char *s)
{
	return *s != '\0' && strlen(s) <= CALLBACK_STATUS_MAX &&
		s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

char *
callback_ref(char *query)
{
	static struct form form;
	const char *why;

	if (query == NULL || form_parse(&form, query, strlen(query), &why) != 0)
		return NULL;
	return callback_value(&form, "ref", NULL);
}

const char *
callback_record(struct rec *rec, const struct form *form, char *query,
	char at[WHEN_SIZE])
{
	const char *sid, *status;
	long long code;

	memset(rec, 0, sizeof(*rec));
	if ((sid = callback_value(form, "MessageSid", "SmsSid")) == NULL)
		return "no_sid";
	if (!rec_is_sid(sid))
		return "bad_sid";
	status = callback_value(form, "MessageStatus", "SmsStatus");
	if (status == NULL)
		return "no_status";
	if (!callback_is_status(status))
		return "bad_status";
	rec->f[SID] = (char *)sid;
	rec->f[STATUS] = (char *)status;
	rec->f[AT] = at;
	rec->f[SOURCE] = "hook";
	rec->f[TO] = callback_value(form, "To", NULL);
	rec->f[FROM] = callback_value(form, "From", NULL);
	rec->f[ERROR_CODE] = callback_value(form, "ErrorCode", NULL);
	if (rec->f[ERROR_CODE] != NULL &&
	    num_parse(rec->f[ERROR_CODE], 1, CODE_MAX, &code) != 0)
		rec->f[ERROR_CODE] = NULL;
	rec->f[ERROR_MESSAGE] = callback_value(form, "ErrorMessage",
		"ChannelStatusMessage");
	rec->f[REF] = callback_ref(query);
	return NULL;
}

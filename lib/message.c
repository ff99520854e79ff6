#include <string.h>

#include "die.h"
#include "form.h"
#include "message.h"

static const char digits[] = "0123456789";

/* E.164: + and at most 15 digits, of which the first is no 0. */
static int
is_number(const char *s)
{
	size_t n;

	if (s[0] != '+' || s[1] == '0')
		return 0;
	n = strspn(s + 1, digits);
	return n >= 7 && n <= 15 && s[n + 1] == '\0';
}

/* An address of another channel, such as whatsapp:+15005550006. */
static int
is_channel(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	return n > 0 && s[n] == ':' && s[n + 1] != '\0' &&
		strcspn(s, " \t\r\n") == strlen(s);
}

/* 1 to 11 letters, digits and a few signs, but not digits alone. */
static int
is_sender_id(const char *s)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strlen(s), i;

	if (n < 1 || n > 11 || strcspn(s, letters) == n)
		return 0;
	for (i = 0; i < n; i++)
		if (strchr(letters, s[i]) == NULL &&
		    strchr(digits, s[i]) == NULL && strchr(" &+-_", s[i]) == NULL)
			return 0;
	return 1;
}

static int
is_short_code(const char *s)
{
	size_t n = strspn(s, digits);

	return n >= 3 && n <= 8 && s[n] == '\0';
}

const char *
message_from_fault(const char *from)
{
	if (is_number(from) || is_channel(from) || is_sender_id(from) ||
	    is_short_code(from))
		return NULL;
	return "is no number (+ and 7 to 15 digits), short code, sender id or "
		"channel address";
}

const char *
message_to_fault(const char *to)
{
	if (is_number(to) || is_channel(to))
		return NULL;
	return "recipient is not + and 7 to 15 digits, nor a channel address";
}

const char *
message_service_fault(const char *s)
{
	if (s[0] == 'M' && s[1] == 'G' && strlen(s) == 34 &&
	    strspn(s + 2, "0123456789abcdefABCDEF") == 32)
		return NULL;
	return "is not MG and 32 hexadecimal digits";
}

static int
is_ref(const char *s)
{
	size_t n;

	for (n = 0; s[n] > ' ' && s[n] <= '~'; n++)
		;
	return n > 0 && n <= MESSAGE_REF_MAX && s[n] == '\0';
}

/* URLs between blanks; NULL, or what is wrong. */
static const char *
media_fault(const char *s)
{
	size_t len, n = 0;

	for (s += strspn(s, " "); *s != '\0'; s += len, s += strspn(s, " ")) {
		len = strcspn(s, " ");
		if (strncmp(s, "https://", 8) != 0 &&
		    strncmp(s, "http://", 7) != 0)
			return "media is not an http or https URL";
		n++;
	}
	return n > MESSAGE_MEDIA_MAX ? "more than 10 media URLs" : NULL;
}

const char *
message_fault(const struct message *m, const struct message_manner *how,
	struct segment_count *count)
{
	const char *why;

	if (m->to == NULL)
		return "no recipient";
	if ((why = message_to_fault(m->to)) != NULL)
		return why;
	if (m->ref != NULL && !is_ref(m->ref))
		return "ref is not 1 to 100 printable characters without blanks";
	if (m->body == NULL && m->media_url == NULL)
		return "neither a text nor media";
	if (m->body != NULL) {
		if (segment_count(count, m->body) != 0)
			return "text is not UTF-8";
		if (count->characters > MESSAGE_BODY_MAX)
			return "text is longer than 1600 characters";
		if (how->segments_max > 0 &&
		    count->segments > how->segments_max)
			return "text takes more segments than -s allows";
	}
	return m->media_url != NULL ? media_fault(m->media_url) : NULL;
}

static int
add_callback(struct buf *form, const char *url, const char *ref)
{
	struct buf b = BUF_INIT(MESSAGE_FORM_MAX);
	size_t n = strcspn(url, "#");
	int r;

	r = buf_add(&b, url, n);
	r |= buf_addc(&b, memchr(url, '?', n) == NULL ? '?' : '&');
	r |= buf_addstr(&b, "ref=");
	r |= form_encode(&b, ref);
	r |= buf_addstr(&b, url + n);
	if (r == 0)
		r = form_add(form, "StatusCallback", b.s);
	buf_release(&b);
	return r;
}

static int
add_media(struct buf *form, const char *s)
{
	struct buf url = BUF_INIT(MESSAGE_FORM_MAX);
	size_t len;
	int r = 0;

	for (s += strspn(s, " "); *s != '\0'; s += len, s += strspn(s, " ")) {
		len = strcspn(s, " ");
		buf_reset(&url);
		r |= buf_add(&url, s, len);
		r |= form_add(form, "MediaUrl", url.s);
	}
	buf_release(&url);
	return r;
}

void
message_form(struct buf *form, const struct message *m,
	const struct message_manner *how)
{
	struct buf seconds = BUF_INIT(24);
	int r;

	buf_reset(form);
	r = form_add(form, "To", m->to);
	r |= how->from != NULL ? form_add(form, "From", how->from) :
		form_add(form, "MessagingServiceSid", how->service);
	if (m->body != NULL)
		r |= form_add(form, "Body", m->body);
	if (m->media_url != NULL)
		r |= add_media(form, m->media_url);
	if (how->callback != NULL)
		r |= add_callback(form, how->callback, m->ref);
	if (how->send_at != NULL) {
		r |= form_add(form, "ScheduleType", "fixed");
		r |= form_add(form, "SendAt", how->send_at);
	}
	if (how->validity > 0) {
		r |= buf_addf(&seconds, "%lld", how->validity);
		r |= form_add(form, "ValidityPeriod", seconds.s);
		buf_release(&seconds);
	}
	if (how->smart_encoded)
		r |= form_add(form, "SmartEncoded", "true");
	if (r != 0)
		die(BUG, "request longer than %d bytes", MESSAGE_FORM_MAX);
}

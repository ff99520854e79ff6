/*
 * json: what Twilio's API answers and its Event Streams post, read by SQLite's
 * JSON functions (sql/json-*.sql).  Values live until the next call on the
 * same reader.
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

#include "rec.h"

struct json;

struct json *json_open(void);
void json_close(struct json *j);

/*
 * One Message as a status record of that source ("send", "fetch").
 * AT is when it happened, as far as Twilio tells: date_sent for "sent", else
 * date_updated.  A segment count of 0 is not known yet.  Returns 0, or -1
 * when the text is no JSON object with a sid and a status.
 */
int json_message(struct json *j, const char *text, size_t len,
	const char *source, struct rec *rec);

/*
 * Twilio's error object.  Returns 0, or -1 when the text is no JSON object;
 * *code and *message may be NULL.
 */
int json_error(struct json *j, const char *text, size_t len,
	char **code, char **message);

/*
 * A page of messages: each one as a status record of source "list", in the
 * order of the page.  *next is next_page_uri, NULL on the last page.
 * Returns 0, -1 when the text is no page, or what each returned if not 0.
 * body: the text of the message; NULL where there is none that can be read.
 */
int json_page(struct json *j, const char *text, size_t len,
	int (*each)(void *ctx, const struct rec *rec, const char *body),
	void *ctx, const char **next);

/* An event of Twilio's Event Streams; what is not known is NULL. */
struct json_event {
	const char *text;                      /* all of it, JSON */
	const char *id, *type;
	const char *at;                        /* text time */
	const char *sid;
	const char *status;                    /* in lower case */
	const char *error_code, *segments;     /* whole numbers, from 1 */
	const char *to, *from, *service;
	const char *callback;                  /* URL */
	const char *body, *opt_out_type;
};

/*
 * The CloudEvents of an array, in its order, or one alone.  Returns 0, -1 when
 * the text is neither, nor an array of objects, or what each returned if not
 * 0.
 */
int json_events(struct json *j, const char *text, size_t len,
	int (*each)(void *ctx, const struct json_event *e), void *ctx);

/* When the message read last was sent, as a text time; NULL: it was not. */
const char *json_sent_at(const struct json *j);

#endif

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mask.h"
#include "story.h"
#include "table.h"
#include "when.h"

extern const char sql_story[], sql_story_callbacks[], sql_story_history[];

/* The columns of story.sql. */
enum {
	S_SID, S_REF, S_STATUS, S_DIRECTION, S_TO, S_FROM, S_SENDER, S_CREATED,
	S_SEND_AT, S_SENT, S_DELIVERED, S_FAILED, S_UPDATED, S_CHECKED,
	S_SEGMENTS, S_PRICE, S_CURRENCY, S_CODE, S_ERROR, S_LENGTH, S_BODY,
	S_MEDIA
};

/* Those of story-history.sql and story-callbacks.sql. */
enum {
	H_AT, H_CREATED, H_LAG, H_SOURCE, H_STATUS, H_OUTCOME, H_OLD, H_CODE,
	H_COLUMNS
};
enum {
	C_CREATED, C_STATUS, C_OUTCOME, C_ANSWER, C_TOOK, C_PEER, C_COLUMNS
};

struct story {
	struct view_query *message, *history, *callbacks;
	struct explain *explain;
	int full;
	long long now;
};

struct story *
story_open(struct view *v, int full, long long now)
{
	struct story *s = need(sizeof(*s));

	s->message = view_query(v, sql_story);
	s->history = view_query(v, sql_story_history);
	s->callbacks = view_query(v, sql_story_callbacks);
	s->explain = explain_open();
	s->full = full;
	s->now = now;
	return s;
}

void
story_close(struct story *s)
{
	if (s == NULL)
		return;
	view_free(s->message);
	view_free(s->history);
	view_free(s->callbacks);
	explain_close(s->explain);
	free(s);
}

/* A line "name  text", with how long ago that was if it is a time. */
static void
tell(struct story *s, FILE *fp, const char *name, const char *text)
{
	char age[WHEN_AGE_SIZE], *shown;
	long long t;

	if (text == NULL)
		return;
	shown = need_str(text);
	fprintf(fp, "  %-10s ", name);
	table_text(fp, s->full ? shown : mask(shown));
	if (when_parse(text, &t) == 0)
		fprintf(fp, ", %s ago", when_format_age(age, s->now - t));
	putc('\n', fp);
	free(shown);
}

static void
tell_price(struct story *s, FILE *fp)
{
	const char *currency = view_text(s->message, S_CURRENCY);
	const char *price = view_text(s->message, S_PRICE);

	if (price == NULL)
		return;
	fprintf(fp, "  %-10s ", "price");
	table_text(fp, price);
	if (currency != NULL) {
		putc(' ', fp);
		table_text(fp, currency);
	}
	putc('\n', fp);
}

static void
tell_text(struct story *s, FILE *fp)
{
	if (s->full) {
		tell(s, fp, "text", view_text(s->message, S_BODY));
		tell(s, fp, "media", view_text(s->message, S_MEDIA));
	} else if (view_text(s->message, S_LENGTH) != NULL) {
		fprintf(fp, "  %-10s %lld characters\n", "text",
			view_number(s->message, S_LENGTH));
	}
}

static void
tell_error(struct story *s, FILE *fp)
{
	const char *code = view_text(s->message, S_CODE);
	struct explanation e;

	tell(s, fp, "error", code);
	tell(s, fp, "", view_text(s->message, S_ERROR));
	if (code == NULL)
		return;
	explain_code(s->explain, code, &e);
	fprintf(fp, "  %-10s %s (%s)\n", "", e.title, e.class);
	fprintf(fp, "  %-10s %s\n", "", e.sentence);
	fprintf(fp, "  %-10s %s\n", "next step", e.step);
}

static void
tell_history(struct story *s, FILE *fp, long long id)
{
	static const char *const title[H_COLUMNS] = {
		"AT", "LAG", "SOURCE", "STATUS", "OUTCOME", "WAS", "ERROR"
	};
	const char *cell[H_COLUMNS];
	char lag[WHEN_AGE_SIZE];
	struct table t;

	table_begin(&t, fp, "    ", H_COLUMNS - 1);
	view_bind_number(s->history, ":id", id);
	while (view_next(s->history)) {
		if (t.rows == 0) {
			fputs("  history\n", fp);
			table_row(&t, title);
		}
		cell[0] = view_text(s->history, view_text(s->history, H_AT) ==
			NULL ? H_CREATED : H_AT);
		cell[1] = view_text(s->history, H_LAG);
		if (cell[1] != NULL)
			cell[1] = when_format_age(lag,
				view_number(s->history, H_LAG));
		cell[2] = view_text(s->history, H_SOURCE);
		cell[3] = view_text(s->history, H_STATUS);
		cell[4] = view_text(s->history, H_OUTCOME);
		cell[5] = view_text(s->history, H_OLD);
		cell[6] = view_text(s->history, H_CODE);
		table_row(&t, cell);
	}
	table_end(&t);
}

static void
tell_callbacks(struct story *s, FILE *fp, const char *sid)
{
	static const char *const title[C_COLUMNS] = {
		"CAME", "RESULT", "OUTCOME", "ANSWER", "TOOK", "FROM"
	};
	const char *cell[C_COLUMNS];
	char took[40];
	struct table t;
	int i;

	table_begin(&t, fp, "    ", C_COLUMNS);
	view_bind(s->callbacks, ":sid", sid);
	while (view_next(s->callbacks)) {
		if (t.rows == 0) {
			fputs("  callbacks\n", fp);
			table_row(&t, title);
		}
		for (i = 0; i < C_COLUMNS; i++)
			cell[i] = view_text(s->callbacks, i);
		if (cell[C_TOOK] != NULL) {
			snprintf(took, sizeof(took), "%.1f ms",
				view_real(s->callbacks, C_TOOK) / 1000);
			cell[C_TOOK] = took;
		}
		table_row(&t, cell);
	}
	table_end(&t);
}

void
story_tell(struct story *s, FILE *fp, long long id)
{
	static const struct {
		const char *name;
		int column;
	} line[] = {
		{ "ref", S_REF }, { "status", S_STATUS },
		{ "direction", S_DIRECTION }, { "to", S_TO },
		{ "from", S_FROM }, { "sender", S_SENDER },
		{ "created", S_CREATED },
		{ "scheduled", S_SEND_AT }, { "sent", S_SENT },
		{ "delivered", S_DELIVERED }, { "failed", S_FAILED },
		{ "updated", S_UPDATED }, { "checked", S_CHECKED },
		{ "segments", S_SEGMENTS }
	};
	const char *sid;
	size_t i;

	view_bind_number(s->message, ":id", id);
	if (!view_next(s->message))
		return;
	sid = view_text(s->message, S_SID);
	fprintf(fp, "%s\n", sid != NULL ? sid : "message without a SID");
	for (i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		tell(s, fp, line[i].name,
			view_text(s->message, line[i].column));
	tell_price(s, fp);
	tell_text(s, fp);
	tell_error(s, fp);
	tell_history(s, fp, id);
	if (sid != NULL)
		tell_callbacks(s, fp, sid);
	view_stop(s->message);
}

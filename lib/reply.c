#include <string.h>

#include "die.h"
#include "mask.h"
#include "reply.h"

int
reply_judge(struct json *json, const struct twilio_call *c, struct rec *rec,
	struct buf *words, const char **what)
{
	char **f = rec->f;
	int got, status;

	memset(rec, 0, sizeof(*rec));
	if (c->end == TWILIO_DONE && json_message(json, c->answer.s,
	    c->answer.len, "send", rec) == 0)
		return 0;
	memset(rec, 0, sizeof(*rec));
	got = json_error(json, c->answer.s, c->answer.len, &f[ERROR_CODE],
		&f[ERROR_MESSAGE]);
	f[STATUS] = "failed";
	if (c->end == TWILIO_LATER) {
		*what = "never reached Twilio";
		status = TRY_LATER;
	} else if (c->end == TWILIO_DENIED && (f[ERROR_CODE] == NULL ||
	    strncmp(f[ERROR_CODE], "20", 2) == 0)) {
		*what = "Twilio refuses the credentials";
		status = NO_PERMISSION;
	} else if ((c->end == TWILIO_REFUSED || c->end == TWILIO_NONE ||
	    c->end == TWILIO_DENIED) && got == 0) {
		*what = "Twilio refused";
		status = REFUSED;
	} else {
		/* a refusal that is not Twilio's own proves nothing either */
		f[STATUS] = "ambiguous";
		f[ERROR_CODE] = NULL;
		*what = "may have been sent, or not";
		status = UNCLEAR;
	}
	buf_addstr(words, c->end == TWILIO_DONE ?
		"an answer that is no message" :
		f[ERROR_MESSAGE] != NULL ? f[ERROR_MESSAGE] : c->why);
	mask(words->s);
	f[ERROR_MESSAGE] = words->s;
	return status;
}

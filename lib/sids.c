#include <string.h>
#include <unistd.h>

#include "die.h"
#include "mask.h"
#include "rec.h"
#include "sids.h"

void
sids_begin(struct sids *s, char *operands[])
{
	static const struct sids none = {
		.lines = REC_READER(STDIN_FILENO)
	};
	char **p;

	*s = none;
	for (p = operands; *p != NULL; p++)
		if (!rec_is_sid(*p))
			die(BAD_USAGE, "'%s' is no message SID", mask(*p));
	if (*operands != NULL)
		s->operand = operands;
}

void
sids_end(struct sids *s)
{
	rec_release(&s->lines);
}

int
sids_ready(struct sids *s)
{
	return s->operand != NULL || rec_ready(&s->lines);
}

int
sids_next(struct sids *s, struct rec *rec, int (*also)(const struct rec *rec))
{
	int got = 1;

	if (s->operand != NULL) {
		memset(rec, 0, sizeof(*rec));
		if ((rec->f[SID] = *s->operand) != NULL)
			s->operand++;
		else
			got = 0;
	} else {
		got = rec_read(&s->lines, rec);
	}
	s->ended = got == 0;
	if (got == 0 || (got > 0 && (rec->f[SID] != NULL ?
	    rec_is_sid(rec->f[SID]) : also != NULL && also(rec))))
		return got;
	warn("line %zu %s", s->lines.number, got < 0 ? s->lines.why :
		also != NULL && rec->f[SID] == NULL && rec->f[REF] != NULL ?
		"has no SID, and is not one to look up" :
		"does not begin with a message SID");
	s->bad = 1;
	return -1;
}

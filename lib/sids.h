/*
 * sids: the messages that a command is about: its operands or, where it has
 * none, the first fields of the lines of standard input.
 */
#ifndef SIDS_H
#define SIDS_H

#include "rec.h"

struct sids {
	char **operand;           /* the next one; NULL: lines are read */
	struct rec_reader lines;
	int ended;
	int bad;                  /* lines that were none */
};

/* operands: as behind the options in argv.  One that is no SID is BAD_USAGE. */
void sids_begin(struct sids *s, char *operands[]);
void sids_end(struct sids *s);

/* True when sids_next would not wait for a line. */
int sids_ready(struct sids *s);

/*
 * The record of the next one.  Returns 1, 0 at the end, or -1 for a line that
 * is named on stderr: it is not in the format, or has no SID, unless also
 * (or NULL) wants it all the same.  Fields live until the next call.
 */
int sids_next(struct sids *s, struct rec *rec,
	int (*also)(const struct rec *rec));

#endif

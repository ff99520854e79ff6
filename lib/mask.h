/*
 * mask: telephone numbers in what people read, as +4477…123.  Messages and
 * logs get around; records and the store hold the whole numbers.
 */
#ifndef MASK_H
#define MASK_H

#include "rec.h"

/*
 * Replaces by "…", in place, what is between the first digits and the last
 * three of each run of seven digits or more, four digits at least.  SIDs and
 * hashes, words of 32 letters and digits or more, stay.  Returns s.
 */
char *mask(char *s);

/*
 * The same, but only behind a "+": for a message, in which other digits are
 * of lines, counts and paths.  Returns s.
 */
char *mask_message(char *s);

/* As mask, for all fields of a status record that may hold a number. */
void mask_record(struct rec *rec);

#endif

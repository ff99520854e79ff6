/*
 * charname: the Unicode name of a character, to tell people which one keeps
 * their text out of GSM-7.
 *
 * lib/names.tsv holds the names: of what keyboards and word processors put
 * into texts, none of the characters that GSM-7 has.
 */
#ifndef CHARNAME_H
#define CHARNAME_H

enum { CHARNAME_SIZE = 96 };  /* the longest name is about 80 letters */

/* Returns out, or NULL when the name is not in the table. */
const char *charname(char out[CHARNAME_SIZE], long code_point);

#endif

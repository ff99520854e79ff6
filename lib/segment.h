/*
 * segment: how many SMS segments a text takes, counted as Twilio's own
 * calculator does.
 *
 * A text is sent in GSM-7 if each of its characters has a place in the GSM
 * 03.38 alphabet or its extension table, else all of it in UCS-2.  One message
 * holds 160 septets or 70 UTF-16 units; each part of a longer one 153 or 67.
 * An escape pair, a surrogate pair or a grapheme cluster is never split.
 *
 * Clusters are those of UAX 29, a little simplified: Indic conjuncts are not
 * joined, nor a sign to the digits behind it, and above U+FFFF only emoji,
 * flags and tags are known.  CR LF may be split, as the calculator does.  It
 * also splits sequences of emoji newer than 2017; they stay whole here.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

struct segment_count {
	int ucs2;        /* true: UCS-2, false: GSM-7 */
	int segments;    /* at least 1, also of an empty text */
	int units;       /* septets or UTF-16 units of the text */
	int characters;  /* code points, as Twilio's limit of 1600 counts */
};

/* Returns 0, or -1 when utf8 is not UTF-8 (*out is then of no use). */
int segment_count(struct segment_count *out, const char *utf8);

/* True if a text may hold this character and stay in GSM-7. */
int segment_is_gsm7(long code_point);

#endif

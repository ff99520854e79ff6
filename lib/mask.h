/*
 * mask: telephone numbers in what people read.  Messages and logs get around;
 * records and the store hold the whole numbers.
 */
#ifndef MASK_H
#define MASK_H

/*
 * Replaces all but the last four digits of each number of seven digits or
 * more by "*", in place.  Digits within a word (a SID) stay.  Returns s.
 */
char *mask(char *s);

#endif

/*
 * progress: tells a person at a terminal how far long work has come.  Silent
 * for the first two seconds, and always where stderr is no terminal.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

void progress_off(void);                       /* -q */
void progress(const char *done, long long n);  /* "sent", 1200 */
void progress_end(void);                       /* clears the line */

#endif

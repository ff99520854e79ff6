/*
 * access: who was shown numbers in full.  What a person reads is masked;
 * option -P of the tools shows all, and is itself written down.
 */
#ifndef ACCESS_H
#define ACCESS_H

/*
 * Notes the user and the call in table access_log of the database at path.
 * Dies where that cannot be done: nothing is shown then.
 */
void access_note(const char *path, char *const argv[]);

#endif

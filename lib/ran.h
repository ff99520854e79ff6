/*
 * ran: the trace that sms-reconcile leaves of its runs, in a file beside the
 * store: a line of the last one, and before it one of the last that did well,
 * if that was another.  A line is when it ended, its exit status and what it
 * did, separated by TABs.
 */
#ifndef RAN_H
#define RAN_H

enum { RAN_TEXT = 200 };

struct ran {
	long long at;         /* 0: it never ran */
	long long good_at;    /* 0: never, as far as is known */
	int status;
	char text[RAN_TEXT];  /* of the last: "checked 3 applied 1 ..." */
};

/* Of the store at path db.  Returns 0, or -1 with errno. */
int ran_read(struct ran *r, const char *db);

#endif

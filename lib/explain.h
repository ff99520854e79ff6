/*
 * explain: what Twilio's error codes mean, in words of ours, as far as they
 * are known.  Needs no store: the list is compiled in.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

struct explain;

/* All of them live until the next call of explain_code. */
struct explanation {
	int known;
	const char *title;
	const char *class;     /* retry, permanent, account; unknown */
	const char *sentence;
	const char *step;      /* what to do next */
};

struct explain *explain_open(void);
void explain_close(struct explain *e);
void explain_code(struct explain *e, const char *code,
	struct explanation *out);

#endif

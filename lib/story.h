/*
 * story: all that the store knows of one message, told to a person: what was
 * sent, each change with its time, source and lag, the callbacks, the error
 * explained.
 */
#ifndef STORY_H
#define STORY_H

#include <stdio.h>

#include "explain.h"
#include "view.h"

struct story;

/* full: numbers are not masked, and the text is shown. */
struct story *story_open(struct view *v, int full, long long now);
void story_close(struct story *s);
void story_tell(struct story *s, FILE *fp, long long id);

#endif

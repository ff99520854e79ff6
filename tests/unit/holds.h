/*
 * holds: what a unit program claims.  HOLDS(x) names the line where it does
 * not hold, and goes on; main returns failed.
 */
#ifndef HOLDS_H
#define HOLDS_H

#include <stdio.h>

static int failed;

#define HOLDS(what) holds((what), __FILE__, __LINE__, #what)

static void
holds(int yes, const char *file, int line, const char *what)
{
	if (yes)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	failed = 1;
}

#endif

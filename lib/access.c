#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "access.h"
#include "buf.h"
#include "db.h"
#include "die.h"
#include "store.h"
#include "when.h"

extern const char sql_access[];

enum { CALL_MAX = 4096 };  /* bytes of a call; more is cut off */

static const char not_noted[] = "not shown, as -P cannot be noted: ";

void
access_note(const char *path, char *const argv[])
{
	struct passwd *user = getpwuid(getuid());
	struct buf call = BUF_INIT(CALL_MAX);
	const char *const query[] = { sql_access };
	struct db_kind kind = store_kind;
	char who[64], at[WHEN_SIZE];
	sqlite3_stmt *q;
	const char *why;
	struct db *d;
	int r;

	if (user != NULL)
		snprintf(who, sizeof(who), "%s", user->pw_name);
	else
		snprintf(who, sizeof(who), "%lld", (long long)getuid());
	buf_addstr(&call, progname);
	while (*++argv != NULL && buf_addc(&call, ' ') == 0 &&
	    buf_addstr(&call, *argv) == 0)
		;
	kind.query = query;
	kind.queries = 1;
	/* without a store there is nothing to be shown either */
	if ((r = db_open(&d, path, DB_EXISTING, &kind, &why)) != 0)
		die(r, "%s%s", r == BAD_SETUP ? "" : not_noted, why);
	q = db_query(d, 0);
	db_bind(q, ":who", who);
	db_bind(q, ":command", call.s);
	db_bind(q, ":now", when_format(at, when_now()));
	if ((r = db_change(d, q, NULL)) != 0)
		die(r, "%s%s", not_noted, db_why(d));
	db_close(d);
	buf_release(&call);
}

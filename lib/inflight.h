/*
 * inflight: which messages are being sent at this moment, and by a process
 * that lives.  A sender locks one byte of a file for each message it has
 * written down and not settled yet; the system drops the lock when the process
 * ends, however it ends.  So a row that is "pending" and not locked was left
 * by somebody who died, and nobody knows whether its request went out.
 */
#ifndef INFLIGHT_H
#define INFLIGHT_H

struct inflight;

/*
 * db: path of the database; the file lies beside it.  Returns NULL with errno
 * when it cannot be opened.
 */
struct inflight *inflight_open(const char *db);

/*
 * The same for one who only asks inflight_held(): makes no file and needs no
 * right to write.  With ENOENT nobody ever held any.
 */
struct inflight *inflight_look(const char *db);
void inflight_close(struct inflight *f);

/* id: of the row, above 0.  Both return 0, or -1 with errno. */
int inflight_hold(struct inflight *f, long long id);
int inflight_drop(struct inflight *f, long long id);

/* True when we or another process hold it. */
int inflight_held(struct inflight *f, long long id);

#endif

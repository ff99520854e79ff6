#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "inflight.h"

enum { PATH_SIZE = 4096 };

struct inflight {
	int fd;
	long long *own;  /* what we hold: our own locks do not show */
	size_t n;
};

static int
control(struct inflight *f, int how, short type, long long id, short *found)
{
	struct flock l;
	int r;

	memset(&l, 0, sizeof(l));
	l.l_type = type;
	l.l_whence = SEEK_SET;
	l.l_start = (off_t)id;
	l.l_len = 1;
	while ((r = fcntl(f->fd, how, &l)) != 0 && errno == EINTR)
		;
	if (found != NULL)
		*found = l.l_type;
	return r;
}

static struct inflight *
open_file(const char *db, int flags)
{
	struct buf path = BUF_INIT(PATH_SIZE);
	struct inflight *f;
	int fd;

	if (buf_addf(&path, "%s.inflight", db) != 0) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = open(path.s, flags, 0600);
	buf_release(&path);
	if (fd < 0)
		return NULL;
	f = need(sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->fd = fd;
	return f;
}

struct inflight *
inflight_open(const char *db)
{
	return open_file(db, O_RDWR | O_CREAT);
}

struct inflight *
inflight_look(const char *db)
{
	return open_file(db, O_RDONLY);
}

void
inflight_close(struct inflight *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	free(f->own);
	free(f);
}

int
inflight_hold(struct inflight *f, long long id)
{
	if (control(f, F_SETLK, F_WRLCK, id, NULL) != 0)
		return -1;
	f->own = need_again(f->own, (f->n + 1) * sizeof(f->own[0]));
	f->own[f->n++] = id;
	return 0;
}

static size_t
own_place(const struct inflight *f, long long id)
{
	size_t i;

	for (i = 0; i < f->n && f->own[i] != id; i++)
		;
	return i;
}

int
inflight_drop(struct inflight *f, long long id)
{
	size_t i = own_place(f, id);

	if (i < f->n)
		f->own[i] = f->own[--f->n];
	return control(f, F_SETLK, F_UNLCK, id, NULL);
}

int
inflight_held(struct inflight *f, long long id)
{
	short found;

	/* who cannot tell must not say that it is free */
	return own_place(f, id) < f->n ||
		control(f, F_GETLK, F_WRLCK, id, &found) != 0 ||
		found != F_UNLCK;
}

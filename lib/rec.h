/*
 * rec: one record a line, sms-record(5): fields between TABs, with \t \n \r
 * and \\ for those characters, \N for "not known", # before a comment.
 */
#ifndef REC_H
#define REC_H

#include <stddef.h>
#include <stdio.h>

#include "buf.h"

enum {
	REC_MAX = 32,          /* fields kept of a line; more are ignored */
	REC_LINE_MAX = 65536   /* bytes of a line with its newline */
};

/* The fields of a status record. */
enum {
	SID, STATUS, ERROR_CODE, AT, SOURCE, TO, FROM, DIRECTION, SEGMENTS,
	PRICE, CURRENCY, REF, CREATED_AT, ERROR_MESSAGE, BODY_SHA256,
	STATUS_FIELDS
};

/* The fields of an outcome record; its first is SID too. */
enum { OUTCOME = 1, OLD, NEW, OUTCOME_CODE, OUTCOME_REF, OUTCOME_FIELDS };

/* The fields of a send record. */
enum { SEND_TO, SEND_BODY, SEND_REF, SEND_MEDIA_URL, SEND_FIELDS };

/* A field that is not known, or that the line does not have, is NULL. */
struct rec {
	char *f[REC_MAX];
};

struct rec_reader {
	int fd;              /* 0 for standard input */
	char *data;          /* owned; the fields of a record point into it */
	size_t start, end;   /* what of data is read and not yet used */
	size_t number;       /* of the line returned last, from 1 */
	const char *why;     /* after -1: what is wrong with the line */
	int eof;
};

#define REC_READER(fd) { (fd), NULL, 0, 0, 0, NULL, 0 }

/* Reads lines in memory, which is written to and not released. */
#define REC_LINES(s, len) { -1, (s), 0, (len), 0, NULL, 1 }

/*
 * The next record, decoded; comments and empty lines are passed over.
 * Returns 1, 0 at the end, or -1 for a line that is not in the format: too
 * long, not UTF-8, with a NUL or a wrong escape, or without its newline (a
 * stream cut off); reading goes on behind it.  Fields live until the next
 * call.  A failing read(2) dies with IO_FAILED.
 */
int rec_read(struct rec_reader *r, struct rec *rec);
void rec_release(struct rec_reader *r);

/*
 * True when rec_read would not wait for more input.  Reads what is there
 * already, so the fields of the last record are gone.
 */
int rec_ready(struct rec_reader *r);

/*
 * Copies the first n fields of from to *to, and their text into the memory
 * that is returned and that to lives in; the caller frees it.
 */
char *rec_copy(struct rec *to, const struct rec *from, size_t n);

/*
 * Adds a line of n fields; NULL and the empty string become \N.  Returns 0,
 * or -1 if it passes the ceiling (nothing is added).
 */
int rec_add(struct buf *b, char *const f[], size_t n);

/* Writes such a line. */
void rec_write(FILE *fp, char *const f[], size_t n);

/*
 * The same for what is meant for standard output: if that is a terminal, where
 * a person reads it, telephone numbers are masked.
 */
void rec_show(FILE *fp, char *const f[], size_t n);

/* True if it is one. */
int rec_read_by_person(void);

/* The names of the fields, separated by TABs as the records are. */
extern const char rec_status_names[], rec_outcome_names[], rec_send_names[];

/* The "#" line of -H. */
void rec_header_status(FILE *fp);
void rec_header_outcome(FILE *fp);

/* 34 characters: SM or MM and 32 hexadecimal digits. */
int rec_is_sid(const char *s);

#endif

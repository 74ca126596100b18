/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmpline.h - QMP's bytes become messages: one JSON object a line, bounded
 * in length and depth, sorted into the four kinds there are. This is the one
 * place that reads what QEMU (and so, possibly, a guest that took it over)
 * wrote on the control connection. Runs in korora-qmp.
 */
#ifndef KR_QMPLINE_H
#define KR_QMPLINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_QMPLINE_BYTES_MAX	262144u	/* of a line, newline included */
#define KR_QMPLINE_DEPTH_MAX	24u	/* of nested objects and arrays */

enum kr_qmpline_kind {
	KR_QMPLINE_GREETING,
	KR_QMPLINE_RETURN,
	KR_QMPLINE_ERROR,
	KR_QMPLINE_EVENT,
};

struct kr_qmpline_msg {
	enum kr_qmpline_kind kind;
	json_t		    *root;	/* for json_decref() by the caller */
	json_t		    *body;	/* within root: QMP, return, data (may
					 * be NULL) */
	const char	    *text;	/* event's name or error's text */
	uint64_t	     id;	/* RETURN and ERROR */
	uint64_t	     wall_us;	/* EVENT: QEMU's time stamp, 0 = none */
};

struct kr_qmpline {
	char  *buf;			/* KR_QMPLINE_BYTES_MAX */
	size_t start, end;		/* of what is not yet taken */
	size_t seen;			/* up to here there is no newline */
};

/** kr_qmpline_init() - Allocate the buffer; kr_qmpline_fini() frees it. */
int kr_qmpline_init(struct kr_qmpline *q, struct kr_err *e);

/** kr_qmpline_room() - Where to read to; never 0 bytes after next() gave 0. */
char *kr_qmpline_room(struct kr_qmpline *q, size_t *ret_n);

/** kr_qmpline_added() - @n bytes were read there. */
void kr_qmpline_added(struct kr_qmpline *q, size_t n);

/**
 * kr_qmpline_next() - Take the next message
 *
 * Return: 1 with *@ret_m; 0 if more bytes are needed; < 0 with
 *         KR_E_QMP_MALFORMED, after which the connection is of no use.
 */
int kr_qmpline_next(struct kr_qmpline *q, struct kr_qmpline_msg *ret_m,
		    struct kr_err *e);

void kr_qmpline_fini(struct kr_qmpline *q);

#endif

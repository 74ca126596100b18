/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - how far a migration is: one redrawn line with a bar on a
 * terminal, otherwise plain lines, one per phase and at most one per second.
 */
#ifndef KR_CLIENT_PROGRESS_H
#define KR_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define KR_PROGRESS_LINE_MS	1000u	/* between plain lines of a phase */

struct kr_progress {
	FILE	*out;		/* NULL = silent */
	bool	 redraw;	/* @out is a terminal that can */
	bool	 drawn;		/* a line without its newline stands there */
	bool	 told;		/* that it does not converge */
	char	 phase[16];	/* of the latest line */
	char	 migration[80];	/* its ID, once known */
	uint64_t next_ns;	/* plain lines: not before */
};

/** kr_progress_init() - @out: borrowed, NULL for silence */
void kr_progress_init(struct kr_progress *p, FILE *out);

/** kr_progress_event() - An event's JSON text; @arg is the kr_progress. */
void kr_progress_event(const char *json, void *arg);

/** kr_progress_end() - Leave the cursor on an empty line. */
void kr_progress_end(struct kr_progress *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wipe.h - the memory of a process that will not run again, overwritten before
 * the kernel takes it back: whoever is given its pages finds zeros.
 */
#ifndef KR_CLEAR_WIPE_H
#define KR_CLEAR_WIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Of one process, from /proc/PID, see proc(5). All borrowed. */
struct kr_wipe_of {
	int maps;	/* to read */
	int pagemap;	/* to read */
	int mem;	/* to write */
};

struct kr_wiped {
	uint64_t bytes;		/* overwritten */
	uint64_t left;		/* were to be, and could not */
};

/**
 * kr_wipe_process() - Overwrite all that it alone holds
 *
 * Its writable private memory, without pages of files that it never changed,
 * and files in memory (memfd) that it has mapped. Pages that never were
 * touched stay so. The process must be stopped, and must not be let run.
 *
 * Return: 0, what could not be written is counted in @ret_w; < 0 if what is
 *         mapped could not be read.
 */
int kr_wipe_process(const struct kr_wipe_of *p, struct kr_wiped *ret_w,
		    struct kr_err *e);

/* A line of /proc/PID/maps, as far as it matters here. */
struct kr_wipe_map {
	uint64_t start, end;	/* bytes, of whole pages */
	bool	 files_too;	/* a file in memory: its pages are wiped, too */
};

/**
 * kr_wipe_map() - Is there in that line what is to be wiped?
 * @line: without its newline
 */
bool kr_wipe_map(const char *line, struct kr_wipe_map *ret_m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - run a program to hear its answer, with bounded output and time.
 * Blocks; used by kororad for probes, before any VM or peer is involved.
 */
#ifndef KR_ASK_H
#define KR_ASK_H

#include <stddef.h>

#include "base/err.h"

#define KR_ASK_FD	9	/* where the program finds @fd */

/**
 * kr_ask_run() - Run @argv and collect its standard output
 * @argv:     argv[0] is an absolute path; the environment is empty
 * @fd:       handed to the program as KR_ASK_FD; -1 for none
 * @time_ms:  it is killed after that
 * @out:      @size bytes, NUL-terminated; more output is an error
 * @ret_exit: its exit status
 *
 * Return: 0; KR_E_NO_QEMU if it cannot be started or dies by a signal,
 *         KR_E_HYPER_SLOW, KR_E_LIMIT.
 */
int kr_ask_run(char *const argv[], int fd, unsigned int time_ms, char *out,
	       size_t size, int *ret_exit, struct kr_err *e);

#endif

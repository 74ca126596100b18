/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwfile.h - the rules that a definition names: `firewall = FILE` in [vm] is
 * what a user writes, a section [firewall] with the lines of that file what
 * kororad gets. A definition names no file of the host that it was written on.
 */
#ifndef KR_FWFILE_H
#define KR_FWFILE_H

#include "base/err.h"

#define KR_FWFILE_BYTES_MAX	32768u	/* of a file of rules */

/**
 * kr_fwfile_take() - Put the rules into the definition
 * @file: the definition's; a relative FILE is beside it
 * @text: the definition, NUL-terminated
 * @ret:  owned by the caller; NULL if it names no file
 *
 * Lines of the definition keep their numbers. What is wrong with the
 * definition is left for kororad to tell.
 *
 * Return: 0; < 0 with KR_E_FW_RULE or KR_E_CONFIG and "FILE:LINE: …".
 */
int kr_fwfile_take(const char *file, const char *text, char **ret,
		   struct kr_err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demands.h - the protection that the policy in force demands for a VM, beside
 * what Kororā always gives: less is refused, and nothing begins.
 */
#ifndef KR_DAEMON_DEMANDS_H
#define KR_DAEMON_DEMANDS_H

#include "daemon/host.h"
#include "evidence/terms.h"

/**
 * kr_demands_check() - Is what @t has come to by now all that @b demands?
 *
 * What is not agreed yet in @t is not asked for yet. Return: 0;
 * KR_E_PROTECTION with the first thing that is missing.
 */
int kr_demands_check(const struct kr_book *b, const struct kr_terms *t,
		     struct kr_err *e);

/** kr_demands_early() - May a VM run before all of its memory is there? */
bool kr_demands_early(const struct kr_host *h, const char *vm);

#endif

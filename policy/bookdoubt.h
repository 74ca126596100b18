/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookdoubt.h - what is no error in a policy, and yet is hardly meant: classes
 * of roles that nobody can have, items that none of a triple's procedures is
 * used on, tenants' items that no subject may touch, approvals that a second
 * triple does without.
 */
#ifndef KR_POLICY_BOOKDOUBT_H
#define KR_POLICY_BOOKDOUBT_H

#include "policy/book.h"

#define KR_BOOKDOUBT_BYTES	256u	/* of one, its NUL included */

/**
 * kr_bookdoubt_each() - All doubts about a finished policy
 * @fn: called with "FILE:LINE: [triple NAME] …", or without file and line for
 *      what is not of a triple
 */
void kr_bookdoubt_each(const struct kr_book *b,
		       void (*fn)(void *arg, const char *text), void *arg);

#endif

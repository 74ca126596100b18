/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgepolicy.h - the criteria that a policy may demand and need not, one
 * function each, as those of judgeway.h. What it demanded is known if the
 * policy decided by here is at hand (kr_judge_policy()).
 */
#ifndef KR_CLIENT_JUDGEPOLICY_H
#define KR_CLIENT_JUDGEPOLICY_H

#include <stddef.h>

#include "client/judge.h"

/**
 * kr_judgepolicy_demand() - What a line "key=value" of the policy says
 * @ret_n: length of the value, which no NUL ends
 *
 * Return: the value, borrowed from @file; NULL if there is none, or it is not
 *	   known.
 */
const char *kr_judgepolicy_demand(const json_t *file, const char *key,
				  size_t *ret_n);

void kr_judgepolicy_destination(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_attestation(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_scanners(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_whole(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_root(const json_t *file, struct kr_judgement *j);

#endif

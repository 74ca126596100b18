/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgepolicy.h - the criteria that a policy may demand and need not, one
 * function each, as those of judgeway.h. What it demanded is known if the
 * policy decided by here is at hand (kr_judge_policy()).
 */
#ifndef KR_CLIENT_JUDGEPOLICY_H
#define KR_CLIENT_JUDGEPOLICY_H

#include <stdbool.h>

#include "client/judge.h"

#define KR_DEMAND_BYTES		1024u	/* all demands together have no more */

/**
 * kr_judgepolicy_demand() - What a line "key=value" of the policy says
 *
 * Return: false, and "" in @out, if it does not or is not known.
 */
bool kr_judgepolicy_demand(const json_t *file, const char *key,
			   char out[KR_DEMAND_BYTES]);

void kr_judgepolicy_attestation(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_scanners(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_whole(const json_t *file, struct kr_judgement *j);
void kr_judgepolicy_root(const json_t *file, struct kr_judgement *j);

#endif

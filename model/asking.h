/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asking.h - every request that can be said in a universe, with whatever it
 * may carry there, and with nobody and nothing.
 */
#ifndef KR_MODEL_ASKING_H
#define KR_MODEL_ASKING_H

#include "model/universe.h"
#include "policy/rules.h"

#define KR_ASKING_MAX	UINT16_MAX	/* requests: none has that number */

struct kr_asking {
	struct kr_ask *asks;
	unsigned int   n, n_max;
};

/**
 * kr_asking_all() - All of them
 * @ret_a: empty; for kr_asking_clear(), also on failure
 *
 * Return: 0; -ENOMEM; -E2BIG.
 */
int kr_asking_all(struct kr_asking *ret_a, const struct kr_universe *u);
void kr_asking_clear(struct kr_asking *a);

#endif

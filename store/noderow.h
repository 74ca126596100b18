/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noderow.h - the inner nodes of the evidence log's tree, so that a proof does
 * not read the whole log: the root of each complete subtree of 2^level leaves,
 * level 1 and up. They follow from the leaves; only evidence/ledger.c writes
 * them.
 */
#ifndef KR_STORE_NODEROW_H
#define KR_STORE_NODEROW_H

#include <stdint.h>

#include "store/store.h"

/** kr_noderow_add() - Insert one; one that exists is a failure. */
int kr_noderow_add(struct kr_store *s, unsigned int level, uint64_t idx,
		   const uint8_t hash[32], struct kr_err *e);

/** kr_noderow_get() - Return: 0; 1 if there is none. */
int kr_noderow_get(struct kr_store *s, unsigned int level, uint64_t idx,
		   uint8_t ret_hash[32], struct kr_err *e);

/** kr_noderow_count() - How many there are. */
int kr_noderow_count(struct kr_store *s, uint64_t *ret_n, struct kr_err *e);

/** kr_noderow_clear() - Remove all. */
int kr_noderow_clear(struct kr_store *s, struct kr_err *e);

#endif

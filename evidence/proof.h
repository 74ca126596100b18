/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.h - RFC 6962's proofs about a Merkle tree: that a leaf is in it
 * (2.1.1), and that it grew from an earlier one (2.1.2). Making one needs the
 * roots of a few complete subtrees, as many as the tree has levels, whatever
 * its size; checking one needs nothing but the proof. Pure arithmetic. Used
 * in kororad and the client.
 */
#ifndef KR_EVIDENCE_PROOF_H
#define KR_EVIDENCE_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/merkle.h"

#define KR_PROOF_HASHES_MAX	63u	/* C2SP tlog-witness allows no more */
#define KR_PROOF_SIZE_MAX	((1ull << 53) - 1)	/* leaves of a tree */

struct kr_proof {
	uint8_t n;			/* hashes, in the order of RFC 6962 */
	uint8_t hash[KR_PROOF_HASHES_MAX][KR_HASH_BYTES];
};

/* Where hashes come from: the root of leaves idx << level and as many behind
 * it as make 2^level.
 */
struct kr_proof_tree {
	int (*root)(void *arg, unsigned int level, uint64_t idx,
		    uint8_t ret[32], struct kr_err *e);
	void *arg;
};

/**
 * kr_proof_leaf() - Leaf @idx is in the tree of the first @size leaves
 * kr_proof_growth() - That tree begins with the first @from leaves; no hashes
 * if @from is 0 or @size
 *
 * Return: 0; KR_E_LIMIT if @idx or @from is not in it; what the tree fails of.
 */
int kr_proof_leaf(const struct kr_proof_tree *t, uint64_t idx, uint64_t size,
		  struct kr_proof *ret_p, struct kr_err *e);
int kr_proof_growth(const struct kr_proof_tree *t, uint64_t from,
		    uint64_t size, struct kr_proof *ret_p, struct kr_err *e);

/**
 * kr_proof_has_leaf() - Does @p show that? As RFC 9162, 2.1.3.2
 * kr_proof_has_grown() - And this? As RFC 9162, 2.1.4.2
 * @leaf: its hash
 */
bool kr_proof_has_leaf(const struct kr_proof *p, uint64_t idx, uint64_t size,
		       const uint8_t leaf[32], const uint8_t root[32]);
bool kr_proof_has_grown(const struct kr_proof *p, uint64_t from,
			const uint8_t from_root[32], uint64_t size,
			const uint8_t root[32]);

#endif

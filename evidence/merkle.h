/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle.h - the Merkle tree of RFC 6962 and RFC 9162 with SHA-256: hashes,
 * a frontier that grows by one leaf at a time, and proofs. Pure arithmetic:
 * no I/O, no errors but a false answer.
 */
#ifndef KR_EVIDENCE_MERKLE_H
#define KR_EVIDENCE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

#define KR_HASH_BYTES		32u
#define KR_MERKLE_DEPTH		64u	/* levels; hashes of one proof */

/* The roots of the perfect subtrees of a tree, one for each bit of its size. */
struct kr_merkle {
	uint64_t size;			/* leaves */
	uint8_t	 node[KR_MERKLE_DEPTH][KR_HASH_BYTES];
};

struct kr_merkle_proof {
	unsigned int n;
	uint8_t	     hash[KR_MERKLE_DEPTH][KR_HASH_BYTES];
};

/**
 * kr_merkle_leaf() - SHA-256 of 0x00 and the data
 * kr_merkle_node() - SHA-256 of 0x01, left and right
 */
void kr_merkle_leaf(const void *data, size_t n_bytes, uint8_t ret[32]);
void kr_merkle_node(const uint8_t left[32], const uint8_t right[32],
		    uint8_t ret[32]);

/** kr_merkle_append() - Add one leaf's hash; { 0 } is the empty tree. */
void kr_merkle_append(struct kr_merkle *m, const uint8_t leaf[32]);

/** kr_merkle_root() - The root; SHA-256 of nothing for the empty tree. */
void kr_merkle_root(const struct kr_merkle *m, uint8_t ret[32]);

/** kr_merkle_root_of() - The same from all leaf hashes, by definition. */
void kr_merkle_root_of(const uint8_t (*leaves)[32], uint64_t n,
		       uint8_t ret[32]);

/**
 * kr_merkle_inclusion() - Prove that leaf @idx is in the tree of @n leaves
 * kr_merkle_consistency() - Prove that the tree of @m leaves is its prefix
 * @leaves: all @n leaf hashes; @idx < @n, 0 < @m <= @n
 */
void kr_merkle_inclusion(const uint8_t (*leaves)[32], uint64_t n, uint64_t idx,
			 struct kr_merkle_proof *ret_p);
void kr_merkle_consistency(const uint8_t (*leaves)[32], uint64_t n, uint64_t m,
			   struct kr_merkle_proof *ret_p);

/** kr_merkle_included() - Check an inclusion proof (RFC 9162, 2.1.3.2). */
bool kr_merkle_included(const uint8_t leaf[32], uint64_t idx, uint64_t n,
			const uint8_t root[32],
			const struct kr_merkle_proof *p);

/** kr_merkle_consistent() - Check a consistency proof (RFC 9162, 2.1.4.2). */
bool kr_merkle_consistent(uint64_t m, const uint8_t old_root[32], uint64_t n,
			  const uint8_t root[32],
			  const struct kr_merkle_proof *p);

/**
 * kr_merkle_put() - Write a proof for the wire: u8 count, the hashes
 * kr_merkle_get() - Read one; more than KR_MERKLE_DEPTH hashes is bad
 */
void kr_merkle_put(struct kr_wr *w, const struct kr_merkle_proof *p);
void kr_merkle_get(struct kr_rd *r, struct kr_merkle_proof *ret_p);

#endif

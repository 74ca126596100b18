/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle.h - the Merkle tree of RFC 6962 with SHA-256: hashes, and a frontier
 * that grows by one leaf at a time. Pure arithmetic: no I/O, no errors.
 */
#ifndef KR_EVIDENCE_MERKLE_H
#define KR_EVIDENCE_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define KR_HASH_BYTES		32u
#define KR_MERKLE_DEPTH		64u	/* levels */

/*
 * A tree that grows: node[n] is the root of its last complete subtree of 2^n
 * leaves. Those of the bits of its size make up its root.
 */
struct kr_merkle {
	uint64_t size;			/* leaves */
	uint8_t	 node[KR_MERKLE_DEPTH][KR_HASH_BYTES];
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

#endif

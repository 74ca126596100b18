/* SPDX-License-Identifier: Apache-2.0 */
/* merkle.c - the Merkle tree of RFC 6962. Used in kororad and the client. */
#include "evidence/merkle.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Hashing fails only without memory, and then nothing here has an answer. */
static void sha256(uint8_t tag, const void *a, size_t n_a, const void *b,
		   size_t n_b, uint8_t ret[32])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || !EVP_DigestInit_ex(c, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(c, &tag, 1) || !EVP_DigestUpdate(c, a, n_a) ||
	    !EVP_DigestUpdate(c, b, n_b) || !EVP_DigestFinal_ex(c, ret, NULL))
		abort();
	EVP_MD_CTX_free(c);
}

void kr_merkle_leaf(const void *data, size_t n_bytes, uint8_t ret[32])
{
	sha256(0, data, n_bytes, "", 0, ret);
}

void kr_merkle_node(const uint8_t left[32], const uint8_t right[32],
		    uint8_t ret[32])
{
	sha256(1, left, 32, right, 32, ret);
}

void kr_merkle_append(struct kr_merkle *m, const uint8_t leaf[32])
{
	uint8_t h[32];
	unsigned int level = 0;

	memcpy(h, leaf, 32);
	for (; m->size >> level & 1; level++)
		kr_merkle_node(m->node[level], h, h);
	memcpy(m->node[level], h, 32);
	m->size++;
}

void kr_merkle_root(const struct kr_merkle *m, uint8_t ret[32])
{
	unsigned int level = 0;
	uint8_t h[32];

	if (!m->size) {
		kr_merkle_root_of(NULL, 0, ret);
		return;
	}
	while (!(m->size >> level & 1))
		level++;
	memcpy(h, m->node[level], 32);
	while (++level < KR_MERKLE_DEPTH)
		if (m->size >> level & 1)
			kr_merkle_node(m->node[level], h, h);
	memcpy(ret, h, 32);
}

/* The largest power of two below @n, for n > 1. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

void kr_merkle_root_of(const uint8_t (*leaves)[32], uint64_t n,
		       uint8_t ret[32])
{
	uint8_t l[32], r[32];
	uint64_t k;

	if (!n) {
		if (!EVP_Digest("", 0, ret, NULL, EVP_sha256(), NULL))
			abort();
		return;
	}
	if (n == 1) {
		memcpy(ret, leaves[0], 32);
		return;
	}
	k = split(n);
	kr_merkle_root_of(leaves, k, l);
	kr_merkle_root_of(leaves + k, n - k, r);
	kr_merkle_node(l, r, ret);
}

static void push_root(struct kr_merkle_proof *p, const uint8_t (*leaves)[32],
		      uint64_t n)
{
	assert(p->n < KR_MERKLE_DEPTH);
	kr_merkle_root_of(leaves, n, p->hash[p->n++]);
}

/* PATH() of RFC 9162, 2.1.3.1. */
static void inclusion(const uint8_t (*leaves)[32], uint64_t n, uint64_t idx,
		      struct kr_merkle_proof *p)
{
	uint64_t k;

	if (n == 1)
		return;
	k = split(n);
	if (idx < k) {
		inclusion(leaves, k, idx, p);
		push_root(p, leaves + k, n - k);
	} else {
		inclusion(leaves + k, n - k, idx - k, p);
		push_root(p, leaves, k);
	}
}

void kr_merkle_inclusion(const uint8_t (*leaves)[32], uint64_t n, uint64_t idx,
			 struct kr_merkle_proof *ret_p)
{
	assert(idx < n);
	ret_p->n = 0;
	inclusion(leaves, n, idx, ret_p);
}

/* SUBPROOF() of RFC 9162, 2.1.4.1; @whole: the old tree's root is known. */
static void consistency(const uint8_t (*leaves)[32], uint64_t n, uint64_t m,
			bool whole, struct kr_merkle_proof *p)
{
	uint64_t k;

	if (m == n) {
		if (!whole)
			push_root(p, leaves, n);
		return;
	}
	k = split(n);
	if (m <= k) {
		consistency(leaves, k, m, whole, p);
		push_root(p, leaves + k, n - k);
	} else {
		consistency(leaves + k, n - k, m - k, false, p);
		push_root(p, leaves, k);
	}
}

void kr_merkle_consistency(const uint8_t (*leaves)[32], uint64_t n, uint64_t m,
			   struct kr_merkle_proof *ret_p)
{
	assert(m && m <= n);
	ret_p->n = 0;
	consistency(leaves, n, m, true, ret_p);
}

bool kr_merkle_included(const uint8_t leaf[32], uint64_t idx, uint64_t n,
			const uint8_t root[32],
			const struct kr_merkle_proof *p)
{
	uint64_t fn = idx, sn = n - 1;
	uint8_t h[32];

	if (idx >= n || p->n > KR_MERKLE_DEPTH)
		return false;
	memcpy(h, leaf, 32);
	for (unsigned int i = 0; i < p->n; i++) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			kr_merkle_node(p->hash[i], h, h);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			kr_merkle_node(h, p->hash[i], h);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && !memcmp(h, root, 32);
}

bool kr_merkle_consistent(uint64_t m, const uint8_t old_root[32], uint64_t n,
			  const uint8_t root[32],
			  const struct kr_merkle_proof *p)
{
	uint64_t fn, sn;
	uint8_t fr[32], sr[32];
	unsigned int i = 0;

	if (!m || m > n || p->n > KR_MERKLE_DEPTH)
		return false;
	if (m == n)
		return !p->n && !memcmp(old_root, root, 32);
	fn = m - 1;
	sn = n - 1;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	/* A power of two is a subtree of the new tree: its root is the start. */
	if (!(m & (m - 1)))
		memcpy(fr, old_root, 32);
	else if (p->n)
		memcpy(fr, p->hash[i++], 32);
	else
		return false;
	memcpy(sr, fr, 32);
	for (; i < p->n; i++) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			kr_merkle_node(p->hash[i], fr, fr);
			kr_merkle_node(p->hash[i], sr, sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			kr_merkle_node(sr, p->hash[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && !memcmp(fr, old_root, 32) && !memcmp(sr, root, 32);
}

void kr_merkle_put(struct kr_wr *w, const struct kr_merkle_proof *p)
{
	kr_wr_u8(w, (uint8_t)p->n);
	kr_wr_bytes(w, p->hash, p->n * KR_HASH_BYTES);
}

void kr_merkle_get(struct kr_rd *r, struct kr_merkle_proof *ret_p)
{
	unsigned int n = kr_rd_u8(r);

	ret_p->n = 0;
	if (n > KR_MERKLE_DEPTH) {
		r->bad = true;
		return;
	}
	kr_rd_bytes(r, ret_p->hash, n * KR_HASH_BYTES);
	if (!r->bad)
		ret_p->n = n;
}

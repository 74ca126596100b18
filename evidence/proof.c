/* SPDX-License-Identifier: Apache-2.0 */
/* proof.c - RFC 6962's proofs, made and checked. In kororad and the client. */
#include "evidence/proof.h"

#include <inttypes.h>
#include <string.h>

/* ---- making ------------------------------------------------------------ */

/* The largest power of two below @n, which is at least 2. */
static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

/* The root of @n leaves from @at on; @at is a multiple of 2^level for every
 * bit of @n.
 */
static int range(const struct kr_proof_tree *t, uint64_t at, uint64_t n,
		 uint8_t ret[32], struct kr_err *e)
{
	bool first = true;

	for (unsigned int level = 0; n >> level; level++) {
		uint64_t before = n >> level & ~1ull;
		uint8_t h[32];
		int r;

		if (!(n >> level & 1))
			continue;
		r = t->root(t->arg, level, (at >> level) + before, h, e);
		if (r)
			return r;
		if (first)
			memcpy(ret, h, 32);
		else
			kr_merkle_node(h, ret, ret);
		first = false;
	}
	return 0;
}

static int add(const struct kr_proof_tree *t, uint64_t at, uint64_t n,
	       struct kr_proof *p, struct kr_err *e)
{
	int r = range(t, at, n, p->hash[p->n], e);

	if (!r)
		p->n++;
	return r;
}

/* PATH(m, D[at:at + n]) */
static int path(const struct kr_proof_tree *t, uint64_t m, uint64_t at,
		uint64_t n, struct kr_proof *p, struct kr_err *e)
{
	uint64_t k;
	int r;

	if (n == 1)
		return 0;
	k = split(n);
	if (m < k) {
		r = path(t, m, at, k, p, e);
		return r ? r : add(t, at + k, n - k, p, e);
	}
	r = path(t, m - k, at + k, n - k, p, e);
	return r ? r : add(t, at, k, p, e);
}

/* SUBPROOF(m, D[at:at + n], known) */
static int subproof(const struct kr_proof_tree *t, uint64_t m, uint64_t at,
		    uint64_t n, bool known, struct kr_proof *p,
		    struct kr_err *e)
{
	uint64_t k;
	int r;

	if (m == n)
		return known ? 0 : add(t, at, n, p, e);
	k = split(n);
	if (m <= k) {
		r = subproof(t, m, at, k, known, p, e);
		return r ? r : add(t, at + k, n - k, p, e);
	}
	r = subproof(t, m - k, at + k, n - k, false, p, e);
	return r ? r : add(t, at, k, p, e);
}

int kr_proof_leaf(const struct kr_proof_tree *t, uint64_t idx, uint64_t size,
		  struct kr_proof *ret_p, struct kr_err *e)
{
	ret_p->n = 0;
	if (idx >= size || size > KR_PROOF_SIZE_MAX)
		return kr_fail(e, KR_E_LIMIT, "there is no entry %" PRIu64
			       " in a log of %" PRIu64, idx, size);
	return path(t, idx, 0, size, ret_p, e);
}

int kr_proof_growth(const struct kr_proof_tree *t, uint64_t from,
		    uint64_t size, struct kr_proof *ret_p, struct kr_err *e)
{
	ret_p->n = 0;
	if (from > size || size > KR_PROOF_SIZE_MAX)
		return kr_fail(e, KR_E_LIMIT, "a log of %" PRIu64 " entries "
			       "did not grow from %" PRIu64, size, from);
	return from ? subproof(t, from, 0, size, true, ret_p, e) : 0;
}

/* ---- checking ---------------------------------------------------------- */

/* A leaf's or subtree's way up to the root of a tree whose last is last. */
struct climb { uint64_t at, last; };

/* One level up. Is the next hash of the proof the left one? */
static bool left_next(struct climb *c)
{
	bool left = (c->at & 1) || c->at == c->last;

	if (left)
		while (!(c->at & 1) && c->at) {
			c->at >>= 1;
			c->last >>= 1;
		}
	c->at >>= 1;
	c->last >>= 1;
	return left;
}

bool kr_proof_has_leaf(const struct kr_proof *p, uint64_t idx, uint64_t size,
		       const uint8_t leaf[32], const uint8_t root[32])
{
	struct climb c = { idx, size - 1 };
	uint8_t h[32];

	if (idx >= size)
		return false;
	memcpy(h, leaf, 32);
	for (unsigned int i = 0; i < p->n; i++) {
		if (!c.last)
			return false;
		if (left_next(&c))
			kr_merkle_node(p->hash[i], h, h);
		else
			kr_merkle_node(h, p->hash[i], h);
	}
	return !c.last && !memcmp(h, root, 32);
}

/* The trees of 0 leaves, and those of which nothing is to be shown. */
static bool has_stayed(const struct kr_proof *p, uint64_t from,
		       const uint8_t from_root[32], uint64_t size,
		       const uint8_t root[32])
{
	uint8_t none[32];

	kr_merkle_root(&(struct kr_merkle){ 0 }, none);
	return !p->n && (from || !memcmp(from_root, none, 32)) &&
	       (size || !memcmp(root, none, 32)) &&
	       (from != size || !memcmp(from_root, root, 32));
}

bool kr_proof_has_grown(const struct kr_proof *p, uint64_t from,
			const uint8_t from_root[32], uint64_t size,
			const uint8_t root[32])
{
	struct climb c = { from - 1, size - 1 };
	uint8_t old[32], now[32];
	unsigned int i = 0;

	if (from > size)
		return false;
	if (!from || from == size)
		return has_stayed(p, from, from_root, size, root);
	while (c.at & 1) {
		c.at >>= 1;
		c.last >>= 1;
	}
	/* the old tree is one complete subtree: its root is known */
	if (from & (from - 1)) {
		if (!p->n)
			return false;
		memcpy(old, p->hash[i++], 32);
	} else {
		memcpy(old, from_root, 32);
	}
	memcpy(now, old, 32);
	for (; i < p->n; i++) {
		if (!c.last)
			return false;
		if (left_next(&c)) {
			kr_merkle_node(p->hash[i], old, old);
			kr_merkle_node(p->hash[i], now, now);
		} else {
			kr_merkle_node(now, p->hash[i], now);
		}
	}
	return !c.last && !memcmp(old, from_root, 32) &&
	       !memcmp(now, root, 32);
}

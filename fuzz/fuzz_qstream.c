/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_qstream.c - QEMU's stream, pushed whole and in pieces: both readings
 * must agree on every page and digest. The first byte sizes the pieces.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plane/qstream.h"
#include "plane/ramtree.h"

#define LIMIT	(16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct reading {
	struct kr_ramtree     *tree;
	struct kr_qstream     *q;
	struct kr_qstream_stat stat;
	uint8_t		       digest[32], root[32];
	int		       r;
};

static int on_blocks(void *arg, const struct kr_qstream_block *b,
		     unsigned int n, struct kr_err *e)
{
	struct reading *x = arg;

	for (unsigned int i = 0; i < n; i++)
		if (kr_ramtree_add(x->tree, b[i].name, b[i].name_bytes,
				   b[i].size_bytes, e) < 0)
			abort();	/* the reader's limit is the same */
	return kr_ramtree_ready(x->tree, e);
}

static int on_page(void *arg, unsigned int block, uint64_t page,
		   const uint8_t *data, uint8_t fill, struct kr_err *e)
{
	struct reading *x = arg;

	(void)e;
	kr_ramtree_set(x->tree, block, page, data, fill);
	return 0;
}

static int on_pause(void *arg, struct kr_err *e)
{
	struct reading *x = arg;

	(void)e;
	kr_ramtree_settle(x->tree);
	return 0;
}

static const struct kr_qstream_ops ops = { on_blocks, on_page, on_pause };

static void read_all(struct reading *x, const uint8_t *p, size_t n,
		     size_t piece)
{
	memset(x, 0, sizeof(*x));
	if (kr_ramtree_new(LIMIT, &x->tree, NULL) ||
	    kr_qstream_new(LIMIT, &ops, x, &x->q, NULL))
		abort();
	while (n && !x->r) {
		size_t k = n < piece ? n : piece;

		x->r = kr_qstream_push(x->q, p, k, NULL);
		p += k;
		n -= k;
	}
	if (!x->r)
		x->r = kr_qstream_finish(x->q, x->digest, NULL);
	if (!x->r)
		x->r = kr_ramtree_root(x->tree, x->root, NULL);
	x->stat = *kr_qstream_stat(x->q);
	kr_qstream_free(x->q);
	kr_ramtree_free(x->tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reading a, b;

	if (!n)
		return 0;
	read_all(&a, data + 1, n - 1, SIZE_MAX);
	read_all(&b, data + 1, n - 1, 1 + (size_t)data[0] * data[0]);
	assert(a.r == b.r);
	if (a.r)
		return 0;
	assert(!memcmp(a.digest, b.digest, 32));
	assert(!memcmp(a.root, b.root, 32));
	assert(a.stat.phase == b.stat.phase && a.stat.reason == b.stat.reason);
	assert(a.stat.n_pages == b.stat.n_pages);
	assert(a.stat.n_bytes == n - 1 && b.stat.n_bytes == n - 1);
	return 0;
}

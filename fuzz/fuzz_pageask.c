/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_pageask.c - a return path, as it passes: whether it asks for a page is
 * the same however it is cut, and is what reading message by message says.
 */
#include <assert.h>

#include "plane/pageask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool by_messages(const uint8_t *p, size_t n)
{
	bool asks = false;

	for (size_t at = 0; n - at >= 4 && !asks;) {
		size_t body = (size_t)p[at + 2] << 8 | p[at + 3];

		asks = !p[at] && (p[at + 1] == 3 || p[at + 1] == 4);
		if (n - at - 4 < body)
			break;
		at += 4 + body;
	}
	return asks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t cut = n ? data[0] : 0;
	struct kr_pageask whole = { .n_body = 0 }, parts = { .n_body = 0 };
	bool asks = kr_pageask_read(&whole, data, n);
	bool parted;

	if (cut > n)
		cut = n;
	parted = kr_pageask_read(&parts, data, cut);
	parted |= kr_pageask_read(&parts, data + cut, n - cut);
	assert(asks == parted);
	assert(asks == by_messages(data, n));
	assert(whole.n_head < sizeof(whole.head));
	return 0;
}

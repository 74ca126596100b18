/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ctwatch.c - lists of addresses: read within bounds, and looked in for
 * an address of either family, made of the list's own bytes.
 */
#include <assert.h>
#include <string.h>

#include "context/ctwatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_ctwatch *w;

	if (kr_ctwatch_new((const char *)data, n, &w, NULL))
		return 0;
	for (int six = 0; six < 2; six++) {
		struct kr_ctentry c = { .family = six ? AF_INET6 : AF_INET };
		struct kr_ctwatch_hit hit;

		if (n >= 16)
			memcpy(c.orig.dst, data, six ? 16 : 4);
		if (kr_ctwatch_entry(w, &c, &hit))
			assert(hit.line && memchr(hit.address, '\0',
						  sizeof(hit.address)));
	}
	kr_ctwatch_free(w);
	return 0;
}

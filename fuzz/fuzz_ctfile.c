/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ctfile.c - exported connections: what is accepted is written back
 * alike. The digest is made right first, or nothing would get past it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "context/ctfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_ctset s = { 0 };
	uint8_t *buf, *again;
	size_t m;

	if (n < 32) {
		assert(kr_ctfile_get(data, n, &s, NULL));
		return 0;
	}
	buf = malloc(n);
	assert(buf);
	memcpy(buf, data, n);
	assert(EVP_Digest(buf, n - 32, buf + n - 32, NULL, EVP_sha256(), NULL));
	if (!kr_ctfile_get(buf, n, &s, NULL)) {
		assert(!kr_ctfile_put(&s, &again, &m, NULL));
		assert(m == n && !memcmp(again, buf, n));
		free(again);
	}
	kr_ctset_fini(&s);
	free(buf);
	return 0;
}

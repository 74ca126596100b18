/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_vmdef_wire.c - a peer's definition is canonical or refused. */
#include <assert.h>
#include <string.h>

#include "hyper/vmdef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t buf[KR_VMDEF_WIRE_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r = KR_RD(data, n);
	struct kr_err e = KR_ERR_NONE;
	struct kr_vmdef d;

	if (kr_vmdef_get(&r, &d, &e)) {
		assert(e.kr == KR_E_MALFORMED);
		return 0;
	}
	kr_vmdef_put(&d, &w);
	assert(!w.bad && kr_wr_len(&w) == (size_t)(r.p - data));
	assert(!memcmp(buf, data, kr_wr_len(&w)));
	return 0;
}

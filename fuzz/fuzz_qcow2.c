/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_qcow2.c - the head of an image, as a guest may have written it. */
#include <assert.h>

#include "hyper/qcow2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!kr_qcow2_alone(data, n, "vda", NULL))
		assert(n >= 72 && !data[8] && !data[15]);
	return 0;
}

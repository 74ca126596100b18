/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_reference.c - documents of reference values, before anyone's signature
 * is looked at. What is read holds what it says, each value once.
 */
#include <stdlib.h>

#include "attest/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_reference r;
	uint32_t by_value = 0, by_event = 0;

	if (kr_reference_parse((const char *)data, n, &r, NULL))
		return 0;
	if (!r.name[0] || !r.version || r.by_value & r.by_event)
		abort();
	for (size_t i = 0; i < r.n; i++) {
		const struct kr_reference_value *v = &r.values[i];

		if (v->pcr >= KR_PCRS ||
		    !kr_reference_has(&r, v->kind, v->pcr, v->digest))
			abort();
		if (v->kind == KR_REFERENCE_PCR)
			by_value |= 1u << v->pcr;
		if (v->kind == KR_REFERENCE_EVENT)
			by_event |= 1u << v->pcr;
	}
	if (by_value != r.by_value || by_event != r.by_event)
		abort();
	kr_reference_fini(&r);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_inforce.c - a peer's entry of its policy: u8 whether the log has it,
 * then the record. What is taken can be said again, and was in the log.
 */
#include <assert.h>
#include <string.h>

#include "evidence/inforce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_inforce_entry x = { .index = 0 };
	struct kr_inforce p;
	uint8_t root[32] = { 0 };
	json_t *d;

	if (!n || n - 1 > sizeof(x.record))
		return 0;
	x.n_record = n - 1;
	memcpy(x.record, data + 1, x.n_record);
	if (data[0])
		kr_merkle_leaf(x.record, x.n_record, root);
	if (kr_inforce_check(&x, "alpha", 1, root, &p, NULL))
		return 0;
	assert(data[0]);
	assert(p.name[0] && strnlen(p.name, sizeof(p.name)) < sizeof(p.name));
	assert(kr_inforce_same(&p, &p));
	d = kr_inforce_detail(&p);
	assert(d);
	json_decref(d);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test_stateseal.c - a blob of a TPM's state, sealed: byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "vtpm/stateseal.h"

static const struct kr_stateseal seal = {
	.key = { 1 }, .migration = { 2 }, .vm = "web1", .epoch = 7,
};
static const uint8_t clear[] = "a TPM's state";

#define N	(sizeof(clear) - 1)
#define N_SEALED (N + KR_STATESEAL_TAG_BYTES)

static void it_is_as_specified(void **state)
{
	static const uint8_t golden[N_SEALED] = {
		0xc8, 0x41, 0xe6, 0xe2, 0x11, 0x0d, 0x66, 0x18,
		0x55, 0x9e, 0x09, 0x34, 0xa2, 0xbf, 0x5f, 0x18,
		0xeb, 0x32, 0x00, 0x06, 0xb4, 0xa7, 0x1f, 0xd5,
		0xd9, 0xa7, 0x4b, 0xdc, 0x88,
	};
	uint8_t out[N_SEALED], back[N];

	(void)state;
	assert_int_equal(kr_stateseal_make(&seal, KR_PTM_PERMANENT, 0, clear,
					   N, out, NULL), 0);
	assert_memory_equal(out, golden, N_SEALED);
	assert_int_equal(kr_stateseal_open(&seal, KR_PTM_PERMANENT, 0, out,
					   N_SEALED, back, NULL), 0);
	assert_memory_equal(back, clear, N);
}

static void opens_not(const struct kr_stateseal *s, enum kr_ptmblob type,
		      uint32_t flags, const uint8_t *in, size_t n)
{
	static const uint8_t none[N];
	uint8_t out[N] = { 0 };
	struct kr_err e = KR_ERR_NONE;

	assert_true(kr_stateseal_open(s, type, flags, in, n, out, &e) < 0);
	assert_int_equal(e.kr, KR_E_VTPM_STATE);
	assert_memory_equal(out, none, N);
}

static void one_bit_is_enough(void **state)
{
	struct kr_stateseal s = seal;
	uint8_t b[N_SEALED];

	(void)state;
	assert_int_equal(kr_stateseal_make(&seal, KR_PTM_VOLATILE, 0, clear, N,
					   b, NULL), 0);
	for (size_t i = 0; i < N_SEALED * 8; i++) {
		b[i / 8] ^= (uint8_t)(1 << i % 8);
		opens_not(&seal, KR_PTM_VOLATILE, 0, b, N_SEALED);
		b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < N_SEALED; n++)
		opens_not(&seal, KR_PTM_VOLATILE, 0, b, n);
	opens_not(&seal, KR_PTM_PERMANENT, 0, b, N_SEALED);
	opens_not(&seal, KR_PTM_VOLATILE, 2, b, N_SEALED);
	s.migration[15] ^= 1;
	opens_not(&s, KR_PTM_VOLATILE, 0, b, N_SEALED);
	s = seal;
	s.vm[4] = '0';
	opens_not(&s, KR_PTM_VOLATILE, 0, b, N_SEALED);
	s = seal;
	s.epoch++;
	opens_not(&s, KR_PTM_VOLATILE, 0, b, N_SEALED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_as_specified),
		cmocka_unit_test(one_bit_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_quote.c - what a TPM is said to have said. The first byte chooses: 'k'
 * is a public key, 'q' an unsigned quote, anything else the signature of a
 * fixed quote, which nobody can make: its key is no TPM's.
 */
#include <stdlib.h>

#include "attest/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint8_t pub[] = {
	0x00, 0x56,				/* its length */
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00,
	0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10,
	0x00, 0x20,				/* the base point of P-256 */
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
	0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
	0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
	0x00, 0x20,
	0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
	0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31,
	0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

static void key(const uint8_t *data, size_t n)
{
	struct kr_tpmkey k;

	if (kr_tpmkey_parse(data, n, &k, NULL))
		return;
	if (!k.key || k.hash >= KR_BANK_N ||
	    k.name.n != 2 + kr_bank_bytes(k.hash) ||
	    (kr_tpmkey_attests(&k) && kr_tpmkey_endorses(&k)))
		abort();
	kr_tpmkey_fini(&k);
}

static void quote(const uint8_t *data, size_t n)
{
	struct kr_quote q;

	for (enum kr_bank h = 0; h < KR_BANK_N; h++) {
		struct kr_pcrs p = { .bank = h };

		if (kr_quote_peek(data, n, h, &q, NULL))
			continue;
		if (q.mask >> KR_PCRS || q.n_extra > KR_QUOTE_EXTRA_MAX ||
		    q.signer.n > KR_TPMNAME_BYTES_MAX || q.hash != h)
			abort();
		p.mask = q.mask;
		kr_quote_has(&q, &p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t said[] = { 0, 4, 0xff, 0x54, 0x43, 0x47 };
	struct kr_tpmkey k;
	struct kr_quote q;

	if (!n)
		return 0;
	if (data[0] == 'k') {
		key(data + 1, n - 1);
	} else if (data[0] == 'q') {
		quote(data + 1, n - 1);
	} else {
		if (kr_tpmkey_parse(pub, sizeof(pub), &k, NULL))
			abort();
		if (!kr_quote_verify(&k, said, sizeof(said), data + 1, n - 1,
				     &q, NULL))
			abort();
		kr_tpmkey_fini(&k);
	}
	return 0;
}

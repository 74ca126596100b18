/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dsse.c - envelopes and statements from anyone. The first byte chooses:
 * an envelope verified with two fixed keys, or a bare statement. A statement
 * that is accepted must be rebuilt to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/receipt.h"

static const char pem_a[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEh5EqvkxliyaroAfDVYQRhFwHhnJr\n"
	"CsYGZq2t4qH6LSiPpsIot037Ob2+lgPPJrhbuDDelCZUq1+6ub4Ws995KQ==\n"
	"-----END PUBLIC KEY-----\n";
static const char pem_b[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBclmtAFTtGm5L1BqlZfElHmz8N1y\n"
	"g8UH459MFiSyf95EtAgiH9GOUD49rHlGgaAO7lXR5hdeKbh2LJoeAAghIg==\n"
	"-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_pubkey *a, *b;
	const char *text = (const char *)data + 1;
	char again[KR_STATEMENT_BYTES_MAX];
	enum kr_statement k;
	struct kr_terms t;
	size_t m;

	if (!a && (kr_pubkey_parse(pem_a, sizeof(pem_a) - 1, &a, NULL) ||
		   kr_pubkey_parse(pem_b, sizeof(pem_b) - 1, &b, NULL)))
		abort();
	if (!n)
		return 0;
	if (data[0] == 's') {
		if (kr_statement_parse(text, n - 1, &k, &t, NULL))
			return 0;
		if (kr_statement_build(k, &t, again, &m, NULL) || m != n - 1 ||
		    memcmp(again, text, m))
			abort();
		return 0;
	}
	kr_receipt_verify(text, n - 1, a, b, &t, NULL);
	kr_receipt_peek(text, n - 1, &t, NULL);
	return 0;
}

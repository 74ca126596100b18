/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_approval.c - approvals from anyone. The first byte chooses: 's' is a
 * bare statement, anything else an envelope, verified with a fixed key. A
 * statement that is accepted must be rebuilt to the same bytes and fit itself.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/approval.h"

static const char pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEh5EqvkxliyaroAfDVYQRhFwHhnJr\n"
	"CsYGZq2t4qH6LSiPpsIot037Ob2+lgPPJrhbuDDelCZUq1+6ub4Ws995KQ==\n"
	"-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void statement(const char *text, size_t n)
{
	char again[KR_APPROVAL_BYTES_MAX];
	struct kr_approval a;
	size_t m;

	if (kr_approval_parse(text, n, &a, NULL))
		return;
	if (kr_approval_build(&a, again, &m, NULL) || m != n ||
	    memcmp(again, text, n))
		abort();
	if (!kr_approval_check(&a, &a, a.expires_ms, NULL))
		abort();
	if (a.issued_ms < a.expires_ms &&
	    a.expires_ms - a.issued_ms <= KR_APPROVAL_LIFE_MS_MAX &&
	    kr_approval_check(&a, &a, a.issued_ms, NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_pubkey *key;
	const char *text = (const char *)data + 1;
	struct kr_approval a;

	if (!key && kr_pubkey_parse(pem, sizeof(pem) - 1, &key, NULL))
		abort();
	if (!n)
		return 0;
	if (data[0] == 's') {
		statement(text, n - 1);
		return 0;
	}
	kr_approval_peek(text, n - 1, &a, NULL);
	/* nobody has that key's private half */
	if (!kr_approval_verify(text, n - 1, key, &a, NULL))
		abort();
	return 0;
}

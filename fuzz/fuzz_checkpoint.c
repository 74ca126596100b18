/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_checkpoint.c - a signed note, as someone may have left it. */
#include <stdlib.h>
#include <string.h>

#include "evidence/checkpoint.h"

static const char pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEh5EqvkxliyaroAfDVYQRhFwHhnJr\n"
	"CsYGZq2t4qH6LSiPpsIot037Ob2+lgPPJrhbuDDelCZUq1+6ub4Ws995KQ==\n"
	"-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kr_pubkey *k;
	struct kr_checkpoint c;
	char *note;

	if (!k && kr_pubkey_parse(pem, sizeof(pem) - 1, &k, NULL))
		abort();
	note = malloc(n + 1);
	if (!note)
		abort();
	memcpy(note, data, n);
	note[n] = '\0';
	kr_checkpoint_parse(note, &c, NULL);
	kr_checkpoint_verify(note, k, "alpha", &c, NULL);
	kr_checkpoint_cosigned(note, k, "beta", NULL);
	free(note);
	return 0;
}

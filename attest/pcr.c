/* SPDX-License-Identifier: Apache-2.0 */
/* pcr.c - banks and values of PCRs. Pure; runs wherever attest/ does. */
#include "attest/pcr.h"

#include <string.h>

#include "base/fd.h"
#include "evidence/ossl.h"

static const struct {
	uint16_t	alg;
	uint8_t		n_bytes;
	const char     *name;
	const EVP_MD *(*md)(void);
} banks[KR_BANK_N] = {
	[KR_BANK_SHA256] = { 0x000b, 32, "sha256", EVP_sha256 },
	[KR_BANK_SHA384] = { 0x000c, 48, "sha384", EVP_sha384 },
	[KR_BANK_SHA512] = { 0x000d, 64, "sha512", EVP_sha512 },
};

enum kr_bank kr_bank_of_alg(uint16_t alg)
{
	enum kr_bank b = 0;

	while (b < KR_BANK_N && banks[b].alg != alg)
		b++;
	return b;
}

enum kr_bank kr_bank_of_name(const char *name)
{
	enum kr_bank b = 0;

	while (b < KR_BANK_N && strcmp(banks[b].name, name))
		b++;
	return b;
}

uint16_t kr_bank_alg(enum kr_bank b)
{
	return banks[b].alg;
}

const char *kr_bank_name(enum kr_bank b)
{
	return banks[b].name;
}

size_t kr_bank_bytes(enum kr_bank b)
{
	return banks[b].n_bytes;
}

const EVP_MD *kr_bank_md(enum kr_bank b)
{
	return banks[b].md();
}

bool kr_pcrs_extend(struct kr_pcrs *p, unsigned int pcr,
		    const uint8_t *digest)
{
	const size_t n = kr_bank_bytes(p->bank);
	uint8_t both[2 * KR_PCR_BYTES_MAX];

	memcpy(both, p->value[pcr], n);
	memcpy(both + n, digest, n);
	return EVP_Digest(both, 2 * n, p->value[pcr], NULL,
			  kr_bank_md(p->bank), NULL) == 1;
}

bool kr_pcrs_digest(const struct kr_pcrs *p, enum kr_bank hash, uint8_t *ret)
{
	KR_AUTO(kr_ossl_automd) EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, kr_bank_md(hash), NULL) == 1;

	for (unsigned int i = 0; ok && i < KR_PCRS; i++)
		if (p->mask & 1u << i)
			ok = EVP_DigestUpdate(c, p->value[i],
					      kr_bank_bytes(p->bank)) == 1;
	return ok && EVP_DigestFinal_ex(c, ret, NULL) == 1;
}

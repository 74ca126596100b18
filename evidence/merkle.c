/* SPDX-License-Identifier: Apache-2.0 */
/* merkle.c - the Merkle tree of RFC 6962. Used in kororad and the client. */
#include "evidence/merkle.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Hashing fails only without memory, and then nothing here has an answer. */
static void sha256(uint8_t tag, const void *a, size_t n_a, const void *b,
		   size_t n_b, uint8_t ret[32])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || !EVP_DigestInit_ex(c, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(c, &tag, 1) || !EVP_DigestUpdate(c, a, n_a) ||
	    !EVP_DigestUpdate(c, b, n_b) || !EVP_DigestFinal_ex(c, ret, NULL))
		abort();
	EVP_MD_CTX_free(c);
}

void kr_merkle_leaf(const void *data, size_t n_bytes, uint8_t ret[32])
{
	sha256(0, data, n_bytes, "", 0, ret);
}

void kr_merkle_node(const uint8_t left[32], const uint8_t right[32],
		    uint8_t ret[32])
{
	sha256(1, left, 32, right, 32, ret);
}

void kr_merkle_append(struct kr_merkle *m, const uint8_t leaf[32])
{
	uint8_t h[32], left[32];
	unsigned int level = 0;

	memcpy(h, leaf, 32);
	for (; m->size >> level & 1; level++) {
		memcpy(left, m->node[level], 32);
		memcpy(m->node[level], h, 32);
		kr_merkle_node(left, h, h);
	}
	memcpy(m->node[level], h, 32);
	m->size++;
}

void kr_merkle_root(const struct kr_merkle *m, uint8_t ret[32])
{
	unsigned int level = 0;
	uint8_t h[32];

	if (!m->size) {
		if (!EVP_Digest("", 0, ret, NULL, EVP_sha256(), NULL))
			abort();
		return;
	}
	while (!(m->size >> level & 1))
		level++;
	memcpy(h, m->node[level], 32);
	while (++level < KR_MERKLE_DEPTH)
		if (m->size >> level & 1)
			kr_merkle_node(m->node[level], h, h);
	memcpy(ret, h, 32);
}

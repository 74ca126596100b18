/* SPDX-License-Identifier: Apache-2.0 */
/* binding.c - see binding.h: one table says what is bound, hashed and told. */
#include "attest/binding.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "base/fd.h"

#define LABEL	"korora attestation binding v1"

enum kind { BYTES, TEXT, SIDE };

#define P(member, kind, kr, what) \
	{ #member, kind, offsetof(struct kr_binding, member), \
	  sizeof(((struct kr_binding *)0)->member), kr, what }

/* In the order in which they are hashed and compared. */
static const struct part {
	const char  *label;
	enum kind    kind;
	size_t	     at, size;
	enum kr_code kr;
	const char  *what;
} parts[] = {
	P(attester, BYTES, KR_E_ATTEST_RELAYED,
	  "it was made by another host than the session's"),
	P(verifier, BYTES, KR_E_ATTEST_RELAYED, "it was made for another host"),
	P(nonce, BYTES, KR_E_ATTEST_NONCE, "it has another nonce"),
	P(exporter, BYTES, KR_E_ATTEST_CHANNEL, "it is of another TLS session"),
	P(role, SIDE, KR_E_ATTEST_ROLE, "source and destination are swapped"),
	P(vm, TEXT, KR_E_ATTEST_VM, "it is for another VM"),
	P(policy, BYTES, KR_E_ATTEST_POLICY, "it is under another policy"),
};
#define N_PARTS		(sizeof(parts) / sizeof(parts[0]))

static const void *part_of(const struct kr_binding *b, const struct part *p)
{
	return (const char *)b + p->at;
}

static bool same(const struct part *p, const struct kr_binding *a,
		 const struct kr_binding *b)
{
	const void *x = part_of(a, p), *y = part_of(b, p);

	return p->kind == TEXT ? !strncmp(x, y, p->size)
			       : kr_eq_ct(x, y, p->size);
}

static void put(struct kr_wr *w, const struct kr_binding *b,
		const struct part *p)
{
	const char *v = part_of(b, p);

	kr_wr_str(w, p->label);
	if (p->kind == SIDE) {
		kr_wr_u16(w, 1);
		kr_wr_u8(w, (uint8_t)b->role);
		return;
	}
	kr_wr_u16(w, (uint16_t)(p->kind == TEXT ? strnlen(v, p->size)
						: p->size));
	kr_wr_bytes(w, v, p->kind == TEXT ? strnlen(v, p->size) : p->size);
}

int kr_binding_digest(const struct kr_binding *b,
		      uint8_t ret[KR_BINDING_BYTES], struct kr_err *e)
{
	uint8_t text[512];		/* more than the table can need */
	struct kr_wr w = KR_WR(text, sizeof(text));

	kr_wr_str(&w, LABEL);
	for (size_t i = 0; i < N_PARTS; i++)
		put(&w, b, &parts[i]);
	if (w.bad || EVP_Digest(text, kr_wr_len(&w), ret, NULL, EVP_sha256(),
				NULL) != 1)
		return kr_fail(e, KR_E_CRYPTO, "cannot hash a binding");
	return 0;
}

int kr_binding_check(const struct kr_binding *said,
		     const struct kr_binding *want, const uint8_t *extra,
		     size_t n_extra, struct kr_err *e)
{
	uint8_t digest[KR_BINDING_BYTES];
	int r;

	for (size_t i = 0; i < N_PARTS; i++)
		if (!same(&parts[i], said, want))
			return kr_fail(e, parts[i].kr, "%s", parts[i].what);
	r = kr_binding_digest(want, digest, e);
	if (r)
		return r;
	if (n_extra != sizeof(digest) || !kr_eq_ct(extra, digest, n_extra))
		return kr_fail(e, KR_E_ATTEST_CLAIMS, "what the TPM signed is "
			       "not what the host says it bound");
	return 0;
}

void kr_binding_put(struct kr_wr *w, const struct kr_binding *b)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (parts[i].kind == BYTES)
			kr_wr_bytes(w, part_of(b, &parts[i]), parts[i].size);
	kr_wr_u8(w, (uint8_t)b->role);
	kr_wr_str(w, b->vm);
}

void kr_binding_read(struct kr_rd *r, struct kr_binding *ret)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (parts[i].kind == BYTES)
			kr_rd_bytes(r, (char *)ret + parts[i].at,
				    parts[i].size);
	ret->role = kr_rd_u8(r);
	memset(ret->vm, 0, sizeof(ret->vm));
	kr_rd_str(r, ret->vm, sizeof(ret->vm));
	if (ret->role >= KR_SIDE_N)
		r->bad = true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrolmsg.c - reader and writer of each message side by side. Runs in the
 * link agent (on hostile bytes) and in kororad (on what the agent passed).
 */
#include "wire/enrolmsg.h"

#include <string.h>

#include "base/fd.h"

static int malformed(const char *which, struct kr_err *e)
{
	return kr_fail(e, KR_E_MALFORMED, "malformed %s message", which);
}

void kr_enrolmsg_keys_put(struct kr_wr *w, const struct kr_enrolkeys *k)
{
	kr_wr_bytes(w, k->question, sizeof(k->question));
	kr_tpmmaterial_put(w, &k->m);
}

int kr_enrolmsg_keys_parse(struct kr_rd *r, struct kr_enrolkeys *ret,
			   struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	return kr_tpmmaterial_parse(r, &ret->m, NULL) ?
	       malformed("TPM keys", e) : 0;
}

void kr_enrolmsg_credential_put(struct kr_wr *w,
				const struct kr_enrolcredential *c)
{
	kr_wr_bytes(w, c->question, sizeof(c->question));
	kr_tpmcredential_put(w, &c->c);
}

int kr_enrolmsg_credential_parse(struct kr_rd *r,
				 struct kr_enrolcredential *ret,
				 struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	return kr_tpmcredential_parse(r, &ret->c, NULL) ?
	       malformed("TPM credential", e) : 0;
}

void kr_enrolmsg_opened_put(struct kr_wr *w, const struct kr_enrolopened *o)
{
	kr_wr_bytes(w, o->question, sizeof(o->question));
	kr_wr_bytes(w, o->shown, sizeof(o->shown));
}

int kr_enrolmsg_opened_parse(struct kr_rd *r, struct kr_enrolopened *ret,
			     struct kr_err *e)
{
	kr_rd_bytes(r, ret->question, sizeof(ret->question));
	kr_rd_bytes(r, ret->shown, sizeof(ret->shown));
	return kr_rd_done(r) ? 0 : malformed("TPM opened", e);
}

int kr_enrolmsg_show(const uint8_t attester[32], const uint8_t verifier[32],
		     const uint8_t exporter[32], const uint8_t *secret,
		     uint8_t ret[KR_BINDING_BYTES], struct kr_err *e)
{
	struct kr_binding b = { .role = KR_SOURCE };
	int r;

	_Static_assert(KR_TPM_SECRET_MAX == sizeof(b.nonce), "it is a nonce");
	memcpy(b.attester, attester, sizeof(b.attester));
	memcpy(b.verifier, verifier, sizeof(b.verifier));
	memcpy(b.nonce, secret, sizeof(b.nonce));
	memcpy(b.exporter, exporter, sizeof(b.exporter));
	r = kr_binding_digest(&b, ret, e);
	kr_wipe(&b, sizeof(b));
	return r;
}

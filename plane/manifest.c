/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - the manifest's bytes. Runs in the data-plane agent, which
 * writes them, and in kororad, which reads its own agent's and the peer's.
 */
#include "plane/manifest.h"

#include "base/fd.h"

void kr_manifest_put(struct kr_wr *w, const struct kr_manifest *m)
{
	kr_wr_u8(w, KR_MANIFEST_VERSION);
	kr_wr_u8(w, m->opaque);
	kr_wr_bytes(w, m->ram_root, sizeof(m->ram_root));
	kr_wr_bytes(w, m->device_digest, sizeof(m->device_digest));
	kr_wr_u64(w, m->ram_bytes);
	kr_wr_u64(w, m->stream_bytes);
	kr_wr_u64(w, m->n_pages);
	kr_wr_u64(w, m->n_zero_pages);
	kr_wr_str(w, m->reason);
}

int kr_manifest_parse(struct kr_rd *r, struct kr_manifest *ret_m,
		      struct kr_err *e)
{
	struct kr_manifest m = { 0 };
	uint8_t version = kr_rd_u8(r);

	m.opaque = kr_rd_u8(r);
	kr_rd_bytes(r, m.ram_root, sizeof(m.ram_root));
	kr_rd_bytes(r, m.device_digest, sizeof(m.device_digest));
	m.ram_bytes = kr_rd_u64(r);
	m.stream_bytes = kr_rd_u64(r);
	m.n_pages = kr_rd_u64(r);
	m.n_zero_pages = kr_rd_u64(r);
	kr_rd_str(r, m.reason, sizeof(m.reason));
	if (r->bad || version != KR_MANIFEST_VERSION || m.opaque > 1)
		return kr_fail(e, KR_E_MALFORMED, "malformed manifest");
	*ret_m = m;
	return 0;
}

bool kr_manifest_same(const struct kr_manifest *a, const struct kr_manifest *b)
{
	return a->opaque == b->opaque &&
	       kr_eq_ct(a->ram_root, b->ram_root, sizeof(a->ram_root)) &&
	       kr_eq_ct(a->device_digest, b->device_digest,
			sizeof(a->device_digest)) &&
	       a->ram_bytes == b->ram_bytes &&
	       a->stream_bytes == b->stream_bytes &&
	       a->n_pages == b->n_pages && a->n_zero_pages == b->n_zero_pages;
}

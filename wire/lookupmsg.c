/* SPDX-License-Identifier: Apache-2.0 */
/* lookupmsg.c - kororad <-> look-up agent, reader and writer side by side. */
#include "wire/lookupmsg.h"

void kr_lookupfound_put(struct kr_wr *w, const struct kr_lookupfound *f)
{
	kr_wr_u8(w, f->n_bytes);
	kr_wr_bytes(w, f->bytes, f->n_bytes);
	kr_wr_u32(w, f->scope);
}

int kr_lookupfound_parse(struct kr_rd *r, struct kr_lookupfound *ret,
			 struct kr_err *e)
{
	struct kr_lookupfound f = { .n_bytes = kr_rd_u8(r) };

	if (f.n_bytes != 4 && f.n_bytes != 16)
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed address");
	kr_rd_bytes(r, f.bytes, f.n_bytes);
	f.scope = kr_rd_u32(r);
	if (!kr_rd_done(r))
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed address");
	*ret = f;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gateorder.c - see gateorder.h. Written by kororad, read in korora-vtpm. */
#include "vtpm/gateorder.h"

#include "base/fd.h"

void kr_gateorder_put(struct kr_wr *w, const struct kr_gateorder *o)
{
	kr_wr_u8(w, (uint8_t)o->way);
	kr_wr_bytes(w, o->seal.key, sizeof(o->seal.key));
	kr_wr_bytes(w, o->seal.migration, sizeof(o->seal.migration));
	kr_wr_u64(w, o->seal.epoch);
	kr_wr_str(w, o->seal.vm);
}

int kr_gateorder_parse(struct kr_rd *r, struct kr_gateorder *ret,
		       struct kr_err *e)
{
	struct kr_gateorder o = { 0 };
	bool ok;

	o.way = kr_rd_u8(r);
	kr_rd_bytes(r, o.seal.key, sizeof(o.seal.key));
	kr_rd_bytes(r, o.seal.migration, sizeof(o.seal.migration));
	o.seal.epoch = kr_rd_u64(r);
	kr_rd_str(r, o.seal.vm, sizeof(o.seal.vm));
	ok = kr_rd_done(r) && o.way < KR_GATE_WAYS;
	if (ok)
		*ret = o;
	kr_wipe(&o, sizeof(o));
	return ok ? 0 : kr_fail(e, KR_E_MALFORMED, "a malformed order");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctexpect.c - see ctexpect.h. Pure; in the process that imports or exports.
 */
#include "context/ctexpect.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static size_t addr_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* What tells it from others: first, so that bytes sort alike. */
static void put_key(struct kr_wr *w, const struct kr_ctexpect *x)
{
	kr_wr_u8(w, x->family == AF_INET ? 4 : 6);
	kr_wr_u8(w, x->zone_dirs);
	kr_cttuple_put(w, x->family, &x->master);
	kr_cttuple_put(w, x->family, &x->tuple);
	kr_wr_bytes(w, x->src_mask, addr_bytes(x->family));
	kr_wr_u16(w, x->sport_mask);
}

void kr_ctexpect_put(struct kr_wr *w, const struct kr_ctexpect *x)
{
	put_key(w, x);
	kr_wr_u32(w, x->timeout_s);
	kr_wr_u8(w, x->flags);
	kr_wr_u8(w, x->class);
	kr_wr_str(w, x->helper);
	kr_wr_str(w, x->fn);
	kr_wr_u8(w, x->nat.there);
	if (x->nat.there) {
		kr_wr_u8(w, x->nat.dir);
		kr_wr_bytes(w, x->nat.addr, addr_bytes(x->family));
		kr_wr_u16(w, x->nat.port);
	}
}

static bool in_range(const struct kr_ctexpect *x)
{
	return x->zone_dirs >= KR_CT_ZONE_ORIG &&
	       x->zone_dirs <= KR_CT_ZONE_BOTH &&
	       (x->zone || x->zone_dirs == KR_CT_ZONE_BOTH) &&
	       !(x->flags & ~KR_CT_EXPECT_FLAGS) && x->class < KR_CT_CLASSES &&
	       *x->helper && x->nat.dir < KR_CTDIR_N;
}

int kr_ctexpect_get(struct kr_rd *r, uint16_t zone, struct kr_ctexpect *ret_x,
		    struct kr_err *e)
{
	struct kr_ctexpect x = { .zone = zone };
	uint8_t version = kr_rd_u8(r), nat;

	x.family = version == 4 ? AF_INET : AF_INET6;
	x.zone_dirs = kr_rd_u8(r);
	kr_cttuple_get(r, x.family, &x.master);
	kr_cttuple_get(r, x.family, &x.tuple);
	kr_rd_bytes(r, x.src_mask, addr_bytes(x.family));
	x.sport_mask = kr_rd_u16(r);
	x.timeout_s = kr_rd_u32(r);
	x.flags = kr_rd_u8(r);
	x.class = kr_rd_u8(r);
	kr_rd_str(r, x.helper, sizeof(x.helper));
	kr_rd_str(r, x.fn, sizeof(x.fn));
	nat = kr_rd_u8(r);
	if ((x.nat.there = nat)) {
		x.nat.dir = kr_rd_u8(r);
		kr_rd_bytes(r, x.nat.addr, addr_bytes(x.family));
		x.nat.port = kr_rd_u16(r);
	}
	if (!kr_rd_done(r) || (version != 4 && version != 6) || nat > 1 ||
	    !in_range(&x))
		return kr_fail(e, KR_E_CT_FILE, "a malformed expectation");
	*ret_x = x;
	return 0;
}

int kr_ctexpect_order(const struct kr_ctexpect *a, const struct kr_ctexpect *b)
{
	uint8_t ka[KR_CTEXPECT_BYTES_MAX], kb[KR_CTEXPECT_BYTES_MAX];
	struct kr_wr wa = KR_WR(ka, sizeof(ka)), wb = KR_WR(kb, sizeof(kb));

	kr_wr_u16(&wa, a->zone);
	put_key(&wa, a);
	kr_wr_u16(&wb, b->zone);
	put_key(&wb, b);
	/* of other lengths are other families, told by the third byte */
	return memcmp(ka, kb, kr_wr_len(&wa) < kr_wr_len(&wb) ?
				      kr_wr_len(&wa) : kr_wr_len(&wb));
}

bool kr_ctexpect_same(const struct kr_ctexpect *a, const struct kr_ctexpect *b)
{
	uint8_t ba[KR_CTEXPECT_BYTES_MAX], bb[KR_CTEXPECT_BYTES_MAX];
	struct kr_wr wa = KR_WR(ba, sizeof(ba)), wb = KR_WR(bb, sizeof(bb));
	struct kr_ctexpect young = *a;

	young.timeout_s = b->timeout_s;
	kr_ctexpect_put(&wa, &young);
	kr_ctexpect_put(&wb, b);
	return a->zone == b->zone && kr_wr_len(&wa) == kr_wr_len(&wb) &&
	       !memcmp(ba, bb, kr_wr_len(&wa));
}

struct kr_ctentry kr_ctexpect_master(const struct kr_ctexpect *x)
{
	return (struct kr_ctentry){
		.family = x->family, .zone = x->zone,
		.zone_dirs = x->zone_dirs, .orig = x->master };
}

const char *kr_ctexpect_name(const struct kr_ctexpect *x, char *out)
{
	char name[KR_CTENTRY_NAME_BYTES];

	snprintf(out, KR_CTEXPECT_NAME_BYTES, "expected %s",
		 kr_cttuple_name(x->family, &x->tuple, name));
	return out;
}

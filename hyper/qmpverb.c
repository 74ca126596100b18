/* SPDX-License-Identifier: Apache-2.0 */
/* qmpverb.c - see qmpverb.h. Pure. */
#include "hyper/qmpverb.h"

_Static_assert(KR_QMP_OWN_END_ - KR_HYPER_COMMANDS_ - 1 <= 32,
	       "orders are bits of 32");

static const struct {
	const char *name;
	uint32_t    orders;
} verbs[KR_QMPVERB_N] = {
#define X(id, name, orders) [KR_QMPVERB_##id] = { name, orders },
	KR_QMPVERBS(X)
#undef X
};

const char *kr_qmpverb_name(enum kr_qmpverb v)
{
	return verbs[v].name;
}

uint32_t kr_qmpverb_orders(enum kr_qmpverb v)
{
	return verbs[v].orders;
}

bool kr_qmpverb_may(enum kr_qmpverb v, uint16_t type)
{
	return type > KR_HYPER_COMMANDS_ && type < KR_QMP_OWN_END_ &&
	       verbs[v].orders & KR_QMPVERB_BIT(type);
}

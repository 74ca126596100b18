/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_credit.c - what a source sends on its lanes, and what the peer says it
 * has taken, at any time: whatever that is, the sums are right and the window
 * is within its limits. Five bytes each: u8 what and which lane, u32 how much.
 */
#include <assert.h>
#include <stdint.h>

#include "base/cursor.h"
#include "plane/credit.h"

#define LANES	4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct kr_credit *c, const struct kr_credit_lane *lanes)
{
	uint64_t on_way = 0;

	for (unsigned int i = 0; i < LANES; i++) {
		assert(lanes[i].taken <= lanes[i].sent);
		on_way += lanes[i].free ? 0 : lanes[i].sent - lanes[i].taken;
	}
	assert(c->on_way == on_way);
	assert(c->window >= KR_CREDIT_WINDOW_MIN);
	assert(c->window <= KR_CREDIT_WINDOW_MAX);
	assert(kr_credit_stretch(c) <= KR_BATCH_RAW_MAX);
	assert(kr_credit_stretch(c) <= c->window);
	assert(kr_credit_room(c) || on_way);
}

static void take(struct kr_credit *c, struct kr_credit_lane *l,
		 uint64_t total, uint64_t now_ns)
{
	bool can_be = total > l->taken && total <= l->sent;
	int r = kr_credit_taken(c, l, total, now_ns, NULL);

	assert(can_be ? !r : r < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kr_credit_lane lanes[LANES] = { 0 };
	struct kr_rd r = KR_RD(data, n);
	struct kr_credit c;
	uint64_t now_ns = 1;

	kr_credit_init(&c);
	for (;;) {
		uint8_t what = kr_rd_u8(&r);
		uint32_t x = kr_rd_u32(&r);
		struct kr_credit_lane *l = &lanes[what % LANES];

		if (r.bad)
			return 0;
		switch (what / LANES % 5) {
		case 0:
			kr_credit_sent(&c, l, x % KR_BATCH_RAW_MAX + 1, now_ns);
			break;
		case 1:
			take(&c, l, l->taken + x, now_ns);
			break;
		case 2:
			take(&c, l, x & 1 ? l->sent : l->taken - x, now_ns);
			break;
		case 3:
			kr_credit_free(&c, l, x & 1);
			kr_credit_link(&c, what % LANES, x & 2);
			break;
		case 4:
			now_ns += x;
			break;
		}
		check(&c, lanes);
	}
}

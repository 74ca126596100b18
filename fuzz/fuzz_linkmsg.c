/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_linkmsg.c - bodies between kororad and a link agent; the first byte
 * picks the message. What was taken is put again and must be the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "base/chan.h"
#include "wire/linkmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[KR_CHAN_BYTES_MAX];
	static union {
		struct kr_linkstart start;
		struct kr_linkup    up;
		struct kr_lanekey   key;
		struct kr_linkknown known;
	} m;
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r;

	if (!n || n > KR_CHAN_BYTES_MAX)
		return 0;
	r = KR_RD(data + 1, n - 1);
	switch (data[0] % 4) {
	case 0:
		if (kr_linkstart_parse(&r, &m.start, NULL))
			return 0;
		kr_linkstart_put(&w, &m.start);
		break;
	case 1:
		if (kr_linkup_parse(&r, &m.up, NULL))
			return 0;
		kr_linkup_put(&w, &m.up);
		break;
	case 2:
		if (kr_lanekey_parse(&r, &m.key, NULL))
			return 0;
		kr_lanekey_put(&w, &m.key);
		break;
	case 3:
		if (kr_linkknown_parse(&r, &m.known, NULL))
			return 0;
		kr_linkknown_put(&w, &m.known);
		break;
	}
	assert(!w.bad && kr_wr_len(&w) == n - 1);
	assert(!memcmp(again, data + 1, n - 1));
	return 0;
}

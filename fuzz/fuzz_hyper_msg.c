/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_hyper_msg.c - the adapters' messages: type, then body, as on the
 * channel; what parses is written back the same. */
#include <assert.h>
#include <string.h>

#include "hyper/hyper_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define TRY(name, struct_name) \
do { \
	struct struct_name m; \
	if (kr_hyper_msg_##name(&r, &m, &e)) { \
		assert(e.kr == KR_E_AGENT_SPOKE); \
		return 0; \
	} \
	kr_hyper_msg_put_##name(&w, &m); \
} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t buf[KR_HYPER_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r = KR_RD(data, n);
	uint16_t type = kr_rd_u16(&r);
	struct kr_err e = KR_ERR_NONE;

	if (r.bad)
		return 0;
	switch (type) {
	case KR_HYPER_OPEN:
		TRY(open, kr_hyper_open);
		break;
	case KR_HYPER_SETUP:
		TRY(setup, kr_hyper_setup);
		break;
	case KR_HYPER_LIMIT:
		TRY(limit, kr_hyper_limit);
		break;
	case KR_HYPER_SAMPLE:
		TRY(sample, kr_hyper_sample);
		break;
	case KR_HYPER_SEND:
	case KR_HYPER_RECEIVE:
	case KR_HYPER_RECOVER:
	case KR_HYPER_RESUME:
		TRY(uri, kr_hyper_uri);
		break;
	case KR_HYPER_READY:
		TRY(ready, kr_hyper_ready);
		break;
	case KR_HYPER_DONE:
		TRY(done, kr_hyper_done);
		break;
	case KR_HYPER_FAIL:
		TRY(fail, kr_hyper_fail);
		break;
	case KR_HYPER_EVENT:
		TRY(event, kr_hyper_event);
		break;
	case KR_HYPER_STATUS:
		TRY(status, kr_hyper_status);
		break;
	default:
		kr_hyper_msg_none(&r, &e);
		return 0;
	}
	assert(!w.bad && kr_wr_len(&w) == n - 2);
	assert(!memcmp(buf, data + 2, n - 2));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_msg.c - the data-plane agent's messages and the manifest come
 * back as they were put, and nothing shorter or longer is taken for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "plane/method.h"
#include "plane/plane_msg.h"

static uint8_t b[KR_PLANE_BODY_BYTES_MAX];

/* Every other length must be refused; @parse gets a full-sized buffer. */
#define REFUSES_OTHER_LENGTHS(n, m, parse)				\
	for (size_t k = 0; k < sizeof(b); k++) {			\
		struct kr_rd r_ = KR_RD(b, k);				\
		struct kr_err e_ = KR_ERR_NONE;				\
									\
		if (k == (n)) {						\
			assert_int_equal(parse(&r_, &(m), &e_), 0);	\
			continue;					\
		}							\
		assert_true(parse(&r_, &(m), &e_) < 0);			\
		assert_int_equal(e_.kr, KR_E_AGENT_SPOKE);		\
	}

static void start_message(void **state)
{
	struct kr_plane_start in = { .role = KR_PLANE_DESTINATION,
				     .id = "0123456789abcde",
				     .limit_ram_bytes = 5ull << 40,
				     .stall_ms = 1234,
				     .n_lanes = KR_PLANE_LANES_MAX,
				     .recall_mib = KR_PLANE_RECALL_MIB_MAX,
				     .suite = "TLS_AES_128_GCM_SHA256",
				     .cache_slots = KR_PLANE_CACHE_SLOTS_MAX,
				     .cache_keeps = true,
				     .cache_key = "a tenant's" };
	struct kr_plane_start out;
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;

	(void)state;
	kr_plane_msg_put_start(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out, kr_plane_msg_parse_start);
	assert_int_equal(out.role, in.role);
	assert_memory_equal(out.id, in.id, sizeof(in.id));
	assert_int_equal(out.limit_ram_bytes, in.limit_ram_bytes);
	assert_int_equal(out.stall_ms, in.stall_ms);
	assert_int_equal(out.n_lanes, KR_PLANE_LANES_MAX);
	assert_int_equal(out.recall_mib, KR_PLANE_RECALL_MIB_MAX);
	assert_string_equal(out.suite, in.suite);
	assert_int_equal(out.cache_slots, KR_PLANE_CACHE_SLOTS_MAX);
	assert_true(out.cache_keeps);
	assert_memory_equal(out.cache_key, in.cache_key, 64);
	b[0] = KR_PLANE_ROLE_N;
	r = KR_RD(b, kr_wr_len(&w));
	assert_true(kr_plane_msg_parse_start(&r, &out, NULL) < 0);

	w = KR_WR(b, sizeof(b));
	in.stall_ms = 0;
	kr_plane_msg_put_start(&w, &in);
	r = KR_RD(b, kr_wr_len(&w));
	assert_int_equal(kr_plane_msg_parse_start(&r, &out, NULL), 0);
	assert_int_equal(out.stall_ms, KR_PLANE_STALL_MS);
}

/* What a daemon gone wrong could ask for. */
static void start_bounds(void **state)
{
	static const struct {
		uint8_t	 n_lanes;
		uint32_t recall_mib, cache_slots;
		bool	 good, multifd, resumed, urgent;
	} rows[] = {
		{ 1, 0, 0, false, true, false, false },
		{ 2, 0, 0, true, true, false, false },
		{ 2, 0, 0, false, true, true, false },
		{ 2, 0, 0, true, false, true, false },
		{ 1, 0, 0, true, false, true, false },
		{ 1, 0, 0, false, false, false, true },
		{ 2, 0, 0, true, false, false, true },
		{ 2, 0, 0, true, false, true, true },
		{ 2, 0, 0, false, true, false, true },
		{ KR_PLANE_LANES_MAX, 0, 0, true, true, false, false },
		{ 0, 0, 0, false, false, false, false },
		{ 1, 0, 0, true, false, false, false },
		{ KR_PLANE_LANES_MAX, 1, 0, true, false, false, false },
		{ KR_PLANE_LANES_MAX + 1, 1, 0, false, false, false,
		  false },
		{ UINT8_MAX, 1, 0, false, false, false, false },
		{ 1, KR_PLANE_RECALL_MIB_MAX, 0, true, false, false, false },
		{ 1, KR_PLANE_RECALL_MIB_MAX + 1, 0, false, false, false,
		  false },
		{ 1, UINT32_MAX, 0, false, false, false, false },
		{ 1, 0, KR_PLANE_CACHE_SLOTS_MAX + 1, false, false, false,
		  false },
		{ 1, 0, UINT32_MAX, false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_plane_start in = { .n_lanes = rows[i].n_lanes,
					     .recall_mib =
						     rows[i].recall_mib,
					     .cache_slots =
						     rows[i].cache_slots,
					     .multifd = rows[i].multifd,
					     .resumed = rows[i].resumed,
					     .urgent = rows[i].urgent };
		struct kr_plane_start out = { .n_lanes = 99 };
		struct kr_wr w = KR_WR(b, sizeof(b));
		struct kr_err e = KR_ERR_NONE;
		struct kr_rd r;

		kr_plane_msg_put_start(&w, &in);
		r = KR_RD(b, kr_wr_len(&w));
		if (rows[i].good) {
			assert_int_equal(kr_plane_msg_parse_start(&r, &out,
								  &e), 0);
			assert_int_equal(out.n_lanes, rows[i].n_lanes);
			assert_int_equal(out.recall_mib, rows[i].recall_mib);
			assert_int_equal(out.multifd, rows[i].multifd);
			assert_int_equal(out.resumed, rows[i].resumed);
			assert_int_equal(out.urgent, rows[i].urgent);
			continue;
		}
		assert_true(kr_plane_msg_parse_start(&r, &out, &e) < 0);
		assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
		assert_int_equal(out.n_lanes, 99);
	}
}

static void lane_message(void **state)
{
	struct kr_plane_lane in = { .lane_no = 3, .psk = "secret" }, out;
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	kr_plane_msg_put_lane(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out, kr_plane_msg_parse_lane);
	assert_int_equal(kr_wr_len(&w), 33);
}

static void up_message(void **state)
{
	struct kr_plane_up in = { .tls_version = "TLSv1.3",
				  .suite = "TLS_AES_256_GCM_SHA384" }, out;
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	kr_plane_msg_put_up(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out, kr_plane_msg_parse_up);
	assert_string_equal(out.suite, in.suite);
	assert_string_equal(out.tls_version, in.tls_version);
}

static void progress_message(void **state)
{
	struct kr_plane_progress in = {
		.phase = KR_PLANE_RAM, .from_qemu_bytes = 1,
		.to_qemu_bytes = 2, .wire_sent_bytes = 3,
		.wire_received_bytes = 4, .n_key_updates = 19,
		.ram_bytes = 5, .n_pages = 6,
		.n_zero_pages = 7, .rounds = 8, .n_same_pages = 9,
		.n_delta_pages = 10, .n_cached_pages = 13, .squeeze_in_bytes = 11,
		.squeeze_out_bytes = UINT64_MAX,
		.n_missing_pages = 14, .n_late_pages = 15,
		.n_urgent_pages = 16,
		.in_flight_bytes = 16, .window_bytes = 17, .round_trip_us = 18,
		.method = KR_SQUEEZE_N - 1, .verdict_us = 12,
	};
	struct kr_plane_progress out;
	struct kr_rd r;
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	kr_plane_msg_put_progress(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out,
			      kr_plane_msg_parse_progress);
	assert_int_equal(out.phase, in.phase);
	assert_int_equal(out.from_qemu_bytes, 1);
	assert_int_equal(out.to_qemu_bytes, 2);
	assert_int_equal(out.wire_sent_bytes, 3);
	assert_int_equal(out.wire_received_bytes, 4);
	assert_int_equal(out.n_key_updates, 19);
	assert_int_equal(out.ram_bytes, 5);
	assert_int_equal(out.n_pages, 6);
	assert_int_equal(out.n_zero_pages, 7);
	assert_int_equal(out.rounds, 8);
	assert_int_equal(out.n_same_pages, 9);
	assert_int_equal(out.n_delta_pages, 10);
	assert_int_equal(out.n_cached_pages, 13);
	assert_int_equal(out.squeeze_in_bytes, 11);
	assert_int_equal(out.squeeze_out_bytes, UINT64_MAX);
	assert_int_equal(out.n_missing_pages, 14);
	assert_int_equal(out.n_late_pages, 15);
	assert_int_equal(out.n_urgent_pages, 16);
	assert_int_equal(out.in_flight_bytes, 16);
	assert_int_equal(out.window_bytes, 17);
	assert_int_equal(out.round_trip_us, 18);
	assert_int_equal(out.method, KR_SQUEEZE_N - 1);
	assert_int_equal(out.verdict_us, 12);
	b[0] = KR_PLANE_PHASE_N;
	r = KR_RD(b, kr_wr_len(&w));
	assert_true(kr_plane_msg_parse_progress(&r, &out, NULL) < 0);
	in.method = KR_SQUEEZE_N;
	w = KR_WR(b, sizeof(b));
	kr_plane_msg_put_progress(&w, &in);
	r = KR_RD(b, kr_wr_len(&w));
	assert_true(kr_plane_msg_parse_progress(&r, &out, NULL) < 0);
}

static void fail_message(void **state)
{
	struct kr_err in = KR_ERR_NONE;
	struct kr_plane_fail out;
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;

	(void)state;
	kr_fail(&in, KR_E_LANE_FORGED, "a byte was changed");
	kr_plane_msg_put_fail(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out, kr_plane_msg_parse_fail);
	assert_int_equal(out.kr, KR_E_LANE_FORGED);
	assert_string_equal(out.what, "a byte was changed");
	b[0] = 0xff;
	r = KR_RD(b, kr_wr_len(&w));
	assert_true(kr_plane_msg_parse_fail(&r, &out, NULL) < 0);
}

static void manifest_message(void **state)
{
	struct kr_manifest in = { .ram_bytes = 1ull << 32,
				  .stream_bytes = 1ull << 33,
				  .n_pages = 77, .n_zero_pages = 7 }, out;
	struct kr_wr w = KR_WR(b, sizeof(b));
	char hex[3];

	(void)state;
	memset(in.ram_root, 0xaa, sizeof(in.ram_root));
	memset(in.device_digest, 0xbb, sizeof(in.device_digest));
	in.opaque = 1;
	snprintf(in.reason, sizeof(in.reason), "multifd");
	kr_manifest_put(&w, &in);
	assert_int_equal(kr_wr_len(&w), 2 + 64 + 32 + 2 + 7);
	assert_true(kr_wr_len(&w) <= KR_MANIFEST_BYTES_MAX);
	kr_hex(b, 1, hex);
	assert_string_equal(hex, "01");
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out,
			      kr_plane_msg_parse_manifest);
	assert_true(kr_manifest_same(&in, &out));
	assert_string_equal(out.reason, "multifd");
	out.reason[0] = 'x';
	assert_true(kr_manifest_same(&in, &out));
	out.ram_root[31] ^= 1;
	assert_false(kr_manifest_same(&in, &out));
	out = in;
	out.device_digest[0] ^= 1;
	assert_false(kr_manifest_same(&in, &out));
	out = in;
	out.opaque = 0;
	assert_false(kr_manifest_same(&in, &out));
	out = in;
	out.n_pages++;
	assert_false(kr_manifest_same(&in, &out));
	b[0] = 2;
	assert_true(kr_plane_msg_parse_manifest(&KR_RD(b, kr_wr_len(&w)),
						&out, NULL) < 0);
}

static void split_message(void **state)
{
	struct kr_plane_split in = { .manifest = { .n_pages = 77 },
				     .owed_pages = 78 }, out;
	struct kr_wr w = KR_WR(b, sizeof(b));

	(void)state;
	memset(in.manifest.ram_root, 0xaa, sizeof(in.manifest.ram_root));
	snprintf(in.manifest.reason, sizeof(in.manifest.reason), "why");
	kr_plane_msg_put_split(&w, &in);
	REFUSES_OTHER_LENGTHS(kr_wr_len(&w), out, kr_plane_msg_parse_split);
	assert_true(kr_manifest_same(&in.manifest, &out.manifest));
	assert_string_equal(out.manifest.reason, "why");
	assert_int_equal(out.owed_pages, 78);
	b[0] = 2;
	assert_true(kr_plane_msg_parse_split(&KR_RD(b, kr_wr_len(&w)), &out,
					     NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_message),
		cmocka_unit_test(start_bounds),
		cmocka_unit_test(lane_message),
		cmocka_unit_test(up_message),
		cmocka_unit_test(progress_message),
		cmocka_unit_test(fail_message),
		cmocka_unit_test(manifest_message),
		cmocka_unit_test(split_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test_session.c - control sessions between two hosts that know each other. */
#include "session_stand.h"

static void both_come_up_and_agree(void **state)
{
	(void)state;
	connect_both();
	assert_string_equal(a.info.peer, "beta");
	assert_string_equal(b.info.peer, "alpha");
	assert_memory_equal(a.info.keyid, kr_identity_keyid(b.id), 32);
	assert_memory_equal(b.info.keyid, kr_identity_keyid(a.id), 32);
	assert_memory_equal(a.info.binding, b.info.binding, 32);
	assert_string_equal(a.info.tls, "TLSv1.3");
	assert_string_equal(a.info.suite, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(a.info.suite, b.info.suite);
	assert_non_null(strstr(a.info.software, "korora "));
	assert_int_equal(a.info.version, KR_WIRE_VERSION_MAX);
	assert_int_equal(b.info.version, KR_WIRE_VERSION_MAX);
	assert_int_equal(a.info.identity.n_bytes, b.start.identity.n_bytes);
	assert_memory_equal(a.info.identity.bytes, b.start.identity.bytes,
			    a.info.identity.n_bytes);
}

static void each_session_has_its_own_binding(void **state)
{
	uint8_t first[32];

	(void)state;
	connect_both();
	memcpy(first, a.info.binding, 32);
	tear_down(NULL);
	set_up(NULL);
	connect_both();
	assert_memory_not_equal(first, a.info.binding, 32);
}

static void lane_keys_are_equal_and_apart(void **state)
{
	struct kr_lanekey ka = { .lane = 1 }, kb = { .lane = 1 };
	struct kr_lanekey other = { .lane = 2 };
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	begin_both();
	assert_true(kr_session_lane_key(a.session, &ka, &e) < 0);
	assert_int_equal(run(both_up, PATIENCE_MS), 0);
	assert_int_equal(kr_session_lane_key(a.session, &ka, NULL), 0);
	assert_int_equal(kr_session_lane_key(b.session, &kb, NULL), 0);
	assert_memory_equal(ka.key, kb.key, 32);
	assert_int_equal(kr_session_lane_key(b.session, &other, NULL), 0);
	assert_memory_not_equal(ka.key, other.key, 32);
	other = (struct kr_lanekey){ .lane = 1, .attempt = 1 };
	assert_int_equal(kr_session_lane_key(b.session, &other, NULL), 0);
	assert_memory_not_equal(ka.key, other.key, sizeof(ka.key));
	other = (struct kr_lanekey){ .lane = 1, .migration = { 1 } };
	assert_int_equal(kr_session_lane_key(b.session, &other, NULL), 0);
	assert_memory_not_equal(ka.key, other.key, 32);
	assert_memory_not_equal(ka.key, a.info.binding, 32);
}

static size_t ask_body(uint8_t *out, size_t size)
{
	struct kr_peerfail f = { .kr = 0, .what = "how?" };
	struct kr_wr w = KR_WR(out, size);

	kr_peerfail_put(&w, &f);
	return kr_wr_len(&w);
}

static void messages_arrive(void **state)
{
	uint8_t body[64];
	size_t n = ask_body(body, sizeof(body));

	(void)state;
	connect_both();
	assert_int_equal(kr_session_send(a.session, KR_PEER_ASK, body, n,
					 NULL), 0);
	assert_int_equal(run(b_has_msg, PATIENCE_MS), 0);
	assert_int_equal(b.type, KR_PEER_ASK);
	assert_int_equal(b.n_bytes, n);
	assert_false(b.down);
}

static void heartbeats_keep_it_up(void **state)
{
	(void)state;
	a.start.silent_ms = b.start.silent_ms = 200;
	connect_both();
	assert_int_equal(run(a_down, 700), 1);
	assert_false(a.down || b.down);
	assert_int_equal(a.n_msgs + b.n_msgs, 0);
}

/* The first heartbeat may come long after the handshake's deadline. */
static void late_heartbeats(void **state)
{
	(void)state;
	a.start.handshake_ms = b.start.handshake_ms = 300;
	a.start.silent_ms = b.start.silent_ms = 3000;
	connect_both();
	run(a_down, 600);
	if (a.down)
		print_message("%s\n", a.err.what);
	assert_false(a.down || b.down);
}

static void goodbye(void **state)
{
	struct kr_err why = KR_ERR_NONE;

	(void)state;
	connect_both();
	kr_session_bye(a.session, NULL);
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_CLOSED);
	tear_down(NULL);
	set_up(NULL);
	connect_both();
	kr_fail(&why, KR_E_LIMIT, "enough");
	kr_session_bye(a.session, &why);
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_REFUSED);
	assert_string_equal(b.err.what, "KR-1011 enough");
	assert_true(kr_session_send(a.session, KR_PEER_ASK, NULL, 0, NULL) <
		    0);
}

static void a_peer_that_does_not_read(void **state)
{
	static uint8_t body[KR_FRAME_BODY_BYTES_MAX];
	struct kr_err e = KR_ERR_NONE;
	unsigned int n = 0;

	(void)state;
	connect_both();
	while (!kr_session_send(a.session, KR_PEER_ASK, body, sizeof(body),
				&e))
		assert_true(++n < 2000);
	assert_int_equal(e.kr, KR_E_LIMIT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_come_up_and_agree),
		T(each_session_has_its_own_binding),
		T(lane_keys_are_equal_and_apart),
		T(messages_arrive),
		T(heartbeats_keep_it_up),
		T(late_heartbeats),
		T(goodbye),
		T(a_peer_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

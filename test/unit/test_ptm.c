/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ptm.c - a TPM emulator's control channel, byte for byte, in pieces and
 * with what neither side may say; and a real swtpm spoken to as QEMU does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "swtpm_stand.h"

/* ---- bytes --------------------------------------------------------------- */

static void a_request_is_whole_or_waited_for(void **state)
{
	static const uint8_t set[] = { BE(0x0d), BE(1), BE(2), BE(3), 'a', 'b',
				       'c' };
	uint8_t buf[64];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_ptmask a;

	(void)state;
	for (size_t n = 0; n < sizeof(set); n++)
		assert_int_equal(ask(set, n, &a), KR_PTM_MORE);
	assert_int_equal(ask(set, sizeof(set), &a), 0);
	assert_int_equal(a.cmd, KR_PTM_SET_STATEBLOB);
	assert_int_equal(a.type, KR_PTM_VOLATILE);
	assert_int_equal(a.flags, 1);
	assert_int_equal(a.n_blob, 3);
	assert_memory_equal(a.blob, "abc", 3);
	kr_ptm_ask_put(&w, &a, (const uint8_t *)"other", 5);
	assert_int_equal(kr_wr_len(&w), 21);
	assert_memory_equal(buf + 12, ((uint8_t[]){ BE(5), 'o' }), 5);
}

static void what_qemu_does_not_say_is_refused(void **state)
{
	static const uint8_t no[][16] = {
		{ BE(0) }, { BE(0x06) }, { BE(0x07) }, { BE(0x08) },
		{ BE(0x0a) }, { BE(0x0f) }, { BE(0x12) }, { BE(0x14) },
		{ 1, 0, 0, 1 },
		{ BE(0x0c), BE(1), BE(0), BE(0) },	/* no kind */
		{ BE(0x0c), BE(1), BE(4), BE(0) },
		{ BE(0x0c), BE(1), BE(1), BE(1) },	/* a part */
		{ BE(0x0d), BE(0), BE(1), 0, 8, 0, 1 },	/* too large */
		{ BE(0x0d), BE(0), BE(1), 255, 255, 255, 255 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct kr_ptmask a;

		assert_true(ask(no[i], sizeof(no[i]), &a) < 0);
	}
}

static void a_reply_is_whole_or_waited_for(void **state)
{
	static const uint8_t got[] = { BE(0), BE(2), BE(3), BE(3), 'a', 'b',
				       'c' };
	uint8_t buf[64];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_ptmsaid s;

	(void)state;
	for (size_t n = 0; n < sizeof(got); n++)
		assert_int_equal(said(KR_PTM_GET_STATEBLOB, got, n, &s),
				 KR_PTM_MORE);
	assert_int_equal(said(KR_PTM_GET_STATEBLOB, got, sizeof(got), &s), 0);
	assert_int_equal(s.flags, 2);
	assert_memory_equal(s.blob, "abc", 3);
	kr_ptm_said_put(&w, KR_PTM_GET_STATEBLOB, &s, (const uint8_t *)"other",
			5);
	assert_int_equal(kr_wr_len(&w), 21);
	assert_memory_equal(buf + 8, ((uint8_t[]){ BE(5), BE(5), 'o' }), 9);
}

/* A blob in parts would be one that nobody has seen whole. */
static void a_reply_in_parts_is_refused(void **state)
{
	static const uint8_t no[][16] = {
		{ BE(0), BE(0), BE(9), BE(3) }, { BE(0), BE(0), BE(3), BE(9) },
		{ BE(0), BE(0), 0, 8, 0, 1, 0, 8, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct kr_ptmsaid s;

		assert_true(said(KR_PTM_GET_STATEBLOB, no[i], sizeof(no[i]),
				 &s) < 0);
	}
}

static void a_failure_may_be_short(void **state)
{
	static const uint8_t failed[] = { BE(9), BE(0) };
	uint8_t buf[32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_ptmsaid s;

	(void)state;
	for (size_t n = 4; n <= sizeof(failed); n += 4) {
		assert_int_equal(said(KR_PTM_GET_TPMESTABLISHED, failed, n,
				      &s), 0);
		assert_int_equal(s.result, 9);
		assert_int_equal(s.n_body, n);
	}
	/* one that is refused here is whole: QEMU waits for all of it */
	kr_ptm_refuse(&w, KR_PTM_GET_STATEBLOB);
	assert_int_equal(kr_wr_len(&w), 16);
	assert_int_equal(said(KR_PTM_GET_STATEBLOB, buf, 16, &s), 0);
	assert_int_equal(s.result, 9);
	assert_int_equal(s.n_blob, 0);
}

/* ---- an emulator --------------------------------------------------------- */

/* Gives the blob of one emulator to another. */
static void move_blob(struct swtpm *from, struct swtpm *to, uint8_t type)
{
	static uint8_t buf[sizeof(from->in)];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_ptmask a = { .cmd = KR_PTM_SET_STATEBLOB, .type = type };

	assert_int_equal(SAY(from, BE(KR_PTM_GET_STATEBLOB), BE(1), BE(type),
			     BE(0)),
			 type == KR_PTM_SAVESTATE ? KR_PTM_NO_BLOB : 0);
	if (from->said.result)
		return;
	assert_true(from->said.n_blob > 1000);
	kr_ptm_ask_put(&w, &a, from->said.blob, from->said.n_blob);
	assert_int_equal(say(to, buf, kr_wr_len(&w), -1), 0);
}

static void a_real_emulator_is_understood(void **state)
{
	static struct swtpm one, two;
	uint8_t before[256], after[256];

	(void)state;
	need(!system("command -v swtpm >/dev/null"), "swtpm");
	begin(&one);
	begin(&two);
	power_on(&one, false);
	assert_int_equal(tell(&one, startup, sizeof(startup), before), 0);
	assert_int_equal(tell(&one, extend, sizeof(extend), before), 0);
	assert_int_equal(tell(&one, pcr_read, sizeof(pcr_read), before), 0);
	power_on(&two, true);
	for (uint8_t type = 1; type <= KR_PTM_SAVESTATE; type++)
		move_blob(&one, &two, type);
	assert_int_equal(SAY(&two, BE(KR_PTM_INIT), BE(0)), 0);
	assert_int_equal(tell(&two, pcr_read, sizeof(pcr_read), after), 0);
	assert_memory_equal(before + 10, after + 10, 52);
	assert_int_not_equal(after[30], 0);
	/* what it refuses is a reply, too */
	assert_int_not_equal(SAY(&two, BE(KR_PTM_SET_BUFFERSIZE), 0, 0, 16, 0),
			     0);
	assert_int_equal(SAY(&two, BE(KR_PTM_SHUTDOWN)), 0);
	end(&one);
	end(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_whole_or_waited_for),
		cmocka_unit_test(what_qemu_does_not_say_is_refused),
		cmocka_unit_test(a_reply_is_whole_or_waited_for),
		cmocka_unit_test(a_reply_in_parts_is_refused),
		cmocka_unit_test(a_failure_may_be_short),
		cmocka_unit_test(a_real_emulator_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

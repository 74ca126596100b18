/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qmp_qemu.c - two agents operate two QEMUs: a VM moves, comes back,
 * and survives what goes wrong on the way. Needs root.
 */
#include "qmp_pair.h"
#include "need.h"

static void migrate_undo_migrate(void **state)
{
	struct kr_hyper_status st;
	uint64_t stopped_ns, t;
	struct msg m;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	say(&src, KR_HYPER_RUN);		/* idempotent */
	begin(0);
	stopped_ns = await(&src, KR_HYPER_EVENT, KR_HYPER_STOPPED).event.at_ns;
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	assert_int_equal(m.event.at_ns, stopped_ns);
	assert_true(stopped_ns <= kr_now_ns() &&
		    kr_now_ns() - stopped_ns < 5000000000u);
	st = ask(&src);
	assert_int_equal(st.run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(st.mig, KR_HYPER_MIG_AT_SWITCH);
	assert_true(st.total_bytes > 64 << 20);
	assert_true(st.sent_bytes > 0);
	/* QEMU itself refuses to run now */
	send_cmd(&src, KR_HYPER_RUN);
	m = await(&src, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_QMP);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	/* QEMU says that it is sent a moment before it is in that state */
	for (int i = 0; i < 100 && ask(&src).run != KR_HYPER_IS_MIGRATED; i++)
		usleep(10000);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_MIGRATED);
	st = ask(&dst);
	assert_int_equal(st.run, KR_HYPER_IS_PAUSED);
	assert_int_equal(st.mig, KR_HYPER_MIG_COMPLETED);
	assert_false(ticks(&src));
	assert_false(ticks(&dst));

	/* undo: the source takes its disks again, so the copy cannot */
	say(&src, KR_HYPER_RUN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	send_cmd(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_FAIL, KR_HYPER_RUN);
	assert_int_equal(m.fail.kr, KR_E_QMP);
	say(&dst, KR_HYPER_END);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_SHUTDOWN);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_int_equal(m.event.kr, KR_E_QMP_LOST);
	end_side(&dst);

	/* and a second time, to the end */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	t = await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH).event.at_ns;
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
	say(&dst, KR_HYPER_RUN);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	print_message("downtime %.1f ms\n",
		      (double)(m.event.at_ns - t) / 1e6);
	assert_true(ticks(&dst));
	assert_false(ticks(&src));
	say(&dst, KR_HYPER_PAUSE);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_STOPPED);
	assert_false(ticks(&dst));
}

static void cancel_midway(void **state)
{
	struct kr_hyper_status st;
	struct msg m;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin(100 << 10);		/* slow enough to last */
	usleep(300000);
	st = ask(&src);
	assert_int_equal(st.mig, KR_HYPER_MIG_ACTIVE);
	assert_int_equal(st.run, KR_HYPER_IS_RUNNING);
	assert_true(st.left_bytes > 0);
	say(&src, KR_HYPER_CANCEL);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_true(ticks(&src));
	end_side(&dst);

	/* at the switch: it resumes by itself */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	say(&src, KR_HYPER_CANCEL);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_CANCELLED);
	assert_int_equal(ask(&src).run, KR_HYPER_IS_RUNNING);
	assert_true(ticks(&src));
}

static void say_sample(struct side *s, uint8_t seconds)
{
	uint8_t buf[8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_sample m = { seconds };

	kr_hyper_msg_put_sample(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, KR_HYPER_SAMPLE, &w, NULL), 0);
	await(s, KR_HYPER_DONE, KR_HYPER_SAMPLE);
}

static void say_limit(struct side *s, uint32_t ms)
{
	uint8_t buf[8];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_hyper_limit m = { ms };

	kr_hyper_msg_put_limit(&w, &m);
	assert_int_equal(kr_chan_put(&s->chan, KR_HYPER_LIMIT, &w, NULL), 0);
	await(s, KR_HYPER_DONE, KR_HYPER_LIMIT);
}

/* At this rate it would take an hour, unless the guest may stand still. */
static void sampled_and_stopped(void **state)
{
	struct kr_hyper_status st;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin(100 << 10);
	await(&src, KR_HYPER_EVENT, KR_HYPER_PASS);
	/* the first one begins before QEMU has anything to tell */
	for (int i = 0; i < 100 && !(st = ask(&src)).rounds; i++)
		usleep(10000);
	assert_int_equal(st.rounds, 1);
	assert_int_equal(st.sampled_bytes_s, 0);
	say_sample(&src, 1);
	for (int i = 0; i < 100 && !st.sampled_bytes_s; i++) {
		usleep(100000);
		st = ask(&src);
	}
	assert_true(st.sampled_bytes_s > 0);
	assert_int_equal(st.sampled_s, 1);
	assert_int_equal(st.mig, KR_HYPER_MIG_ACTIVE);
	say_limit(&src, UINT32_MAX);	/* all that QEMU takes */
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	say(&src, KR_HYPER_CANCEL);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
}

static void the_destination_dies(void **state)
{
	struct msg m;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin(100 << 10);
	usleep(300000);
	end_pid(&dst.qemu, true);
	m = await(&dst, KR_HYPER_EVENT, KR_HYPER_GONE);
	assert_int_equal(m.event.kr, KR_E_QMP_LOST);
	m = await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	assert_int_equal(m.event.kr, KR_E_HYPER_FAILED);
	assert_true(m.event.reason[0] != '\0');
	assert_true(ticks(&src));
	end_side(&dst);

	/* at the switch */
	start_qemu(&dst, "dst", KR_HYPER_INCOMING);
	await(&dst, KR_HYPER_READY, 0);
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	end_pid(&dst.qemu, true);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_BROKEN);
	await(&src, KR_HYPER_EVENT, KR_HYPER_RUNNING);
	assert_true(ticks(&src));
	assert_quiet(&src, KR_HYPER_SENT, 200);
}

/* An agent that comes later learns the state from QEMU. */
static void a_second_agent(void **state)
{
	char sock[PATH_MAX];
	struct msg m;
	int fd;

	(void)state;
	need(!cannot(), "root, QEMU and korora-qmp");
	start_pair();
	begin(0);
	await(&src, KR_HYPER_EVENT, KR_HYPER_AT_SWITCH);
	kr_chan_close(&src.chan);
	end_pid(&src.agent, false);	/* it ends with its channel */
	start_agent(&src);
	snprintf(sock, sizeof(sock), "%s/qmp.sock", src.dir);
	fd = kr_unix_connect(sock);
	assert_true(fd >= 0);
	open_fd(&src, fd);
	m = await(&src, KR_HYPER_READY, 0);
	assert_int_equal(m.ready.run, KR_HYPER_IS_SWITCHING);
	assert_int_equal(m.ready.mig, KR_HYPER_MIG_AT_SWITCH);
	say(&src, KR_HYPER_SWITCH);
	await(&src, KR_HYPER_EVENT, KR_HYPER_SENT);
	await(&dst, KR_HYPER_EVENT, KR_HYPER_LOADED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(migrate_undo_migrate, end_both),
		cmocka_unit_test_teardown(cancel_midway, end_both),
		cmocka_unit_test_teardown(sampled_and_stopped, end_both),
		cmocka_unit_test_teardown(the_destination_dies, end_both),
		cmocka_unit_test_teardown(a_second_agent, end_both),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_disks, remove_top);
}

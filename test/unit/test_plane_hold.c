/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plane_hold.c - what is behind the split does not flow before GO, or
 * before the destination's hypervisor asks for a page; and its end not before
 * GO in any case. Two real agents.
 */
#include "plane_ends.h"

/* ---- what comes of it -------------------------------------------------- */

static size_t wanted[CHANNELS], wanted_back;

static bool has_come(void)
{
	return is_over() || (ends[DST][0].n_in >= wanted[0] &&
			     ends[DST][1].n_in >= wanted[1]);
}

/* So much, no more, and the very bytes. */
static void expect_come(size_t n_main, size_t n_urgent)
{
	wanted[0] = n_main;
	wanted[1] = n_urgent;
	assert_true(stand_await(has_come));
	fail_if_over();
	for (unsigned int i = 0; i < n_channels(); i++) {
		assert_int_equal(ends[DST][i].n_in, wanted[i]);
		assert_memory_equal(ends[DST][i].in, sent[i].b, wanted[i]);
	}
}

static void expect_all_came(void)
{
	expect_come(sent[0].n, sent[1].n);
}

static bool both_split(void)
{
	return is_over() ||
	       (stand.side[SRC].has_split && stand.side[DST].has_split);
}

/* And both counted what was missing there, whatever came since. */
static void expect_split(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	assert_true(stand_await(both_split));
	fail_if_over();
	assert_true(kr_manifest_same(&s->split.manifest, &d->split.manifest));
	assert_int_equal(s->split.manifest.stream_bytes, n_split);
	assert_int_equal(s->split.owed_pages, OWED);
	assert_int_equal(d->split.owed_pages, OWED);
}

static bool came_back(void)
{
	return is_over() || ends[SRC][0].n_in == wanted_back;
}

/* The destination's QEMU says something, and the source's hears it. */
static void say(const void *p, size_t n)
{
	wanted_back = ends[SRC][0].n_in + n;
	assert_int_equal(send(ends[DST][0].io.fd, p, n, MSG_NOSIGNAL), n);
	assert_true(stand_await(came_back));
	fail_if_over();
}

static void ask(void)
{
	static const uint8_t page[] = { 0, 3, 0, 19, 0, 0, 0, 0, 0, 0, 0x30, 0,
					0, 0, 0x10, 0, 6, 'p', 'c', '.', 'r',
					'a', 'm' };

	say(page, sizeof(page));
}

static unsigned int n_told[2];

static bool told_twice(void)
{
	return is_over() || stand_both_manifests() ||
	       (stand.side[SRC].n_progress >= n_told[SRC] + 2 &&
		stand.side[DST].n_progress >= n_told[DST] + 2);
}

/* What would go forward has gone: whoever brings an answer back has looked
 * whether there is something to read, and both sides have told of it. */
static void settle(void)
{
	say("\0\2\0\4\0\0\0\7", 8);
	for (int i = 0; i < 2; i++)
		n_told[i] = stand.side[i].n_progress;
	assert_true(stand_await(told_twice));
	fail_if_over();
}

static void expect_late(unsigned int n_pages)
{
	for (int i = 0; i < 2; i++) {
		const struct kr_plane_progress *p = &stand.side[i].progress;

		assert_int_equal(p->n_late_pages, n_pages);
		assert_int_equal(p->n_missing_pages, OWED - n_pages);
		assert_int_equal(p->n_urgent_pages, n_pages && stand_urgent);
	}
}

/* All came, but no END: nobody is done. */
static void expect_no_end(void)
{
	settle();
	expect_all_came();
	expect_late(LATE_PAGES);
	assert_false(stand.side[SRC].has_manifest);
	assert_false(stand.side[DST].has_manifest);
}

static void go_to_the_end(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	stand_order(SRC, KR_PLANE_GO);
	expect_all_came();
	assert_true(stand_await(stand_both_manifests));
	fail_if_over();
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_int_equal(s->manifest.opaque, 0);
	assert_int_equal(s->manifest.stream_bytes, sent[0].n + sent[1].n);
	expect_late(LATE_PAGES);
	stop_all();
}

/* ---- tests ------------------------------------------------------------- */

static void nobody_asks(void **state)
{
	connect_all(*state);
	make_stream();
	write_rest(0);
	expect_split();
	expect_come(n_split, 0);
	settle();
	expect_come(n_split, 0);
	expect_late(0);
	go_to_the_end();
}

static void somebody_asks(void **state)
{
	connect_all(*state);
	make_stream();
	write_rest(0);
	expect_come(n_split, 0);
	ask();
	expect_all_came();
	expect_split();
	expect_no_end();
	go_to_the_end();
}

static void asked_before_the_split(void **state)
{
	connect_all(*state);
	make_stream();
	write_main(0, n_early);
	expect_come(n_early, 0);
	ask();
	write_rest(n_early);
	expect_all_came();
	expect_split();
	expect_no_end();
	go_to_the_end();
}

static bool both_broke(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	return (s->has_failed || s->n_torn || s->is_gone) &&
	       (d->has_failed || d->n_torn || d->is_gone);
}

/* The VM is the source's still: its plane ends, and QEMU hears no hang-up. */
static void broken_while_asked(void **state)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];
	int qemu, far_fd;
	uint8_t b;

	connect_all(*state);
	make_stream();
	write_rest(0);
	expect_come(n_split, 0);
	ask();
	expect_all_came();
	expect_split();
	shutdown(lane_fds[stand_n_lanes - 1], SHUT_RDWR);
	assert_true(stand_await(both_broke));
	assert_int_equal(s->n_torn, 0);
	assert_int_equal(s->fail.kr, KR_E_LANE_LOST);
	assert_false(d->has_failed);
	assert_int_equal(d->torn.why.kr, KR_E_LANE_LOST);
	assert_false(s->has_manifest || d->has_manifest);
	qemu = dup(ends[SRC][0].io.fd);
	far_fd = dup(s->far_fd);
	stop_all();
	assert_int_equal(recv(qemu, &b, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	close(qemu);
	close(far_fd);
}

/* Whoever is handed QEMU's socket may have it block: a lane's thread does not
 * wait there for more than has come, and hears what it is told. */
static void blocking_socket(void **state)
{
	int fd, flags;

	connect_all(*state);
	make_stream();
	fd = stand.side[SRC].far_fd;
	flags = fcntl(fd, F_GETFL);
	assert_true(flags & O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	write_main(0, n_early);
	expect_come(n_early, 0);
	stand_order(SRC, KR_PLANE_TEAR);
	assert_true(stand_await(stand_both_failed));
	assert_int_equal(stand.side[SRC].fail.kr, KR_E_LANE_LOST);
	stop_all();
}

#define TEST(name, no, of) \
	{ #name ", " of, name, NULL, NULL, (void *)(uintptr_t)&shapes[no] }
#define TESTS(name) \
	TEST(name, 0, "1 lane"), TEST(name, 1, "3 lanes"), \
	TEST(name, 2, "an urgent channel")

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS(nobody_asks),
		TESTS(somebody_asks),
		TESTS(asked_before_the_split),
		TESTS(broken_while_asked),
		TESTS(blocking_socket),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

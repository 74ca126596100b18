/* SPDX-License-Identifier: Apache-2.0 */
/* test_forecast.c - predictions without a measurement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/forecast.h"
#include "daemon/linkspeed.h"
#include "daemon/touched.h"

#define MIB	(UINT64_C(1) << 20)

static uint64_t slowest_ns;

/* 1 GiB, half of it touched. */
static struct kr_forecast_task task(enum kr_strategy s)
{
	return (struct kr_forecast_task){ .strategy = s,
		.memory_bytes = 1024 * MIB, .touched_bytes = 512 * MIB };
}

/* The touched half went over once, with heads of the other; 100 MiB/s. */
static struct kr_terms done(const char *strategy)
{
	struct kr_terms t = { .total_ms = 5400, .downtime_us = 90000,
			      .wire_bytes = 300 * MIB, .rounds = 2 };

	strcpy(t.strategy, strategy);
	t.stream.stream_bytes = 512 * MIB + 262144 * 9;
	return t;
}

static struct kr_forecast_past past(const struct kr_terms *t)
{
	struct kr_forecast_past p;

	assert_true(kr_forecast_past(t, 1024, &p));
	return p;
}

static struct kr_predict_forecast again(const struct kr_forecast_task *t,
					const struct kr_terms *then)
{
	struct kr_forecast_past p = past(then);
	struct kr_predict_probe probe;
	struct kr_predict_forecast f;

	kr_forecast_by_past(t, &p, &probe);
	kr_forecast_play(t, &probe, &f);
	return f;
}

static void near(uint64_t v, uint64_t want, uint64_t percent)
{
	assert_in_range(v, want - want * percent / 100,
			want + want * percent / 100);
}

static void the_same_again_takes_the_same(void **state)
{
	static const enum kr_strategy all[] = {
		KR_STRATEGY_PRECOPY, KR_STRATEGY_OFFLINE, KR_STRATEGY_HYBRID,
		KR_STRATEGY_POSTCOPY,
	};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct kr_forecast_task t = task(all[i]);
		struct kr_terms then = done(kr_strategy_name(all[i]));
		struct kr_predict_forecast f;

		if (kr_strategy_early(all[i])) {
			then.postcopy.early = true;
			then.postcopy.stream_bytes = then.stream.stream_bytes;
			then.stream.stream_bytes = MIB;
		} else if (all[i] == KR_STRATEGY_OFFLINE) {
			then.downtime_us = 5100000;
		}
		f = again(&t, &then);
		near(f.total_ms.expected, 5400, 1);
		near(f.downtime_ms.expected, then.downtime_us / 1000, 2);
		near(f.wire_bytes.expected, 300 * MIB, 1);
		assert_true(f.total_ms.low < 5400 && f.total_ms.high > 5400);
	}
}

/* It sent as much again as was written meanwhile: it writes that today. */
static void what_was_written_is_written_again(void **state)
{
	struct kr_forecast_task t = task(KR_STRATEGY_PRECOPY);
	struct kr_terms then = done("precopy");
	struct kr_predict_forecast f, twice;

	(void)state;
	then.stream.stream_bytes += 256 * MIB;
	then.wire_bytes = 450 * MIB;
	then.total_ms = 8000;
	f = again(&t, &then);
	assert_true(f.ends);
	assert_true(f.n_passes > 2);
	near(f.total_ms.expected, 8000, 1);
	near(f.downtime_ms.expected, 90, 2);
	near(f.wire_bytes.expected, 450 * MIB, 10);
	t.strategy = KR_STRATEGY_HYBRID;
	twice = again(&t, &then);
	assert_true(twice.wire_bytes.expected < f.wire_bytes.expected);
	assert_true(twice.wire_bytes.expected > 300 * MIB);
}

static void twice_the_memory_takes_twice_as_long(void **state)
{
	struct kr_forecast_task t = task(KR_STRATEGY_PRECOPY);
	struct kr_terms then = done("precopy");
	struct kr_predict_forecast f;

	(void)state;
	t.memory_bytes *= 2;
	t.touched_bytes *= 2;
	f = again(&t, &then);
	near(f.total_ms.expected, 2 * 5400 - 300, 3);
	near(f.wire_bytes.expected, 600 * MIB, 1);
	near(f.downtime_ms.expected, 90, 2);
}

static void it_goes_no_faster_than_it_may(void **state)
{
	struct kr_forecast_task t = task(KR_STRATEGY_PRECOPY);
	struct kr_terms then = done("precopy");
	struct kr_predict_probe p;
	struct kr_predict_forecast f;

	(void)state;
	t.bandwidth_bytes_s = 10 * MIB;
	f = again(&t, &then);
	assert_in_range(f.total_ms.expected, 51000, 52000);
	t.bandwidth_bytes_s = 1000 * MIB;
	near(again(&t, &then).total_ms.expected, 5400, 1);
	t.bandwidth_bytes_s = 10 * MIB;
	kr_forecast_by_size(&t, 0, &p);
	kr_forecast_play(&t, &p, &f);
	assert_in_range(f.total_ms.expected, 51000, 52000);
}

static void nothing_known_it_is_its_size_and_the_link(void **state)
{
	static const struct { uint64_t bytes_s, low_ms, high_ms; } rows[] = {
		{ 125000000, 4600, 4950 },	/* 1 Gbit/s */
		{ 12500000, 43200, 43700 },
		{ 0, 1300, 1600 },		/* as much as planes carry */
		{ UINT64_MAX, 1300, 1600 },
	};
	struct kr_forecast_task t = task(KR_STRATEGY_PRECOPY);
	struct kr_predict_probe p;
	struct kr_predict_forecast f;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kr_forecast_by_size(&t, rows[i].bytes_s, &p);
		kr_forecast_play(&t, &p, &f);
		assert_in_range(f.total_ms.expected, rows[i].low_ms,
				rows[i].high_ms);
		assert_int_equal(f.wire_bytes.expected, 512 * MIB);
		assert_in_range(f.downtime_ms.expected, 30, 100);
	}
	t.touched_bytes = 0;			/* cannot tell: all of it */
	kr_forecast_by_size(&t, 0, &p);
	assert_int_equal(p.first.full_bytes, 1024 * MIB);
	t.touched_bytes = 4096 * MIB;		/* the process has more */
	kr_forecast_by_size(&t, 0, &p);
	assert_int_equal(p.first.full_bytes, 1024 * MIB);
	t.strategy = KR_STRATEGY_OFFLINE;
	kr_forecast_play(&t, &p, &f);
	assert_true(f.downtime_ms.expected > 2000);
}

static void the_link_is_as_fast_as_it_was(void **state)
{
	struct kr_terms then = done("precopy");
	struct kr_forecast_past p = past(&then);

	(void)state;
	near(kr_forecast_speed(&p), 100 * MIB, 2);
}

static void figures_that_say_nothing_are_left_out(void **state)
{
	static const struct {
		uint64_t total_ms, downtime_us, stream, wire;
		bool lost;
		uint32_t recoveries;
		const char *strategy, *covers;
	} rows[] = {
		{ 0, 0, MIB, MIB, false, 0, "precopy", "" },
		{ 10, 11000, MIB, MIB, false, 0, "precopy", "" },
		{ 10, 1, 0, MIB, false, 0, "precopy", "" },
		{ 10, 1, MIB, 0, false, 0, "precopy", "" },
		{ 10, 1, MIB, MIB, true, 0, "postcopy", "" },
		{ 10, 1, MIB, MIB, false, 1, "postcopy", "" },
		{ 10, 1, MIB, MIB, false, 0, "postcopy", KR_COVERS_RESUMED },
		{ 10, 1, MIB, MIB, false, 0, "probe", "" },
		{ KR_TERMS_NUMBER_MAX, 1, MIB, MIB, false, 0, "precopy", "" },
		{ 10, 1, KR_TERMS_NUMBER_MAX, MIB, false, 0, "precopy", "" },
		{ 10, 1, MIB, KR_TERMS_NUMBER_MAX, false, 0, "precopy", "" },
	};
	struct kr_forecast_past p;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kr_terms t = { .total_ms = rows[i].total_ms,
				      .downtime_us = rows[i].downtime_us,
				      .wire_bytes = rows[i].wire };

		strcpy(t.strategy, rows[i].strategy);
		strcpy(t.postcopy.covers, rows[i].covers);
		t.postcopy.early = rows[i].strategy[1] == 'o';
		t.postcopy.lost = rows[i].lost;
		t.postcopy.recoveries = rows[i].recoveries;
		t.stream.stream_bytes = t.postcopy.stream_bytes =
			rows[i].stream;
		assert_false(kr_forecast_past(&t, 1024, &p));
	}
}

/* Whatever it is: there is a prediction, it is in order, and there at once. */
static void harmless(const struct kr_forecast_past *p)
{
	for (unsigned int i = 0; i < KR_STRATEGY_N * 6u; i++) {
		struct kr_forecast_task t = task(i % KR_STRATEGY_N);
		uint64_t began = kr_now_ns();
		struct kr_predict_probe probe;
		struct kr_predict_forecast f;

		t.throttle = i / KR_STRATEGY_N % 2;
		t.max_downtime_ms = i / KR_STRATEGY_N / 2;
		kr_forecast_by_past(&t, p, &probe);
		kr_forecast_play(&t, &probe, &f);
		slowest_ns = kr_now_ns() - began > slowest_ns ?
			     kr_now_ns() - began : slowest_ns;
		assert_true(f.total_ms.expected > 0);
		assert_true(f.total_ms.low <= f.total_ms.expected &&
			    f.total_ms.expected <= f.total_ms.high);
		assert_true(f.downtime_ms.expected <= f.total_ms.expected);
	}
}

/* Figures are a peer's word. */
static void odd_figures_do_no_harm(void **state)
{
	static const uint64_t ms[] = { 1, 2, 35, 36, 1000,
				       KR_FORECAST_PAST_MS_MAX };
	static const uint64_t bytes[] = { 1, 4096, MIB, 1024 * MIB,
					  KR_FORECAST_PAST_BYTES_MAX };

	(void)state;
	for (unsigned int i = 0; i < 6 * 6 * 5 * 5 * 2; i++) {
		struct kr_forecast_past p = {
			.total_ms = ms[i % 6], .downtime_ms = ms[i / 6 % 6],
			.stream_bytes = bytes[i / 36 % 5],
			.wire_bytes = bytes[i / 180 % 5],
			.memory_bytes = i / 900 ? MIB : MIB << 24,
		};

		for (unsigned int k = 0; k < KR_STRATEGY_N; k++) {
			p.strategy = k;
			if (p.downtime_ms <= p.total_ms)
				harmless(&p);
		}
	}
	print_message("slowest: %u us\n", (unsigned int)(slowest_ns / 1000));
	assert_true(slowest_ns < 100000000);
}

/* ---- what the kernel tells --------------------------------------------- */

static void what_a_process_has_is_counted(void **state)
{
	const size_t n = 64 * MIB;
	uint64_t before = kr_touched_about(getpid());
	volatile char *p = malloc(n);

	(void)state;
	assert_true(before > 0);
	assert_non_null(p);
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	assert_true(kr_touched_about(getpid()) >= before + n / 2);
	free((void *)p);
	assert_int_equal(kr_touched_about(0), 0);
}

static void an_interface_that_does_not_say_is_not_known(void **state)
{
	struct sockaddr_storage a;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	kr_linkspeed_local(fd, &a);
	assert_int_equal(a.ss_family, AF_INET);
	assert_int_equal(kr_linkspeed(&a), 0);	/* lo has no speed */
	close(fd);
	kr_linkspeed_local(fd, &a);
	assert_int_equal(kr_linkspeed(&a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_again_takes_the_same),
		cmocka_unit_test(what_was_written_is_written_again),
		cmocka_unit_test(twice_the_memory_takes_twice_as_long),
		cmocka_unit_test(it_goes_no_faster_than_it_may),
		cmocka_unit_test(nothing_known_it_is_its_size_and_the_link),
		cmocka_unit_test(the_link_is_as_fast_as_it_was),
		cmocka_unit_test(figures_that_say_nothing_are_left_out),
		cmocka_unit_test(odd_figures_do_no_harm),
		cmocka_unit_test(what_a_process_has_is_counted),
		cmocka_unit_test(an_interface_that_does_not_say_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

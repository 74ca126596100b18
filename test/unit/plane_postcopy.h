/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plane_postcopy.h - two real QEMUs, two real agents and what stands between
 * them, see plane_wire.h, go over to post-copy. Without and with a channel for
 * pages that are asked for.
 *
 * Memory is in /dev/shm, where post-copy can have files. QEMU 10.0 is tried,
 * too, if KORORA_QEMU10 names a folder that has it.
 */
#ifndef KR_TEST_PLANE_POSTCOPY_H
#define KR_TEST_PLANE_POSTCOPY_H

#include "plane_wire.h"

#include "plane/qstream.h"

#define SLOW	"2000000"		/* bytes a second, to cut into */

/* Memory like a guest's: text, and every other page a copy of some other. */
static void write_text(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *p = mmap(NULL, ram_mib * MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);

	assert_true(p != MAP_FAILED);
	for (unsigned int page = 512; page < ram_mib * 256; page++)
		for (unsigned int i = 0; i < 4096; i += 32) {
			char line[64];

			snprintf(line, sizeof(line), "%08x user%5u root %08x",
				 (page % 2 ? page : page % 64) * 2654435761u,
				 i, page % 2 ? page * i : 0);
			memcpy(p + page * 4096ul + i, line, 32);
		}
	munmap(p, ram_mib * MIB);
	close(fd);
}

/* ---- both sides -------------------------------------------------------- */

/* Agents and lanes, with QEMU listening at the destination already. */
static void agents(void)
{
	const uint64_t limit_bytes = (ram_mib + 64) * MIB;
	int fds[CHANNELS];

	for (unsigned int i = 0; i < n_channels(); i++)
		fds[i] = tap_destination(i);
	stand_start_on(DST, false, fds, n_channels(), limit_bytes, 4000);
	stand_start(SRC, kr_unix_listen(name("mig", SRC), 0600), limit_bytes,
		    4000);
	for (uint8_t i = 0; i < stand_n_lanes; i++)
		relay_lane(i);
	assert_true(stand_await(stand_both_up));
}

static void set_speed(const char *which, const char *speed)
{
	char b[256];

	snprintf(b, sizeof(b), "{\"execute\":\"migrate-set-parameters\","
		 "\"arguments\":{\"%s\":%s}}\n", which, speed);
	qmp(&vms[SRC], b);
}

static void fail_if_failed(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	if (s->has_failed || d->has_failed || s->is_gone || d->is_gone)
		fail_msg("source: %s, destination: %s", s->fail.what,
			 d->fail.what);
}

static bool both_split(void)
{
	return stand_both_failed() ||
	       (stand.side[SRC].has_split && stand.side[DST].has_split);
}

/* Up to the split, with most of memory not there. */
static void go_over(bool runs, unsigned int rate)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	link_rate = rate;
	segment = 0;
	stand_resumed = false;
	stand_n_lanes = LANES + stand_urgent;
	stand_open();
	vm_start(&vms[SRC], "src", false, runs);
	vm_start(&vms[DST], "dst", true, runs);
	if (link_rate)
		write_text(vms[SRC].ram);
	for (int i = 0; i < 2; i++)
		order(&vms[i], "{\"execute\":\"migrate-set-capabilities\","
			       "\"arguments\":{\"capabilities\":[{"
			       "\"capability\":\"postcopy-ram\","
			       "\"state\":true},{\"capability\":"
			       "\"postcopy-preempt\",\"state\":%s}]}}\n",
		      stand_urgent ? "true" : "false");
	order(&vms[DST], "{\"execute\":\"migrate-incoming\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", name("mig", DST));
	agents();
	set_speed("max-bandwidth", "4000000");
	set_speed("max-postcopy-bandwidth", SLOW);
	order(&vms[SRC], "{\"execute\":\"migrate\",\"arguments\":{"
			 "\"uri\":\"unix:%s\"}}\n", tap_source());
	usleep(800000);
	qmp(&vms[SRC], "{\"execute\":\"migrate-start-postcopy\"}\n");
	qmp_await(&vms[SRC], "pre-switchover", NULL);
	qmp(&vms[SRC], "{\"execute\":\"migrate-continue\",\"arguments\":{"
		       "\"state\":\"pre-switchover\"}}\n");
	assert_true(stand_await(both_split));
	fail_if_failed();
	assert_true(kr_manifest_same(&s->split.manifest, &d->split.manifest));
	assert_int_equal(s->split.manifest.opaque, 0);
	assert_int_equal(s->split.owed_pages, d->split.owed_pages);
	assert_false(s->has_manifest || d->has_manifest);
	assert_true(d->split.owed_pages > ram_mib * 256 / 2);
	assert_int_equal(d->progress.phase, KR_PLANE_LATE);
	if (runs)
		qmp(&vms[DST], "{\"execute\":\"cont\"}\n");
}

/* The rest, as fast as it goes. */
static void to_the_end(void)
{
	const struct side *s = &stand.side[SRC], *d = &stand.side[DST];

	assert_true(stand_await(stand_both_manifests));
	fail_if_failed();
	qmp_await(&vms[SRC], "\"completed\"", NULL);
	qmp_await(&vms[DST], "\"completed\"", NULL);
	assert_true(kr_manifest_same(&s->manifest, &d->manifest));
	assert_string_equal(s->manifest.reason, "");
	assert_int_equal(s->manifest.opaque, 0);
	assert_int_equal(d->progress.n_missing_pages, 0);
	assert_int_equal(d->progress.n_late_pages, s->progress.n_late_pages);
	assert_int_equal(d->progress.n_urgent_pages,
			 s->progress.n_urgent_pages);
	print_message("%llu pages, %llu of them late, %llu urgent, %llu same, "
		      "%llu delta, %llu bytes\n",
		      (unsigned long long)s->manifest.n_pages,
		      (unsigned long long)s->progress.n_late_pages,
		      (unsigned long long)s->progress.n_urgent_pages,
		      (unsigned long long)s->progress.n_same_pages,
		      (unsigned long long)s->progress.n_delta_pages,
		      (unsigned long long)s->manifest.stream_bytes);
}

static void stop_agents(void)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(stand_stop(&stand.side[i], NULL), 0);
	for (int i = 0; i < stand_n_lanes; i++)
		end(&relays[i], false);
}

struct log {
	uint8_t *p;
	size_t	 n;
};

static struct log read_log(unsigned int i, unsigned int channel)
{
	int fd = open(name(channel ? "urgent" : "log", i),
		      O_RDONLY | O_CLOEXEC);
	struct log l;
	struct stat st;

	assert_true(fd >= 0 && !fstat(fd, &st) && (channel || st.st_size > 0));
	l.n = (size_t)st.st_size;
	l.p = mmap(NULL, l.n + !l.n, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(l.p != MAP_FAILED);
	close(fd);
	return l;
}

static void read_whole(struct kr_qstream *q, const struct log *l)
{
	static struct kr_items items;

	for (size_t used, at = 0; at < l->n; at += used) {
		items.n = 0;
		assert_int_equal(kr_qstream_scan(q, l->p + at, l->n - at,
						 &items, &used, NULL), 0);
		assert_true(used);
	}
}

/* What the destination's QEMU was given is what the source's wrote; if it
 * was @cut, its beginning, and nothing in it is half. */
static void compare_logs(bool cut)
{
	struct kr_qstream *q[CHANNELS];
	uint64_t n_bytes = 0;

	for (unsigned int k = 0; k < n_channels(); k++) {
		struct log s, d;

		for (int i = 0; i < 2; i++)
			end(&taps[i][k], false);
		s = read_log(SRC, k);
		d = read_log(DST, k);
		assert_true(cut ? d.n <= s.n : d.n == s.n);
		assert_memory_equal(d.p, s.p, d.n);
		assert_int_equal(kr_qstream_new(1u << 30, &q[k], NULL), 0);
		if (k)
			kr_qstream_urgent(q[k], q[0]);
		if (cut)
			read_whole(q[k], &d);
		n_bytes += d.n;
		munmap(s.p, s.n + !s.n);
		munmap(d.p, d.n + !d.n);
	}
	for (unsigned int k = 0; k < n_channels(); k++)
		kr_qstream_free(q[k]);
	if (!cut)
		assert_int_equal(n_bytes,
				 stand.side[SRC].manifest.stream_bytes);
}

static void clear_away(bool runs)
{
	if (runs)
		vm_await_alive(&vms[DST]);
	else
		assert_true(same_files(vms[SRC].ram, vms[DST].ram));
	for (int i = 0; i < 2; i++) {
		vm_stop(&vms[i]);
		unlink(vms[i].ram);
	}
	stand_close();
}

static bool both_torn(void)
{
	return stand_both_failed() ||
	       (stand.side[SRC].n_torn && stand.side[DST].n_torn);
}

/* Let it go on for so long, and nothing break. */
static inline void go_on(unsigned int ms)
{
	stand_run(never, ms);
	fail_if_failed();
}

/* @n lanes from @first on. */
static inline void cut(unsigned int first, unsigned int n)
{
	const struct side *d = &stand.side[DST];

	for (int i = 0; i < 2; i++)
		stand.side[i].n_torn = 0;
	for (unsigned int i = first; i < first + n; i++)
		end(&relays[i], true);
	if (!stand_await(both_torn) && !d->has_manifest)
		fail_msg("torn: source %u, destination %u",
			 stand.side[SRC].n_torn, d->n_torn);
	fail_if_failed();
	for (unsigned int i = 0; i < stand_n_lanes; i++)
		end(&relays[i], true);
}

static int small_vms(void **state)
{
	(void)state;
	ram_mib = 32;
	vm_ram_dir = "/dev/shm";
	return 0;
}

static int with_urgent(void **state)
{
	(void)state;
	stand_urgent = true;
	return 0;
}

static int without(void **state)
{
	(void)state;
	stand_urgent = false;
	return 0;
}

#define URGENT(name)	\
	cmocka_unit_test_setup_teardown(name, with_urgent, without)

#endif

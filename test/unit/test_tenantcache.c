/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tenantcache.c - page caches of tenants: one for each, at most so many,
 * and none taken from who has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/tenantcache.h"
#include "plane/item.h"

static struct kr_host host;

static int make_host(void **state)
{
	(void)state;
	host = (struct kr_host){ .cfg.cache_mb = 1 };
	strcpy(host.lib, "/tmp/korora-test-XXXXXX");
	return mkdtemp(host.lib) ? 0 : -1;
}

static int remove_host(void **state)
{
	char cmd[PATH_MAX];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", host.lib);
	return system(cmd);
}

static int take(const char *tenant, struct kr_plane_start *s)
{
	int fd;

	*s = (struct kr_plane_start){ 0 };
	kr_tenantcache_take(&host, tenant, s, &fd);
	assert_int_equal(fd >= 0, s->cache_slots > 0);
	return fd;
}

static bool has(const char *tenant, const char *what)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/pagecache/%s.%s", host.lib, tenant,
		 what);
	return !access(path, F_OK);
}

/* It was used so many seconds ago. */
static void age(const char *tenant, time_t s)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - s },
				 { .tv_sec = time(NULL) - s } };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/pagecache/%s.pages", host.lib,
		 tenant);
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void a_key_each(void **state)
{
	struct kr_plane_start a, b, again;
	int one = take("acme", &a), other = take("globex", &b);

	(void)state;
	assert_true(one >= 0 && other >= 0);
	assert_memory_not_equal(a.cache_key, b.cache_key,
				sizeof(a.cache_key));
	assert_int_equal(take("acme", &again), -1);	/* somebody has it */
	close(one);
	one = take("acme", &again);
	assert_true(one >= 0);
	assert_memory_equal(a.cache_key, again.cache_key,
			    sizeof(a.cache_key));
	close(one);
	close(other);
}

/* A peer that makes up tenants fills no disk. */
static void names_without_end(void **state)
{
	struct kr_plane_start s;
	unsigned int n = 0;
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < 10 * KR_TENANTCACHE_MAX; i++) {
		int fd;

		snprintf(name, sizeof(name), "t%u", i);
		fd = take(name, &s);
		assert_true(fd >= 0);
		close(fd);
		age(name, (time_t)(1000 - i));
	}
	for (unsigned int i = 0; i < 10 * KR_TENANTCACHE_MAX; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(has(name, "pages"), has(name, "key"));
		assert_int_equal(has(name, "pages"),
				 i >= 9 * KR_TENANTCACHE_MAX);
		n += has(name, "pages");
	}
	assert_int_equal(n, KR_TENANTCACHE_MAX);
}

static void whoever_has_one_keeps_it(void **state)
{
	int fds[KR_TENANTCACHE_MAX];
	struct kr_plane_start s;
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < KR_TENANTCACHE_MAX; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		fds[i] = take(name, &s);
		assert_true(fds[i] >= 0);
		age(name, (time_t)(1000 - i));
	}
	assert_int_equal(take("late", &s), -1);
	assert_false(has("late", "pages") || has("late", "key"));
	close(fds[5]);
	fds[5] = take("late", &s);
	assert_true(fds[5] >= 0);
	assert_true(has("t0", "pages") && !has("t5", "pages"));
	for (unsigned int i = 0; i < KR_TENANTCACHE_MAX; i++)
		close(fds[i]);
}

/* A file that is larger than the configuration has it is given up. */
static void no_larger_than_configured(void **state)
{
	struct kr_plane_start s;
	struct stat st;
	int fd;

	(void)state;
	host.cfg.cache_mb = 2;
	fd = take("acme", &s);
	assert_int_equal(ftruncate(fd, (off_t)s.cache_slots * KR_PAGE_BYTES),
			 0);
	close(fd);
	fd = take("acme", &s);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, (off_t)s.cache_slots * KR_PAGE_BYTES);
	close(fd);
	host.cfg.cache_mb = 1;
	fd = take("acme", &s);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(fd);
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, make_host, remove_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_key_each), T(names_without_end),
		T(whoever_has_one_keeps_it), T(no_larger_than_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

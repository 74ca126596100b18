/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pagecache.c - pages on disk: what was put is there after closing, the
 * oldest make room, but what is told of stays; nothing is there after a crash,
 * with another key or size; and what the other end is told of them is found
 * again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plane/haves.h"
#include "plane/pagecache.h"

#define PAGE	KR_PAGE_BYTES
#define SLOTS	300u		/* more than a page of digests */
#define ROOM	(SLOTS / 64 + 1)	/* what is not told of a full one */

static char path[32];
static uint8_t key[KR_PAGECACHE_KEY_BYTES];

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_pagecache.XXXXXX");
	fd = mkstemp(path);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	return fd < 0 || close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static struct kr_pagecache *open_it(uint32_t n_slots, bool told)
{
	struct kr_pagecache *c = NULL;
	struct kr_err e = KR_ERR_NONE;

	assert_int_equal(kr_pagecache_open(open(path, O_RDWR), key, n_slots,
					   told ? KR_PAGECACHE_TELL :
					   KR_PAGECACHE_FILL, &c, &e), 0);
	return c;
}

/* The @n-th page there is. */
static void make(uint32_t n, uint8_t page[PAGE], uint8_t digest[32])
{
	memset(page, 0, PAGE);
	memcpy(page, &n, sizeof(n));
	memcpy(page + PAGE - sizeof(n), &n, sizeof(n));
	assert_int_equal(EVP_Digest(page, PAGE, digest, NULL, EVP_sha256(),
				    NULL), 1);
}

static void put(struct kr_pagecache *c, uint32_t from, uint32_t to)
{
	uint8_t page[PAGE], digest[32];

	for (uint32_t i = from; i < to; i++) {
		make(i, page, digest);
		kr_pagecache_put(c, page, digest);
	}
}

static void expect(struct kr_pagecache *c, uint32_t slot, uint32_t n)
{
	uint8_t page[PAGE], digest[32], got[PAGE];
	struct kr_err e = KR_ERR_NONE;

	make(n, page, digest);
	assert_memory_equal(kr_pagecache_name(c, slot), digest,
			    KR_PAGECACHE_NAME_BYTES);
	assert_int_equal(kr_pagecache_get(c, slot, got, &e), 0);
	assert_memory_equal(got, page, PAGE);
}

static void is_there_again(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);

	(void)state;
	put(c, 0, 200);
	put(c, 0, 200);		/* is there already */
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	assert_int_equal(kr_pagecache_told(c), 200);
	for (uint32_t i = 0; i < 200; i++)
		expect(c, i, i);
	kr_pagecache_close(c);
	/* and goes on where it ended: the oldest make room */
	c = open_it(SLOTS, false);
	put(c, 200, 350);
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	assert_int_equal(kr_pagecache_told(c), SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		if (i < 50 || i >= 50 + ROOM)
			expect(c, i, i < 50 ? 300 + i : i);
	kr_pagecache_close(c);
}

/* A probe is told of the same, all of it, and leaves nothing. */
static void a_look_leaves_nothing(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);
	struct kr_err e = KR_ERR_NONE;
	struct stat before, after;

	(void)state;
	put(c, 0, SLOTS);
	kr_pagecache_close(c);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(kr_pagecache_open(open(path, O_RDWR), key, SLOTS,
					   KR_PAGECACHE_LOOK, &c, &e), 0);
	assert_int_equal(kr_pagecache_told(c), SLOTS);
	put(c, 1000, 1100);
	for (uint32_t i = 0; i < SLOTS; i++)
		expect(c, i, i);
	kr_pagecache_close(c);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	c = open_it(SLOTS, false);
	kr_pagecache_close(c);
}

static void expect_untold(struct kr_pagecache *c, uint32_t slot)
{
	static const uint8_t nothing[KR_PAGECACHE_NAME_BYTES];
	struct kr_err e = KR_ERR_NONE;
	uint8_t got[PAGE];

	assert_memory_equal(kr_pagecache_name(c, slot), nothing,
			    sizeof(nothing));
	assert_true(kr_pagecache_get(c, slot, got, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
}

/* While the other end may ask for them; and what is new is there later. */
static void told_ones_stay(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);

	(void)state;
	put(c, 0, SLOTS + 290);	/* the oldest is at 290 */
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	for (unsigned int k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			if ((i + SLOTS - 290) % SLOTS < ROOM)
				expect_untold(c, i);
			else
				expect(c, i, i < 290 ? SLOTS + i : i);
		put(c, 1000, 1000 + SLOTS);
	}
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	for (uint32_t i = 0; i < ROOM; i++)
		expect(c, (290 + i) % SLOTS, 1000 + i);
	kr_pagecache_close(c);
	/* where there is more that is free, all of that and nothing else */
	assert_int_equal(truncate(path, 0), 0);
	c = open_it(SLOTS, true);
	put(c, 0, 100);
	assert_int_equal(kr_pagecache_told(c), 0);
	expect_untold(c, 0);
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	put(c, 100, 2 * SLOTS);
	for (uint32_t i = 0; i < 100; i++)
		expect(c, i, i);
	expect_untold(c, 100);
	kr_pagecache_close(c);
	c = open_it(SLOTS, true);
	for (uint32_t i = ROOM; i < SLOTS; i++)
		expect(c, i, i);
	kr_pagecache_close(c);
}

static void empty(uint32_t n_slots)
{
	struct kr_pagecache *c = open_it(n_slots, true);

	assert_int_equal(kr_pagecache_told(c), 0);
	kr_pagecache_close(c);
}

static void nothing_after_a_crash(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);
	int status;

	(void)state;
	put(c, 0, 100);
	kr_pagecache_close(c);
	empty(SLOTS + 1);		/* made for another size */
	if (!fork()) {
		c = open_it(SLOTS, false);
		put(c, 100, 101);
		_exit(0);
	}
	wait(&status);
	empty(SLOTS);
	assert_int_equal(truncate(path, 100), 0);
	empty(SLOTS);
	assert_int_equal(truncate(path, 0), 0);
	empty(SLOTS);
}

static void damage(off_t at)
{
	int fd = open(path, O_RDWR);

	assert_int_equal(pwrite(fd, "\xff\xee\xdd", 3, at), 3);
	close(fd);
}

static void damaged_is_refused_and_emptied(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);
	struct kr_err e = KR_ERR_NONE;
	uint8_t got[PAGE];
	struct stat st;

	(void)state;
	put(c, 0, SLOTS);
	kr_pagecache_close(c);
	assert_int_equal(stat(path, &st), 0);
	damage(st.st_size - 10);
	c = open_it(SLOTS, true);
	expect(c, ROOM, ROOM);
	assert_true(kr_pagecache_get(c, SLOTS - 1, got, &e) < 0);
	assert_int_equal(e.kr, KR_E_PAGE_CACHE);
	e = (struct kr_err)KR_ERR_NONE;
	assert_true(kr_pagecache_get(c, SLOTS, got, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	kr_pagecache_close(c);
	empty(SLOTS);
}

static void anothers_key_opens_nothing(void **state)
{
	struct kr_pagecache *c = open_it(SLOTS, false);
	struct kr_err e = KR_ERR_NONE;
	uint8_t got[PAGE];

	(void)state;
	put(c, 0, 10);
	kr_pagecache_close(c);
	key[5] ^= 1;
	c = open_it(SLOTS, true);
	for (uint32_t i = 0; i < kr_pagecache_told(c); i++)
		assert_true(kr_pagecache_get(c, i, got, &e) < 0);
	kr_pagecache_close(c);
	key[5] ^= 1;
}

/* ---- the other end ----------------------------------------------------- */

/* Ten at most, and some bytes more. */
static int say(struct kr_haves *h, uint32_t slot, uint32_t n, size_t n_more,
	       struct kr_err *e)
{
	uint8_t b[200] = { 0 }, page[PAGE], digest[32];
	struct kr_wr w = KR_WR(b, sizeof(b));
	struct kr_rd r;

	kr_wr_u32(&w, slot);
	for (uint32_t i = 0; i < n; i++) {
		make(slot + i, page, digest);
		kr_wr_bytes(&w, digest, KR_PAGECACHE_NAME_BYTES);
	}
	r = KR_RD(b, kr_wr_len(&w) + n_more);
	return kr_haves_add(h, &r, e);
}

static void haves_are_found(void **state)
{
	uint8_t page[PAGE], digest[32];
	struct kr_err e = KR_ERR_NONE;
	struct kr_haves *h = NULL;

	(void)state;
	assert_int_equal(kr_haves_new(25, &h, &e), 0);
	for (uint32_t from = 0; from < 40; from += 10) {
		assert_int_equal(say(h, from, 10, 0, &e), 0);
	}
	for (uint32_t i = 0; i < 40; i++) {
		make(i, page, digest);
		/* no more than there is room for */
		assert_int_equal(kr_haves_find(h, digest),
				 i < 25 ? i : KR_HAVES_NONE);
	}
	assert_int_equal(kr_haves_find(NULL, digest), KR_HAVES_NONE);
	kr_haves_free(h);
	assert_int_equal(kr_haves_new(25, &h, &e), 0);
	assert_true(say(h, 1, 1, 0, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	e = (struct kr_err)KR_ERR_NONE;
	assert_true(say(h, 0, 1, 1, &e) < 0);
	assert_int_equal(e.kr, KR_E_LANE_MALFORMED);
	e = (struct kr_err)KR_ERR_NONE;
	assert_true(say(NULL, 7, 1, 1, &e) < 0);
	assert_int_equal(say(NULL, 7, 1, 0, &e), 0);
	kr_haves_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_there_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_look_leaves_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(told_ones_stay, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_after_a_crash, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(damaged_is_refused_and_emptied,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(anothers_key_opens_nothing,
						set_up, tear_down),
		cmocka_unit_test(haves_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

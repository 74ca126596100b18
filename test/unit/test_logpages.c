/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_logpages.c - log.show of more than one answer holds: going on where the
 * last one stopped gives each entry once, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api.h"
#include "daemon/record.h"
#include "daemon/sight.h"
#include "store/logrow.h"

#define ID	  "11111111111111111111111111111111"
#define SHOWN_MAX 10000u	/* kororad(8): entries looked at */

static char dir[64];
static struct kr_host host;
static unsigned int hide;	/* every so-manieth entry; 0: none */

/* ---- of kororad, what log.show does not need here ----------------------- */

bool kr_sight_entry(const struct kr_request *q, const json_t *record)
{
	json_int_t n = json_integer_value(json_object_get(record, "index"));

	(void)q;
	return !hide || n % hide;
}

bool kr_sight_vm(const struct kr_request *q, const char *vm,
		 const char *tenant)
{
	(void)q, (void)vm, (void)tenant;
	return false;
}

const char *kr_sight_whose(struct kr_host *h, const uint8_t migration[16],
			   struct kr_vmdef *ret_d)
{
	(void)h, (void)migration, (void)ret_d;
	return "";
}

int kr_sight_check(struct kr_request *q, const char *what, const char *vm,
		   const char *tenant, struct kr_err *e)
{
	(void)q, (void)what, (void)vm, (void)tenant;
	return kr_fail(e, KR_E_FORBIDDEN, "not here");
}

void kr_record_receipt_path(const struct kr_host *h, const uint8_t id[16],
			    char *out, size_t size)
{
	(void)h, (void)id;
	snprintf(out, size, "/none");
}

int kr_api_id(struct kr_request *q, const char *text, uint8_t id[16],
	      struct kr_err *e)
{
	(void)q, (void)text, (void)id;
	return kr_fail(e, KR_E_NO_MIGRATION, "not here");
}

/* ---- the log ------------------------------------------------------------ */

static int setup(void **state)
{
	char path[128];

	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/korora.db", dir);
	return kr_store_open(path, KR_STORE_WRITE, &host.store, NULL);
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	kr_store_free(host.store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* @n entries, each of @n_bytes or a few more; of a migration every @of-th. */
static void write_log(unsigned int n, size_t n_bytes, unsigned int of)
{
	uint8_t id[16];
	char *pad = calloc(1, n_bytes + 1), *leaf;

	assert_non_null(pad);
	memset(pad, 'x', n_bytes);
	memset(id, 0x11, sizeof(id));
	assert_int_equal(kr_store_begin(host.store, NULL), 0);
	for (unsigned int i = 0; i < n; i++) {
		bool its = of && i % of == 0;

		assert_true(asprintf(&leaf, "{\"index\":%u,\"time_ms\":7,"
				     "\"migration\":\"%s\",\"pad\":\"%s\"}",
				     i, its ? ID : "", pad) > 0);
		assert_int_equal(kr_logrow_add(host.store, i,
				 its ? id : NULL, leaf, strlen(leaf), NULL),
				 0);
		free(leaf);
	}
	assert_int_equal(kr_store_commit(host.store, NULL), 0);
	free(pad);
}

/* What log.show answers; it fits what kororad keeps for a slow reader. */
static json_t *page(const json_t *params)
{
	struct kr_request q = { .host = &host,
				.params = (json_t *)(uintptr_t)params };
	struct kr_err e = KR_ERR_NONE;
	json_t *j = NULL;
	char *text;

	if (kr_api_log_show(&q, &j, &e))
		fail_msg("%s", e.what);
	text = json_dumps(j, JSON_COMPACT);
	assert_non_null(text);
	assert_true(strlen(text) < KR_API_OUT_MAX);
	free(text);
	return j;
}

/* Indices of the entries of @page, the last one first, are @step apart from
 * *@io_next on; those that are hidden are left out. Return: how many. */
static size_t go_through(const json_t *page, unsigned int step,
			 json_int_t *io_next)
{
	const json_t *a = json_object_get(page, "entries");
	const size_t n = json_array_size(a);

	for (size_t i = n; i; i--, *io_next -= step) {
		const json_t *e = json_array_get(a, i - 1);

		while (hide && *io_next % hide == 0)
			*io_next -= step;
		assert_int_equal(json_integer_value(
				 json_object_get(e, "index")), *io_next);
		assert_int_equal(json_integer_value(
				 json_object_get(e, "at_ms")), 7);
	}
	return n;
}

struct walk {
	unsigned int n_pages;
	size_t	     n_entries, n_most;	/* of one page */
	json_int_t   n_hidden;
};

/* From the newest entry @last by "next" to the end, as a client would. */
static struct walk walk(const char *migration, unsigned int step,
			json_int_t last)
{
	json_t *params = json_pack("{s:I, s:s*}", "limit",
				   (json_int_t)UINT32_MAX, "migration",
				   migration);
	struct walk w = { 0 };
	bool more = true;

	while (more) {
		json_t *p = page(params);
		size_t n = go_through(p, step, &last);

		w.n_pages++;
		w.n_entries += n;
		w.n_most = n > w.n_most ? n : w.n_most;
		w.n_hidden += json_integer_value(json_object_get(p, "hidden"));
		more = json_is_true(json_object_get(p, "cut"));
		/* there is a next one if, and only if, it was cut */
		assert_int_equal(json_is_integer(json_object_get(p, "next")),
				 more);
		json_object_set(params, "before", json_object_get(p, "next"));
		json_decref(p);
		assert_true(w.n_pages < 1000);
	}
	json_decref(params);
	return w;
}

static void many_small_entries(void **state)
{
	struct walk w;

	(void)state;
	write_log(2 * SHOWN_MAX + 3, 0, 0);
	w = walk(NULL, 1, 2 * SHOWN_MAX + 2);
	assert_int_equal(w.n_entries, 2 * SHOWN_MAX + 3);
	assert_int_equal(w.n_most, SHOWN_MAX);
	assert_int_equal(w.n_pages, 3);
}

/* As many as an answer has, and no more: it is whole. */
static void just_as_many(void **state)
{
	struct walk w;

	(void)state;
	write_log(SHOWN_MAX, 0, 0);
	w = walk(NULL, 1, SHOWN_MAX - 1);
	assert_int_equal(w.n_entries, SHOWN_MAX);
	assert_int_equal(w.n_pages, 1);
}

/* Looked at are 10,000, shown or not; each hidden one is counted once. */
static void hidden_ones_among_them(void **state)
{
	struct walk w;

	(void)state;
	write_log(2 * SHOWN_MAX, 0, 0);
	hide = 2;
	w = walk(NULL, 1, 2 * SHOWN_MAX - 1);
	hide = 0;
	assert_int_equal(w.n_entries, SHOWN_MAX);
	assert_int_equal(w.n_hidden, SHOWN_MAX);
	assert_int_equal(w.n_most, SHOWN_MAX / 2);
	assert_int_equal(w.n_pages, 2);
}

static void few_large_entries(void **state)
{
	enum { N = 100, BYTES = 100000 };	/* 10 MB */
	struct walk w;

	(void)state;
	write_log(N, BYTES, 0);
	w = walk(NULL, 1, N - 1);
	assert_int_equal(w.n_entries, N);
	assert_true(w.n_most * BYTES <= 3u << 20);
	assert_int_equal(w.n_pages, (N + w.n_most - 1) / w.n_most);
}

/* By migration, whose entries lie among others. */
static void of_one_migration(void **state)
{
	const unsigned int n = SHOWN_MAX + 500;
	struct walk w;

	(void)state;
	write_log(3 * n, 0, 3);
	w = walk(ID, 3, 3 * (json_int_t)n - 3);
	assert_int_equal(w.n_entries, n);
	assert_int_equal(w.n_pages, 2);
}

/* Who wants fewer gets those, and is not told of more. */
static void as_many_as_are_wanted(void **state)
{
	json_t *params = json_pack("{s:i, s:i}", "limit", 5, "before", 40);
	json_int_t last = 39;
	json_t *p;

	(void)state;
	write_log(100, 0, 0);
	p = page(params);
	assert_int_equal(go_through(p, 1, &last), 5);
	assert_false(json_is_true(json_object_get(p, "cut")));
	assert_null(json_object_get(p, "next"));
	json_decref(p);
	json_decref(params);
}

#define EACH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(many_small_entries),
		EACH(just_as_many),
		EACH(hidden_ones_among_them),
		EACH(few_large_entries),
		EACH(of_one_migration),
		EACH(as_many_as_are_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

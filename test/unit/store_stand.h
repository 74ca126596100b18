/* SPDX-License-Identifier: Apache-2.0 */
/* store_stand.h - a store in a folder of its own, for tests of its tables. */
#ifndef KR_TEST_STORE_STAND_H
#define KR_TEST_STORE_STAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "store/vmrow.h"

static char dir[64], path[96];
static struct kr_store *s;

static inline int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/korora-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/korora.db", dir);
	return kr_store_open(path, KR_STORE_WRITE, &s, NULL);
}

static inline int teardown(void **state)
{
	char cmd[128];

	(void)state;
	kr_store_free(s);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* A row that is there with @epoch, or not. */
static inline int put(struct kr_store *to, const char *name, uint64_t epoch)
{
	struct kr_vmrow v = { .epoch = epoch };

	snprintf(v.name, sizeof(v.name), "%s", name);
	return kr_vmrow_put(to, &v, NULL);
}

static inline uint64_t epoch_of(struct kr_store *in, const char *name)
{
	static struct kr_vmrow v;

	return kr_vmrow_get(in, name, &v, NULL) ? 0 : v.epoch;
}

static inline void raw(const char *file, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - files, transactions, and a writer that is killed. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/hostrow.h"
#include "store_stand.h"

static void private_files(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char p[128];

		snprintf(p, sizeof(p), "%s%s", path, ends[i]);
		assert_int_equal(stat(p, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void transactions(void **state)
{
	struct kr_store *ro = NULL;

	(void)state;
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_true(kr_store_begin(s, NULL) < 0);
	assert_int_equal(put(s, "tx", 1), 0);
	kr_store_rollback(s);
	kr_store_rollback(s);
	assert_int_equal(epoch_of(s, "tx"), 0);
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_int_equal(put(s, "tx", 1), 0);
	assert_int_equal(kr_store_open(path, KR_STORE_READ, &ro, NULL), 0);
	assert_int_equal(epoch_of(ro, "tx"), 0);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	assert_true(kr_store_commit(s, NULL) < 0);
	assert_int_equal(epoch_of(ro, "tx"), 1);
	assert_true(put(ro, "tx", 2) < 0);
	kr_store_free(ro);
}

static void other_databases_refused(void **state)
{
	struct kr_store *x = NULL;
	struct kr_err e = KR_ERR_NONE;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/other.db", dir);
	raw(p, "CREATE TABLE a (b)");
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
	snprintf(p, sizeof(p), "%s/newer.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	kr_store_free(x);
	raw(p, "PRAGMA user_version = 1000");
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
	assert_true(kr_store_open(p, KR_STORE_READ, &x, NULL) < 0);
	snprintf(p, sizeof(p), "%s/nowhere/x.db", dir);
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
	snprintf(p, sizeof(p), "%s/garbage.db", dir);
	assert_int_equal(kr_write_file(p, "this is no database, not at all",
				       31, 0600), 0);
	assert_true(kr_store_open(p, KR_STORE_WRITE, &x, NULL) < 0);
}

/* Two rows always change together; kill the writer a few times. */
static void killed_writer(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 15; i++) {
		int st;
		pid_t pid = fork();

		if (!pid) {
			struct kr_store *w = NULL;

			if (kr_store_open(path, KR_STORE_WRITE, &w, NULL))
				_exit(1);
			for (uint64_t v = 1;; v++) {
				if (kr_store_begin(w, NULL) ||
				    put(w, "x", v) || put(w, "y", v) ||
				    kr_store_commit(w, NULL))
					_exit(1);
			}
		}
		usleep(20000 + 3777 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &st, 0);
		assert_true(WIFSIGNALED(st));
		assert_int_equal(epoch_of(s, "x"), epoch_of(s, "y"));
	}
}

/* What was written of a commit that failed may be read after a crash. */
static void failed_commit_is_in_doubt(void **state)
{
	struct kr_hostrow h = { .name = "doubt", .address = "h:1" };
	struct rlimit old, tight = { 1, 0 };

	(void)state;
	assert_false(kr_store_in_doubt(s));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_int_equal(kr_hostrow_put(s, &h, NULL), 0);
	setrlimit(RLIMIT_FSIZE, &tight);
	assert_true(kr_store_commit(s, NULL) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(kr_store_in_doubt(s));
	assert_int_equal(kr_store_begin(s, NULL), 0);
	assert_true(kr_store_in_doubt(s));
	assert_int_equal(kr_hostrow_put(s, &h, NULL), 0);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	assert_false(kr_store_in_doubt(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_files),
		cmocka_unit_test(transactions),
		cmocka_unit_test(other_databases_refused),
		cmocka_unit_test(killed_writer),
		cmocka_unit_test(failed_commit_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

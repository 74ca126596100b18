/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ledger.c - the evidence log as it should be: read back whole, its
 * checkpoint file, a writer that is killed, and what an entry costs.
 */
#include "ledger_stand.h"

#include <signal.h>
#include <sys/wait.h>

static void good(void **state)
{
	struct kr_ledgercheck c;
	struct kr_err e;
	uint8_t root[32];
	uint64_t n;

	(void)state;
	if (check(&c, &e))
		fail_msg("%s", e.what);
	assert_int_equal(c.size, 10);
	assert_int_equal(c.n_receipts, 2);
	kr_ledger_head(l, &n, root);
	assert_int_equal(n, 10);
	assert_memory_equal(root, c.root, 32);
	close_log();
	open_log();
	append("after.restart", NULL);
	assert_int_equal(check(&c, &e), 0);
	assert_int_equal(c.size, 11);
}

static void checkpoint_lost(void **state)
{
	(void)state;
	raw("DELETE FROM checkpoint WHERE size = 4");
	assert_broken("entry 3 has lost its checkpoint");
}

/* What could not be written is written when it can be. */
static void file_follows_later(void **state)
{
	char new[sizeof(file) + 4];
	struct stat before, after;

	(void)state;
	snprintf(new, sizeof(new), "%s.new", file);
	kr_ledger_defer(l);
	assert_false(kr_ledger_publish(l));
	append("test.event", NULL);
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(mkdir(new, 0700), 0);
	assert_false(kr_ledger_publish(l));
	assert_int_equal(stat(file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(rmdir(new), 0);
	assert_true(kr_ledger_publish(l));
	assert_int_equal(stat(file, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_false(kr_ledger_publish(l));
}

static void checkpoint_text(void **state)
{
	static const char *const bad[] = {
		"", "korora/a", "korora/\n1\nAAAA\n\n", "other/a\n1\n",
		"korora/a\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\n\n",
		"korora/a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF=="
		"\n\n",
		"korora/a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\nextra\n\n",
	};
	static const char head[] =
		"korora/alpha\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		"\n\n\xe2\x80\x94 korora/alpha ";
	char note[KR_CHECKPOINT_NOTE_MAX], twice[KR_CHECKPOINT_NOTE_MAX + 64];
	const struct kr_pubkey *k = kr_identity_pubkey(id);
	struct kr_checkpoint c;
	struct kr_merkle m = { 0 };
	uint8_t root[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(kr_checkpoint_parse(bad[i], &c, NULL) < 0);
	kr_merkle_root(&m, root);
	assert_int_equal(kr_checkpoint_sign(id, 0, root, note, NULL), 0);
	assert_int_equal(strncmp(note, head, strlen(head)), 0);
	assert_int_equal(kr_checkpoint_verify(note, k, "alpha", &c, NULL), 0);
	assert_true(kr_checkpoint_verify(note, k, "beta", &c, NULL) < 0);
	assert_true(kr_checkpoint_verify(note, kr_identity_pubkey(peer),
					 "alpha", &c, NULL) < 0);
	note[13] = '1';
	assert_true(kr_checkpoint_verify(note, k, "alpha", &c, NULL) < 0);
	note[13] = '0';
	/* Lines of unknown keys are ignored, bad ones of the known key not. */
	snprintf(twice, sizeof(twice), "%s\xe2\x80\x94 example/x AAAAAAAA\n",
		 note);
	assert_int_equal(kr_checkpoint_verify(twice, k, "alpha", &c, NULL), 0);
	/* 0x30 begins a DER signature: change that and leave the key id. */
	{
		char *sig = strrchr(note, ' ') + 1;

		sig[9] = sig[9] == 'A' ? 'B' : 'A';
		assert_true(kr_checkpoint_verify(note, k, "alpha", &c, NULL) <
			    0);
	}
}

/* Each transaction holds an entry and, as an epoch, the count of entries. */
static void killed_writer(void **state)
{
	static struct kr_vmrow v = { .name = "n" };
	struct kr_ledgercheck c;
	struct kr_err e;

	(void)state;
	close_log();
	for (unsigned int i = 0; i < 12; i++) {
		pid_t pid = fork();
		int st;

		if (!pid) {
			open_log();
			for (;;) {
				uint8_t root[32];

				if (kr_store_begin(s, NULL) ||
				    kr_ledger_append(l, "x", NULL, NULL, NULL,
						     NULL))
					_exit(1);
				kr_ledger_head(l, &v.epoch, root);
				if (kr_vmrow_put(s, &v, NULL) ||
				    kr_store_commit(s, NULL))
					_exit(1);
			}
		}
		usleep(30000 + 4321 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &st, 0);
		assert_true(WIFSIGNALED(st));
		if (check(&c, &e))
			fail_msg("%s", e.what);
		open_log();
		if (!kr_vmrow_get(s, "n", &v, NULL))
			assert_int_equal(v.epoch, c.size);
		close_log();
	}
	open_log();
}

static void cheap(void **state)
{
	uint64_t t0;

	(void)state;
	assert_int_equal(kr_store_begin(s, NULL), 0);
	t0 = kr_now_ns();
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(kr_ledger_append(l, "x", NULL, NULL, NULL,
						  NULL), 0);
	print_message("%llu us an entry\n",
		      (unsigned long long)(kr_now_ns() - t0) / 1000000);
	assert_int_equal(kr_store_commit(s, NULL), 0);
	t0 = kr_now_ns();
	{
		struct kr_ledgercheck c;
		struct kr_err e;

		assert_int_equal(check(&c, &e), 0);
		assert_int_equal(c.size, 1010);
	}
	print_message("%llu us to verify an entry\n",
		      (unsigned long long)(kr_now_ns() - t0) / 1010000);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, fresh, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good), T(checkpoint_lost), T(file_follows_later),
		T(checkpoint_text), T(killed_writer), T(cheap),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

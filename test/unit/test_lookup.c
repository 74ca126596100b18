/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lookup.c - what a look-up agent says, byte for byte, and a real
 * korora-lookup that is asked. Needs root, as every agent does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "wire/lookupmsg.h"
#include "need.h"

static void bytes_are_as_specified(void **state)
{
	static const uint8_t four[] = { 4, 10, 77, 0, 2, 0, 0, 0, 0 };
	static const uint8_t six[] = { 16, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
				       0, 0, 0, 0, 0, 1, 0, 0, 0, 2 };
	uint8_t buf[KR_LOOKUP_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_lookupfound f = { .n_bytes = 4, .bytes = { 10, 77, 0, 2 } };
	struct kr_rd r = KR_RD(six, sizeof(six));

	(void)state;
	kr_lookupfound_put(&w, &f);
	assert_int_equal(kr_wr_len(&w), sizeof(four));
	assert_memory_equal(buf, four, sizeof(four));
	assert_int_equal(kr_lookupfound_parse(&r, &f, NULL), 0);
	assert_int_equal(f.n_bytes, 16);
	assert_int_equal(f.bytes[15], 1);
	assert_int_equal(f.scope, 2);
}

static void others_are_refused(void **state)
{
	static const uint8_t seven[12] = { 7 };
	static const uint8_t four[] = { 4, 10, 77, 0, 2, 0, 0, 0, 0, 0 };
	struct kr_err e = KR_ERR_NONE;
	struct kr_lookupfound f;
	struct kr_rd r = KR_RD(seven, sizeof(seven));

	(void)state;
	assert_true(kr_lookupfound_parse(&r, &f, &e) < 0);
	assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
	for (size_t n = 0; n <= sizeof(four); n++) {
		r = KR_RD(four, n);
		assert_int_equal(!kr_lookupfound_parse(&r, &f, NULL), n == 9);
	}
}

/* ---- a real agent ------------------------------------------------------ */

static struct kr_loop *loop;
static struct kr_lookupfound found;
static char failed[KR_LOOKUP_WHAT_MAX];
static bool ended;

static int on_found(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		    struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	return kr_lookupfound_parse(r, &found, e);
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		   struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	kr_rd_str(r, failed, sizeof(failed));
	assert_true(kr_rd_done(r));
	return 0;
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	ended = true;
	kr_loop_stop(loop, 0);
}

/* Asks for @name; what it said is in found or failed. Its exit status. */
static int ask(const char *name)
{
	static const struct kr_grant grants[] = {
		{ KR_LOOKUP_FOUND, KR_LOOKUP_BODY_MAX, 0, "found", on_found },
		{ KR_LOOKUP_FAIL, KR_LOOKUP_BODY_MAX, 0, "fail", on_fail },
	};
	struct kr_chan c = { .grants = grants, .n_grants = 2, .gone = gone };
	uint8_t buf[KR_LOOKUP_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int pair[2], status;
	pid_t pid;

	found.n_bytes = 0;
	failed[0] = '\0';
	ended = false;
	assert_int_equal(kr_loop_new(&loop, NULL), 0);
	assert_int_equal(kr_chan_pair(pair, NULL), 0);
	pid = fork();
	if (!pid) {
		if (dup2(pair[1], KR_AGENT_FD) < 0)
			_exit(126);
		close_range(KR_AGENT_FD + 1, ~0U, 0);
		execl(LOOKUP_EXE, "korora-lookup", "65534", "65534", NULL);
		_exit(127);
	}
	close(pair[1]);
	assert_int_equal(kr_chan_open(loop, &c, pair[0], NULL), 0);
	kr_wr_str(&w, name);
	assert_int_equal(kr_chan_put(&c, KR_LOOKUP_ASK, &w, NULL), 0);
	kr_loop_run(loop);
	kr_chan_close(&c);
	kr_loop_free(loop);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(ended && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void an_agent_answers(void **state)
{
	static const uint8_t loopback[] = { 127, 0, 0, 1 };

	(void)state;
	need(!geteuid(), "root");
	assert_int_equal(ask("localhost"), 0);
	assert_true(found.n_bytes == 4 || found.n_bytes == 16);
	assert_int_equal(ask("127.0.0.1"), 0);
	assert_memory_equal(found.bytes, loopback, 4);
	/* no resolver is asked for what cannot be a name */
	assert_int_equal(ask("no such name"), 0);
	assert_int_equal(found.n_bytes, 0);
	assert_true(failed[0]);
	assert_int_equal(ask(""), 0);
	assert_true(!found.n_bytes && !failed[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_as_specified),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(an_agent_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

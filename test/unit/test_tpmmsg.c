/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tpmmsg.c - what is said to the TPM's agent and by it, byte for byte, and
 * a real korora-tpm in its jail with an emulated TPM. Needs root, as every
 * agent does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>

#include "attest/quote.h"
#include "attest/tpmmsg.h"
#include "base/chan.h"
#include "base/jail.h"
#include "tpm_stand.h"

#define BOOT	0x97u			/* PCRs 0, 1, 2, 4 and 7 */

static void a_question_is_as_specified(void **state)
{
	uint8_t bytes[38] = "what for", buf[64];
	struct kr_tpmask a = { .extra = "what for", .bank = KR_BANK_SHA256,
			       .mask = BOOT }, b;
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_rd r;

	(void)state;
	memcpy(bytes + 32, (uint8_t[]){ 0, 0x0b, 0, 0, 0, BOOT }, 6);
	kr_tpmask_put(&w, &a);
	assert_int_equal(kr_wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes) + 1; n++) {
		r = KR_RD(buf, n);
		assert_int_equal(!kr_tpmask_parse(&r, &b, NULL),
				 n == sizeof(bytes));
	}
	assert_memory_equal(a.extra, b.extra, sizeof(a.extra));
	assert_int_equal(b.bank, a.bank);
	assert_int_equal(b.mask, a.mask);
}

/* SHA-1, no PCR, and PCRs that no TPM has. */
static void other_selections_are_refused(void **state)
{
	static const uint8_t last[][6] = {
		{ 0, 0x04, 0, 0, 0, BOOT }, { 0, 0x0b, 0, 0, 0, 0 },
		{ 0, 0x0b, 1, 0, 0, BOOT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		uint8_t bytes[38] = { 0 };
		struct kr_rd r = KR_RD(bytes, sizeof(bytes));
		struct kr_err e = KR_ERR_NONE;
		struct kr_tpmask a;

		memcpy(bytes + 32, last[i], 6);
		assert_true(kr_tpmask_parse(&r, &a, &e) < 0);
		assert_int_equal(e.kr, KR_E_AGENT_SPOKE);
	}
}

static void an_answer_is_as_specified(void **state)
{
	uint8_t bytes[15 + 64] = { 0, 1, 'A', 0, 1, 'Q', 0, 1, 'S', 0, 0x0b,
				   0, 0, 0, 0x11 }, buf[128];
	struct kr_rd r;
	struct kr_tpmquoted q;
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)state;
	memset(bytes + 15, 7, 32);
	memset(bytes + 47, 9, 32);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		r = KR_RD(bytes, n);
		assert_true(kr_tpmquoted_parse(&r, &q, NULL) < 0);
	}
	r = KR_RD(bytes, sizeof(bytes));
	assert_int_equal(kr_tpmquoted_parse(&r, &q, NULL), 0);
	assert_int_equal(q.pcrs.value[0][31], 7);
	assert_int_equal(q.pcrs.value[4][31], 9);
	kr_tpmquoted_put(&w, &q);
	assert_int_equal(kr_wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
}

/* ---- a real agent -------------------------------------------------------- */

static struct {
	struct kr_loop	   *loop;
	struct kr_tpmquoted q;
	char		    failed[KR_TPMMSG_WHAT_MAX];
	bool		    quoted;
} seen;

static int on_quoted(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		     struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	seen.quoted = true;
	return kr_tpmquoted_parse(r, &seen.q, e);
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		   struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	kr_rd_str(r, seen.failed, sizeof(seen.failed));
	assert_true(kr_rd_done(r));
	return 0;
}

static void gone(void *arg, const struct kr_err *e)
{
	(void)arg, (void)e;
	kr_loop_stop(seen.loop, 0);
}

static const char *empty(void)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/empty", stand.dir);
	return mkdir(path, 0755) && errno != EEXIST ? "/nowhere" : path;
}

/* Asks; @fd, if any, is the TPM, and taken. Returns the agent's status. */
static int ask(const void *body, size_t n_body, int fd)
{
	static const struct kr_grant grants[] = {
		{ KR_TPMMSG_QUOTED, KR_TPMMSG_BODY_MAX, 0, "quoted",
		  on_quoted },
		{ KR_TPMMSG_FAIL, KR_TPMMSG_BODY_MAX, 0, "fail", on_fail },
	};
	struct kr_chan c = { .grants = grants, .n_grants = 2, .gone = gone };
	int pair[2], status;
	pid_t pid;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(kr_loop_new(&seen.loop, NULL), 0);
	assert_int_equal(kr_chan_pair(pair, NULL), 0);
	pid = fork();
	if (!pid) {
		if (dup2(pair[1], KR_AGENT_FD) < 0 || chdir(empty()))
			_exit(126);
		close_range(KR_AGENT_FD + 1, ~0U, 0);
		execl(TPM_EXE, "korora-tpm", "65534", "65534", NULL);
		_exit(127);
	}
	close(pair[1]);
	assert_int_equal(kr_chan_open(seen.loop, &c, pair[0], NULL), 0);
	assert_int_equal(kr_chan_send(&c, KR_TPMMSG_QUOTE, body, n_body, &fd,
				      fd >= 0, NULL), 0);
	kr_fd_close(&fd);
	kr_loop_run(seen.loop);
	kr_chan_close(&c);
	kr_loop_free(seen.loop);
	waitpid(pid, &status, 0);
	return status;
}

static int ask_quote(int fd)
{
	struct kr_tpmask a = { .extra = "a challenge", .mask = BOOT,
			       .bank = KR_BANK_SHA256 };
	uint8_t buf[64];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_tpmask_put(&w, &a);
	return ask(buf, kr_wr_len(&w), fd);
}

static void the_agent_has_the_tpm_quote(void **state)
{
	struct kr_tpmkey ak;
	struct kr_quote q;

	(void)state;
	assert_int_equal(ask_quote(way_to(GOOD)), 0);
	assert_string_equal(seen.failed, "");
	assert_true(seen.quoted);
	assert_int_equal(kr_tpmkey_parse(seen.q.ak.b, seen.q.ak.n, &ak, NULL),
			 0);
	assert_int_equal(kr_quote_verify(&ak, seen.q.quote.b, seen.q.quote.n,
					 seen.q.sig.b, seen.q.sig.n, &q,
					 NULL), 0);
	assert_memory_equal(q.extra, "a challenge", 12);
	assert_true(kr_quote_has(&q, &seen.q.pcrs));
	kr_tpmkey_fini(&ak);
}

/* Nothing stays in the TPM: it has room for three keys. */
static void it_can_be_asked_again(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(ask_quote(way_to(GOOD)), 0);
		assert_true(seen.quoted);
	}
}

static void what_is_no_tpm_is_told(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(ask_quote(pair[0]), 0);
	assert_false(seen.quoted);
	assert_non_null(strstr(seen.failed, "no attestation key can be made"));
}

static void a_broken_rule_ends_it(void **state)
{
	(void)state;
	ask("?", 1, way_to(GOOD));
	assert_false(seen.quoted);
	assert_string_equal(seen.failed, "");
	ask_quote(-1);
	assert_false(seen.quoted);
	assert_string_equal(seen.failed, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_as_specified),
		cmocka_unit_test(other_selections_are_refused),
		cmocka_unit_test(an_answer_is_as_specified),
		cmocka_unit_test(the_agent_has_the_tpm_quote),
		cmocka_unit_test(it_can_be_asked_again),
		cmocka_unit_test(what_is_no_tpm_is_told),
		cmocka_unit_test(a_broken_rule_ends_it),
	};

	return cmocka_run_group_tests(tests, stand_up, stand_down);
}

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

#include "attest/credential.h"
#include "attest/endorsemsg.h"
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
	struct kr_tpmmaterial m;
	struct kr_tpmsecret secret;
	struct kr_tpmseal   sealed;
	uint8_t		    key[KR_TPMSEAL_KEY_BYTES];
	char		    failed[sizeof(((struct kr_err *)0)->what)];
	enum kr_code	    why;
	bool		    quoted, enrolled, activated;
} seen;

static int on_quoted(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		     struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	seen.quoted = true;
	return kr_tpmquoted_parse(r, &seen.q, e);
}

static int on_enrolled(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		       struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	seen.enrolled = true;
	return kr_tpmmaterial_parse(r, &seen.m, e);
}

static int on_activated(void *arg, struct kr_rd *r, int *fds, unsigned int n,
			struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	seen.activated = true;
	return kr_tpmsecret_parse(r, &seen.secret, e);
}

static int on_fail(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		   struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	seen.why = kr_rd_u16(r);
	kr_rd_str(r, seen.failed, sizeof(seen.failed));
	assert_true(kr_rd_done(r));
	return 0;
}

static int on_sealed(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		     struct kr_err *e)
{
	(void)arg, (void)fds, (void)n;
	return kr_tpmsealed_parse(r, &seen.sealed, e);
}

static int on_unsealed(void *arg, struct kr_rd *r, int *fds, unsigned int n,
		       struct kr_err *e)
{
	(void)arg, (void)fds, (void)n, (void)e;
	kr_rd_bytes(r, seen.key, sizeof(seen.key));
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
static int ask(uint16_t order, const void *body, size_t n_body, int fd)
{
	static const struct kr_grant grants[] = {
		{ KR_TPMMSG_QUOTED, KR_TPMMSG_BODY_MAX, 0, "quoted",
		  on_quoted },
		{ KR_TPMMSG_FAIL, KR_TPMMSG_BODY_MAX, 0, "fail", on_fail },
		{ KR_TPMMSG_ENROLLED, KR_TPMMSG_BODY_MAX, 0, "enrolled",
		  on_enrolled },
		{ KR_TPMMSG_ACTIVATED, KR_TPMMSG_BODY_MAX, 0, "activated",
		  on_activated },
		{ KR_TPMMSG_SEALED, KR_TPMMSG_BODY_MAX, 0, "sealed",
		  on_sealed },
		{ KR_TPMMSG_UNSEALED, KR_TPMMSG_BODY_MAX, 0, "unsealed",
		  on_unsealed },
	};
	struct kr_chan c = { .grants = grants, .n_grants = 6, .gone = gone };
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
	assert_int_equal(kr_chan_send(&c, order, body, n_body, &fd,
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
	return ask(KR_TPMMSG_QUOTE, buf, kr_wr_len(&w), fd);
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

static int ask_unseal(const struct kr_tpmseal *s, int fd)
{
	uint8_t buf[KR_TPMSEAL_BYTES_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_tpmseal_put(&w, s);
	return ask(KR_TPMMSG_UNSEAL, buf, kr_wr_len(&w), fd);
}

static void the_agent_seals_and_unseals(void **state)
{
	struct kr_tpmkeep k = { .bank = KR_BANK_SHA256, .mask = BOOT,
				.key = "the key of a machine" };
	uint8_t buf[64], none[sizeof(k.key)] = { 0 };
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_tpmseal s;

	(void)state;
	kr_tpmkeep_put(&w, &k);
	assert_int_equal(ask(KR_TPMMSG_SEAL, buf, kr_wr_len(&w), way_to(GOOD)),
			 0);
	assert_string_equal(seen.failed, "");
	s = seen.sealed;
	assert_int_equal(s.mask, BOOT);
	assert_int_equal(ask_unseal(&s, way_to(GOOD)), 0);
	assert_memory_equal(seen.key, k.key, sizeof(k.key));
	/* why not is told: what to do about it differs */
	assert_int_equal(ask_unseal(&s, way_to(BAD)), 0);
	assert_memory_equal(seen.key, none, sizeof(none));
	assert_int_equal(seen.why, KR_E_TPMSEAL_FOREIGN);
	/* PCR 4: what the host was started with */
	assert_int_equal(shell("tpm2_pcrextend -T %s 4:sha256=%064d",
			       tcti(GOOD), 1), 0);
	assert_int_equal(ask_unseal(&s, way_to(GOOD)), 0);
	assert_memory_equal(seen.key, none, sizeof(none));
	assert_int_equal(seen.why, KR_E_TPMSEAL_STATE);
}

static void a_broken_rule_ends_it(void **state)
{
	(void)state;
	for (uint16_t order = KR_TPMMSG_QUOTE; order <= KR_TPMMSG_UNSEAL;
	     order++) {
		ask(order, "?", 1, way_to(GOOD));
		assert_false(seen.quoted || seen.enrolled || seen.activated);
		assert_string_equal(seen.failed, "");
	}
	ask_quote(-1);
	assert_false(seen.quoted);
	assert_string_equal(seen.failed, "");
}

/* ---- enrolment ----------------------------------------------------------- */

static struct kr_tpmmaterial material_of(unsigned int which)
{
	assert_int_equal(ask(KR_TPMMSG_ENROL, NULL, 0, way_to(which)), 0);
	assert_string_equal(seen.failed, "");
	assert_true(seen.enrolled);
	return seen.m;
}

/* A secret for that endorsement key and that attestation key. */
static void activate(const struct kr_tpmbytes *ek, const struct kr_tpmbytes *ak,
		     unsigned int by)
{
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_tpmcredential c;
	struct kr_tpmkey e, a;

	assert_int_equal(kr_tpmkey_parse(ek->b, ek->n, &e, NULL), 0);
	assert_int_equal(kr_tpmkey_parse(ak->b, ak->n, &a, NULL), 0);
	assert_int_equal(kr_credential_make(&e, &a.name, (const uint8_t *)
					    "a secret", 9, &c, NULL), 0);
	kr_tpmcredential_put(&w, &c);
	assert_int_equal(ask(KR_TPMMSG_ACTIVATE, buf, kr_wr_len(&w),
			     way_to(by)), 0);
	kr_tpmkey_fini(&e);
	kr_tpmkey_fini(&a);
}

static void only_that_tpm_opens_a_credential(void **state)
{
	struct kr_tpmmaterial good = material_of(GOOD);
	struct kr_tpmmaterial other = material_of(BAD);

	(void)state;
	activate(&good.ek, &good.ak, GOOD);
	assert_true(seen.activated);
	assert_int_equal(seen.secret.n, 9);
	assert_memory_equal(seen.secret.b, "a secret", 9);
	/* for another TPM, for another's key beside this one */
	activate(&good.ek, &good.ak, BAD);
	assert_false(seen.activated);
	assert_int_equal(seen.why, KR_E_AK_FOREIGN);
	activate(&good.ek, &other.ak, GOOD);
	assert_false(seen.activated);
	assert_int_equal(seen.why, KR_E_AK_FOREIGN);
}

static void a_certificate_names_its_tpm(void **state)
{
	struct kr_tpmmaterial good = material_of(GOOD);
	struct kr_tpmmaterial other = material_of(BAD);
	struct kr_ekcert_names n = { .subject = "" };
	struct kr_err e = KR_ERR_NONE;
	struct kr_tpmkey ek, ak;

	(void)state;
	assert_int_equal(kr_tpmkey_parse(good.ek.b, good.ek.n, &ek, NULL), 0);
	assert_int_equal(kr_tpmkey_parse(good.ak.b, good.ak.n, &ak, NULL), 0);
	assert_int_equal(kr_ekcert_read(good.cert, good.n_cert, &ek, &n, &e),
			 0);
	assert_true(n.subject[0] && n.issuer[0]);
	assert_true(kr_ekcert_read(other.cert, other.n_cert, &ek, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_EK_CERT);
	e = KR_ERR_NONE;
	assert_true(kr_ekcert_read(good.cert, good.n_cert, &ak, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_EK_CERT);
	e = KR_ERR_NONE;
	assert_true(kr_ekcert_read(good.cert, 9, &ek, &n, &e) < 0);
	assert_int_equal(e.kr, KR_E_EK_CERT);
	kr_tpmkey_fini(&ek);
	kr_tpmkey_fini(&ak);
}

/* Each message, whole and cut short; nothing in it is taken on trust. */
static void enrolment_is_as_specified(void **state)
{
	static const struct kr_endorsed d = {
		.names = { "CN=a", "CN=b" }, .vouched = true, .ak = { { 0, 0x0b, 7 }, 3 },
		.credential = { .id = { "i", 1 }, .secret = { "s", 1 } } };
	static const uint8_t bytes[] = {
		0, 4, 'C', 'N', '=', 'a', 0, 4, 'C', 'N', '=', 'b', 1, 0, 3,
		0, 0x0b, 7, 0, 1, 'i', 0, 1, 's' };
	uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_endorsed back;
	struct kr_endorseask a = { .secret = "x" }, b;
	struct kr_rd r;

	(void)state;
	kr_endorsed_put(&w, &d);
	assert_int_equal(kr_wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		r = KR_RD(buf, n);
		assert_int_equal(!kr_endorsed_parse(&r, &back, NULL),
				 n == sizeof(bytes));
	}
	buf[2] = 27;			/* a terminal would obey */
	r = KR_RD(buf, sizeof(bytes));
	assert_true(kr_endorsed_parse(&r, &back, NULL) < 0);
	buf[2] = 'C';
	buf[12] = 2;
	r = KR_RD(buf, sizeof(bytes));
	assert_true(kr_endorsed_parse(&r, &back, NULL) < 0);
	a.m = material_of(GOOD);
	w = KR_WR(buf, sizeof(buf));
	kr_endorseask_put(&w, &a);
	assert_false(w.bad);
	for (size_t n = 0; n <= kr_wr_len(&w); n++) {
		r = KR_RD(buf, n);
		assert_int_equal(!kr_endorseask_parse(&r, &b, NULL),
				 n == kr_wr_len(&w));
	}
	assert_memory_equal(&a, &b, sizeof(a));
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
		cmocka_unit_test(only_that_tpm_opens_a_credential),
		cmocka_unit_test(a_certificate_names_its_tpm),
		cmocka_unit_test(enrolment_is_as_specified),
		cmocka_unit_test(the_agent_seals_and_unseals),
	};

	return cmocka_run_group_tests(tests, stand_up, stand_down);
}

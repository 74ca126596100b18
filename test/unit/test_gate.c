/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gate.c - between a VM's hypervisor and its TPM's emulator: a TPM works
 * through it, and its state does not come out, whoever asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "swtpm_stand.h"
#include "vtpm/gate.h"

#define REFUSED		9	/* TPM_FAIL */
#define SPOKE		40	/* exit statuses; below: so often refused */
#define HUNG_UP		41

/* ---- a gate in a process of its own -------------------------------------- */

struct gated {
	struct kr_loop *loop;
	struct kr_gate *gate;
};

static void over(void *arg, const struct kr_err *e)
{
	struct gated *x = arg;
	int refused = (int)kr_gate_refused(x->gate);

	kr_gate_free(x->gate);
	kr_loop_stop(x->loop, e->kr == KR_E_VTPM_SPOKE ? SPOKE :
			      refused ? refused : HUNG_UP);
}

typedef void let_fn(struct kr_gate *g, const struct kr_stateseal *s);

/* Takes @swtpm; the end for the hypervisor is returned. */
static int guard_for(int swtpm, let_fn *let, const struct kr_stateseal *seal,
		     pid_t *ret_pid)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	*ret_pid = fork();
	if (!*ret_pid) {
		struct gated x;

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(pair[0]);
		if (kr_loop_new(&x.loop, NULL) ||
		    kr_gate_new(x.loop, pair[1], swtpm, over, &x, &x.gate,
				NULL))
			_exit(126);
		if (let)
			let(x.gate, seal);
		_exit(kr_loop_run(x.loop));
	}
	close(pair[1]);
	close(swtpm);
	return pair[0];
}

static int guard(int swtpm, pid_t *ret_pid)
{
	return guard_for(swtpm, NULL, NULL, ret_pid);
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- a real TPM ---------------------------------------------------------- */

static struct swtpm tpm;
static pid_t gate;

static int set_up(void **state)
{
	(void)state;
	need(!system("command -v swtpm >/dev/null"), "swtpm");
	begin(&tpm);
	tpm.ctrl = guard(tpm.ctrl, &gate);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end(&tpm);
	return 0;
}

static void a_tpm_works_through_it(void **state)
{
	uint8_t out[256];

	(void)state;
	power_on(&tpm, false);
	assert_int_equal(tell(&tpm, startup, sizeof(startup), out), 0);
	assert_int_equal(tell(&tpm, extend, sizeof(extend), out), 0);
	assert_int_equal(tell(&tpm, pcr_read, sizeof(pcr_read), out), 0);
	assert_int_equal(SAY(&tpm, BE(KR_PTM_SHUTDOWN)), 0);
	kr_fd_close(&tpm.ctrl);
	assert_int_equal(status_of(gate), HUNG_UP);
}

/* Who has broken into the hypervisor asks for all there is. */
static void its_state_does_not_come_out(void **state)
{
	uint8_t out[256];

	(void)state;
	power_on(&tpm, false);
	assert_int_equal(tell(&tpm, startup, sizeof(startup), out), 0);
	for (uint8_t flags = 0; flags <= 1; flags++)
		for (uint8_t type = 1; type <= KR_PTM_SAVESTATE; type++) {
			assert_int_equal(SAY(&tpm, BE(KR_PTM_GET_STATEBLOB),
					     BE(flags), BE(type), BE(0)),
					 REFUSED);
			assert_int_equal(tpm.said.n_body, 16);
			assert_int_equal(tpm.said.n_blob, 0);
		}
	assert_int_equal(tell(&tpm, pcr_read, sizeof(pcr_read), out), 0);
	kr_fd_close(&tpm.ctrl);
	assert_int_equal(status_of(gate), 6);
}

/* An old state, or another TPM's. */
static void no_other_state_gets_in(void **state)
{
	static uint8_t blob[100000], buf[sizeof(blob) + 16];
	const struct kr_ptmask a = { .cmd = KR_PTM_SET_STATEBLOB,
				     .type = KR_PTM_PERMANENT };
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	uint8_t out[256];

	(void)state;
	power_on(&tpm, false);
	assert_int_equal(tell(&tpm, startup, sizeof(startup), out), 0);
	assert_int_equal(SAY(&tpm, BE(KR_PTM_STOP)), 0);
	kr_ptm_ask_put(&w, &a, blob, sizeof(blob));
	assert_int_equal(say(&tpm, buf, kr_wr_len(&w), -1), REFUSED);
	assert_int_equal(SAY(&tpm, BE(KR_PTM_INIT), BE(0)), 0);
	assert_int_equal(tell(&tpm, startup, sizeof(startup), out), 0);
	kr_fd_close(&tpm.ctrl);
	assert_int_equal(status_of(gate), 1);
}

/* ---- a migration --------------------------------------------------------- */

static const struct kr_stateseal seal = {
	.key = "fresh, and for one migration", .migration = "an id",
	.vm = "web1", .epoch = 7,
};

/* From one host to the other, and what passes between them. */
static struct {
	struct swtpm from, to;
	pid_t	     gate_from, gate_to;
	uint8_t	     blob[KR_PTM_SAVESTATE + 1][65536];
	size_t	     n_blob[KR_PTM_SAVESTATE + 1];
	uint8_t	     pcr[256];
} mig;

static int two_hosts(void **state)
{
	uint8_t out[256];

	(void)state;
	need(!system("command -v swtpm >/dev/null"), "swtpm");
	memset(&mig, 0, sizeof(mig));
	begin(&mig.from);
	begin(&mig.to);
	mig.from.ctrl = guard_for(mig.from.ctrl, kr_gate_let_out, &seal,
				  &mig.gate_from);
	power_on(&mig.from, false);
	assert_int_equal(tell(&mig.from, startup, sizeof(startup), out), 0);
	assert_int_equal(tell(&mig.from, extend, sizeof(extend), out), 0);
	assert_int_equal(tell(&mig.from, pcr_read, sizeof(pcr_read), mig.pcr),
			 0);
	for (uint8_t type = 1; type < KR_PTM_SAVESTATE; type++) {
		assert_int_equal(SAY(&mig.from, BE(KR_PTM_GET_STATEBLOB),
				     BE(1), BE(type), BE(0)), 0);
		mig.n_blob[type] = mig.from.said.n_blob;
		memcpy(mig.blob[type], mig.from.said.blob, mig.n_blob[type]);
	}
	return 0;
}

static int no_hosts(void **state)
{
	(void)state;
	end(&mig.from);
	end(&mig.to);
	waitpid(mig.gate_from, NULL, 0);
	waitpid(mig.gate_to, NULL, 0);
	return 0;
}

static void arrive(const struct kr_stateseal *s)
{
	mig.to.ctrl = guard_for(mig.to.ctrl, kr_gate_let_in, s, &mig.gate_to);
	power_on(&mig.to, true);
}

/* @as: the kind that it is said to be. */
static uint32_t give(uint8_t as, uint8_t blob)
{
	static uint8_t buf[sizeof(mig.blob[0]) + 16];
	const struct kr_ptmask a = { .cmd = KR_PTM_SET_STATEBLOB, .type = as };
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	kr_ptm_ask_put(&w, &a, mig.blob[blob], mig.n_blob[blob]);
	return say(&mig.to, buf, kr_wr_len(&w), -1);
}

static uint32_t start_there(void)
{
	return SAY(&mig.to, BE(KR_PTM_INIT), BE(0));
}

static void a_tpm_moves(void **state)
{
	uint8_t out[256];

	(void)state;
	arrive(&seal);
	assert_int_equal(give(1, 1), 0);
	assert_int_equal(give(2, 2), 0);
	assert_int_equal(start_there(), 0);
	assert_int_equal(tell(&mig.to, pcr_read, sizeof(pcr_read), out), 0);
	assert_memory_equal(out + 10, mig.pcr + 10, 52);
	/* once, in and out */
	assert_int_equal(SAY(&mig.to, BE(KR_PTM_STOP)), 0);
	assert_int_equal(give(1, 1), REFUSED);
	for (uint8_t type = 1; type < KR_PTM_SAVESTATE; type++)
		assert_int_equal(SAY(&mig.from, BE(KR_PTM_GET_STATEBLOB),
				     BE(1), BE(type), BE(0)), REFUSED);
}

/* Who has the stream has nothing: no emulator takes it. */
static void what_passes_is_of_no_use(void **state)
{
	static const uint8_t version[] = { 2, 1, 0, 0x0a };

	(void)state;
	for (uint8_t type = 1; type < KR_PTM_SAVESTATE; type++)
		assert_null(memmem(mig.blob[type], mig.n_blob[type], version,
				   sizeof(version)));
	power_on(&mig.to, true);
	assert_int_not_equal(give(1, 1), 0);
}

/* What was sealed for something else opens nothing, and nothing begins. */
static void another_migration_does_not_open_it(void **state)
{
	static const struct kr_stateseal others[] = {
		{ "another key, for this one too", "an id", "web1", 7 },
		{ "fresh, and for one migration", "my id", "web1", 7 },
		{ "fresh, and for one migration", "an id", "web2", 7 },
		{ "fresh, and for one migration", "an id", "web1", 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (i) {
			end(&mig.to);
			waitpid(mig.gate_to, NULL, 0);
			begin(&mig.to);
		}
		arrive(&others[i]);
		assert_int_equal(give(1, 1), REFUSED);
		assert_int_equal(give(2, 2), REFUSED);
		assert_int_equal(start_there(), REFUSED);
	}
}

static void a_changed_state_does_not_begin(void **state)
{
	(void)state;
	mig.blob[1][1000] ^= 1;		/* what NV holds, say */
	arrive(&seal);
	assert_int_equal(give(1, 1), REFUSED);
	mig.blob[1][1000] ^= 1;
	/* nor with the right one afterwards */
	assert_int_equal(give(1, 1), 0);
	assert_int_equal(give(2, 2), 0);
	assert_int_equal(start_there(), REFUSED);
}

static void one_kind_is_not_another(void **state)
{
	(void)state;
	arrive(&seal);
	assert_int_equal(give(2, 1), REFUSED);
	assert_int_equal(start_there(), REFUSED);
}

/* Without its state it would be a new TPM, or one whose PCRs say nothing. */
static void half_a_tpm_does_not_begin(void **state)
{
	(void)state;
	arrive(&seal);
	assert_int_equal(start_there(), REFUSED);
	assert_int_equal(give(1, 1), 0);
	assert_int_equal(start_there(), REFUSED);
	assert_int_equal(give(2, 2), 0);
	assert_int_equal(start_there(), 0);
}

/* ---- a real hypervisor ---------------------------------------------------- */

#define TPM_FD	"10"

/* @ctrl is its TPM's; taken. It waits for another's state, or for no one. */
static pid_t start_qemu(int ctrl, bool incoming, int *ret_qmp)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		dup2(ctrl, atoi(TPM_FD));
		execlp("qemu-system-x86_64", "qemu-system-x86_64", "-machine",
		       "q35,accel=tcg", "-m", "16", "-nodefaults",
		       "-no-user-config", "-display", "none", "-S",
		       "-chardev", "socket,id=c,fd=" TPM_FD, "-tpmdev",
		       "emulator,id=t,chardev=c", "-device",
		       "tpm-crb,tpmdev=t", "-qmp", "stdio",
		       incoming ? "-incoming" : NULL, "defer",
		       (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	close(ctrl);
	*ret_qmp = pair[0];
	return pid;
}

/* Says @what again and again until the answer has one of both words. */
static bool first_comes(int qmp, const char *what, const char *one,
			const char *other)
{
	static char in[65536];
	struct pollfd p = { qmp, POLLIN, 0 };

	for (unsigned int i = 0; i < 300; i++) {
		ssize_t n;

		assert_int_equal(write(qmp, what, strlen(what)), strlen(what));
		assert_int_equal(poll(&p, 1, 20000), 1);
		n = read(qmp, in, sizeof(in) - 1);
		assert_true(n > 0);
		in[n] = '\0';
		if (strstr(in, one))
			return true;
		if (strstr(in, other))
			return false;
		usleep(50000);
	}
	return false;
}

/* It has its TPM and would write it into a file, in the clear. */
static void qemu_cannot_give_it_away(void **state)
{
	static const char go[] = "{\"execute\":\"qmp_capabilities\"}"
		"{\"execute\":\"migrate\",\"arguments\":"
		"{\"uri\":\"exec:cat >/dev/null\"}}";
	static const char quit[] = "{\"execute\":\"quit\"}";
	int qmp, status;
	pid_t qemu;

	(void)state;
	need(!system("command -v qemu-system-x86_64 >/dev/null"), "QEMU");
	qemu = start_qemu(tpm.ctrl, false, &qmp);
	tpm.ctrl = -1;
	assert_int_equal(write(qmp, go, strlen(go)), strlen(go));
	assert_true(first_comes(qmp, "{\"execute\":\"query-migrate\"}",
				"\"status\": \"failed\"", "completed"));
	/* the TPM is there, and so is the VM */
	assert_true(first_comes(qmp, "{\"execute\":\"query-tpm\"}",
				"\"tpm-crb\"", "\"error\""));
	assert_int_equal(write(qmp, quit, strlen(quit)), strlen(quit));
	waitpid(qemu, &status, 0);
	close(qmp);
	assert_int_equal(status, 0);
	assert_true(status_of(gate) < SPOKE);	/* refused, at least once */
}

#define READY	"{\"execute\":\"qmp_capabilities\"}" \
		"{\"execute\":\"migrate-set-capabilities\",\"arguments\":" \
		"{\"capabilities\":[{\"capability\":\"return-path\"," \
		"\"state\":true}]}}"

static void command(int qmp, const char *before, const char *what,
		    const char *dir)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s{\"execute\":\"%s\","
			 "\"arguments\":{\"uri\":\"unix:%s/mig\"}}", before,
			 what, dir);

	assert_int_equal(write(qmp, text, (size_t)n), n);
}

static bool listens(const char *dir)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/mig", dir);
	for (unsigned int i = 0; i < 2000 && access(path, F_OK); i++)
		usleep(10000);
	return !access(path, F_OK);
}

/* A VM's TPM goes with it; @in is what the destination expects. */
static bool qemus_migrate(const struct kr_stateseal *in)
{
	static struct swtpm one, two;
	pid_t gates[2], qemus[2];
	int qmp[2];
	bool done;

	begin(&one);
	begin(&two);
	qemus[0] = start_qemu(guard_for(one.ctrl, kr_gate_let_out, &seal,
					&gates[0]), false, &qmp[0]);
	qemus[1] = start_qemu(guard_for(two.ctrl, kr_gate_let_in, in,
					&gates[1]), true, &qmp[1]);
	one.ctrl = two.ctrl = -1;
	command(qmp[1], READY, "migrate-incoming", one.dir);
	assert_true(listens(one.dir));
	command(qmp[0], READY, "migrate", one.dir);
	done = first_comes(qmp[0], "{\"execute\":\"query-migrate\"}",
			   "\"status\": \"completed\"",
			   "\"status\": \"failed\"");
	for (unsigned int i = 0; i < 2; i++) {
		kill(qemus[i], SIGKILL);
		waitpid(qemus[i], NULL, 0);
		close(qmp[i]);
		/* the destination's refuses what is not for it */
		assert_int_equal(status_of(gates[i]) == HUNG_UP, !i || done);
	}
	end(&one);
	end(&two);
	return done;
}

static void qemu_takes_it_along(void **state)
{
	struct kr_stateseal other = seal;

	(void)state;
	need(!system("command -v swtpm qemu-system-x86_64 >/dev/null"),
	     "swtpm and QEMU");
	assert_true(qemus_migrate(&seal));
	other.epoch--;
	assert_false(qemus_migrate(&other));
}

/* ---- what ends it -------------------------------------------------------- */

/* A hypervisor says @b, with @n_fds descriptors; the emulator hears nothing. */
static void is_refused(const uint8_t *b, size_t n, unsigned int n_fds)
{
	union { struct cmsghdr h; char b[CMSG_SPACE(2 * sizeof(int))]; } c = {
		0 };
	struct iovec v = { (void *)(uintptr_t)b, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int pair[2], fds[2] = { 1, 1 }, qemu;
	pid_t pid;
	char heard;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	qemu = guard(pair[1], &pid);
	if (n_fds) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&c.h), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(qemu, &m, 0), n);
	assert_int_equal(status_of(pid), SPOKE);
	assert_int_equal(read(pair[0], &heard, 1), 0);
	close(pair[0]);
	close(qemu);
}

#define IS_REFUSED(n_fds, ...) \
	is_refused((const uint8_t[]){ __VA_ARGS__ }, \
		   sizeof((const uint8_t[]){ __VA_ARGS__ }), n_fds)

static void a_broken_rule_ends_it(void **state)
{
	(void)state;
	IS_REFUSED(0, BE(0x07), BE(1), 'x');		/* HASH_DATA */
	IS_REFUSED(0, BE(KR_PTM_STOP), BE(KR_PTM_STOP)); /* two at once */
	IS_REFUSED(0, BE(KR_PTM_SET_DATAFD));
	IS_REFUSED(1, BE(KR_PTM_STOP));
	IS_REFUSED(2, BE(KR_PTM_SET_DATAFD));
}

/* An emulator that its guest has broken out into says @b to QEMU. */
static void is_a_lie(bool asked, const uint8_t *b, size_t n)
{
	static const uint8_t stop_it[] = { BE(KR_PTM_STOP) };
	uint8_t in[64];
	int pair[2], qemu;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	qemu = guard(pair[1], &pid);
	if (asked) {
		assert_int_equal(write(qemu, stop_it, 4), 4);
		assert_int_equal(read(pair[0], in, sizeof(in)), 4);
	}
	assert_int_equal(write(pair[0], b, n), n);
	assert_int_equal(status_of(pid), SPOKE);
	assert_int_equal(read(qemu, in, sizeof(in)), 0);
	close(pair[0]);
	close(qemu);
}

static void a_lying_emulator_ends_it(void **state)
{
	static const uint8_t b[8] = { 0 };

	(void)state;
	is_a_lie(false, b, 4);		/* it was not asked */
	is_a_lie(true, b, 8);		/* more than an answer */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tpm_works_through_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(its_state_does_not_come_out,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_other_state_gets_in, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_tpm_moves,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(what_passes_is_of_no_use,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(another_migration_does_not_open_it,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(a_changed_state_does_not_begin,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(one_kind_is_not_another,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(half_a_tpm_does_not_begin,
						two_hosts, no_hosts),
		cmocka_unit_test_setup_teardown(qemu_cannot_give_it_away,
						set_up, tear_down),
		cmocka_unit_test(qemu_takes_it_along),
		cmocka_unit_test(a_broken_rule_ends_it),
		cmocka_unit_test(a_lying_emulator_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

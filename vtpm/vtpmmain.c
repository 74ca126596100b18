/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtpmmain.c - a VM's TPM, korora-vtpm: starts the emulator and is from then
 * on, jailed, the gate between that and the hypervisor. kororad starts it with
 * a VM and may end meanwhile: it lives as long as both of these do, as the same
 * user as the emulator, which no other VM's has. The lock that both hold says
 * so to any kororad, and any may give it orders (gateorder.h).
 */
#include <fcntl.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "vtpm/emulator.h"
#include "vtpm/gate.h"
#include "vtpm/gateorder.h"

static struct kr_loop *loop;
static struct kr_gate *gate;
static struct kr_io orders;

/* That the hypervisor hangs up is the ordinary end. */
static void over(void *arg, const struct kr_err *e)
{
	(void)arg;
	if (kr_gate_refused(gate))
		kr_log(KR_LOG_WARN, "the TPM's state was refused %u times",
		       kr_gate_refused(gate));
	kr_log_err(e->kr == KR_E_VTPM_SPOKE ? KR_LOG_ERROR : KR_LOG_INFO,
		   "the TPM ends", e);
	kr_loop_stop(loop, 0);
}

static void obey(const struct kr_gateorder *o)
{
	switch (o->way) {
	case KR_GATE_OUT:
		kr_gate_let_out(gate, &o->seal);
		break;
	case KR_GATE_IN:
		kr_gate_let_in(gate, &o->seal);
		break;
	default:
		kr_gate_shut(gate);
		break;
	}
}

/* Only root gets to the socket. kororad says it all at once, and hangs up. */
static void on_order(void *arg, uint32_t events)
{
	KR_AUTO(kr_fd_autoclose) int fd = accept4(orders.fd, NULL, NULL,
						  SOCK_CLOEXEC);
	uint8_t buf[KR_GATEORDER_BYTES_MAX];
	struct kr_err e = KR_ERR_NONE;
	struct kr_gateorder o;
	struct kr_rd r;
	ssize_t n;

	(void)arg;
	(void)events;
	if (fd < 0)
		return;
	n = recv(fd, buf, sizeof(buf), MSG_WAITALL);
	r = KR_RD(buf, n > 0 ? (size_t)n : 0);
	if (kr_gateorder_parse(&r, &o, &e))
		kr_log_err(KR_LOG_ERROR, "an order", &e);
	else
		obey(&o);
	kr_wipe(&o, sizeof(o));
	kr_wipe(buf, sizeof(buf));
}

/* What it was started with is not for the emulator, but what that is handed. */
static int keep_to_oneself(struct kr_err *e)
{
	static const int fds[] = { KR_EMULATOR_QEMU_FD, KR_EMULATOR_KEY_FD,
				   KR_EMULATOR_FOLDER_FD,
				   KR_EMULATOR_ORDERS_FD };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC))
			return kr_fail(e, KR_E_USAGE, "korora-vtpm is started "
				       "by kororad only");
	return 0;
}

/* What OpenSSL would look for in files later on. */
static bool crypto_is_ready(void)
{
	static const struct kr_stateseal none;
	const uint8_t in[1] = { 0 };
	uint8_t out[sizeof(in) + KR_STATESEAL_TAG_BYTES];

	return !kr_stateseal_make(&none, KR_PTM_PERMANENT, 0, in, sizeof(in),
				  out, NULL);
}

static int start(int argc, char **argv, struct kr_err *e)
{
	static const int calls[] = { SCMP_SYS(accept4) };
	static const struct kr_jail jail = { .calls = calls, .n_calls = 1,
					     .outlives = true };
	int r = kr_agent_init("korora-vtpm", argc, argv, &loop, e);
	int swtpm = -1;

	if (!r)
		r = keep_to_oneself(e);
	if (!r && !crypto_is_ready())
		r = kr_fail(e, KR_E_CRYPTO, "no AES-256-GCM");
	if (!r)
		r = kr_emulator_start(KR_EMULATOR_KEY_FD,
				      KR_EMULATOR_FOLDER_FD, &swtpm, e);
	close(KR_EMULATOR_KEY_FD);
	close(KR_EMULATOR_FOLDER_FD);
	if (!r)
		r = kr_gate_new(loop, KR_EMULATOR_QEMU_FD, swtpm, over, NULL,
				&gate, e);
	orders = (struct kr_io){ .fd = KR_EMULATOR_ORDERS_FD, .fn = on_order };
	if (!r)
		r = kr_io_add(loop, &orders, EPOLLIN, e);
	return r ? r : kr_jail_enter(&jail, e);
}

int main(int argc, char **argv)
{
	struct kr_err e = KR_ERR_NONE;

	if (start(argc, argv, &e)) {
		kr_log_err(KR_LOG_ERROR, "start", &e);
		return 1;
	}
	kr_loop_run(loop);
	kr_gate_free(gate);
	kr_loop_free(loop);
	return 0;
}

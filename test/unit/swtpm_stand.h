/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swtpm_stand.h - an emulated TPM that is spoken to as QEMU does, with every
 * request and reply parsed on its way. Its folder and process go with end(),
 * the process with the test, too. Include after <cmocka.h>.
 */
#ifndef KR_TEST_SWTPM_STAND_H
#define KR_TEST_SWTPM_STAND_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "need.h"
#include "vtpm/ptm.h"

#define BE(x)	0, 0, 0, (x)

static inline int ask(const uint8_t *b, size_t n, struct kr_ptmask *a)
{
	struct kr_rd r = KR_RD(b, n);
	struct kr_err e = KR_ERR_NONE;
	int rc = kr_ptm_ask(&r, a, &e);

	assert_ptr_equal(r.p, rc ? b : r.end);
	assert_int_equal(rc < 0, e.kr == KR_E_VTPM_SPOKE);
	return rc;
}

static inline int said(enum kr_ptm cmd, const uint8_t *b, size_t n,
		struct kr_ptmsaid *s)
{
	struct kr_rd r = KR_RD(b, n);
	struct kr_err e = KR_ERR_NONE;
	int rc = kr_ptm_said(cmd, &r, s, &e);

	assert_ptr_equal(r.p, rc ? b : r.end);
	assert_int_equal(rc < 0, e.kr == KR_E_VTPM_SPOKE);
	return rc;
}

struct swtpm {
	char	dir[64];
	pid_t	pid;
	int	ctrl, data;
	uint8_t in[4 + KR_PTM_HEAD_MAX + 65536];	/* its last reply */
	struct kr_ptmsaid said;
};

static inline void begin(struct swtpm *t)
{
	const char *tmp = getenv("TMPDIR");
	char state[96], ctrl[64];
	int pair[2];

	snprintf(t->dir, sizeof(t->dir), "%s/korora-ptm-XXXXXX",
		 tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	snprintf(state, sizeof(state), "dir=%s", t->dir);
	snprintf(ctrl, sizeof(ctrl), "type=unixio,clientfd=%d", pair[1]);
	t->pid = fork();
	if (!t->pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		fcntl(pair[1], F_SETFD, 0);
		dup2(open("/dev/null", O_RDWR), 2);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate",
		       state, "--ctrl", ctrl, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	t->ctrl = pair[0];
	t->data = -1;
}

static inline void end(struct swtpm *t)
{
	char cmd[96];

	kr_fd_close(&t->ctrl);
	kr_fd_close(&t->data);
	kill(t->pid, SIGTERM);
	waitpid(t->pid, NULL, 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", t->dir);
	assert_int_equal(system(cmd), 0);
}

static inline void send_fd(int s, const uint8_t *b, size_t n, int fd)
{
	union { struct cmsghdr h; char b[CMSG_SPACE(sizeof(int))]; } c = { 0 };
	struct iovec v = { (void *)(uintptr_t)b, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(s, &m, 0), n);
}

/* Says a request that is parsed first, and has the reply parsed. */
static inline uint32_t say(struct swtpm *t, const uint8_t *b, size_t n, int fd)
{
	struct pollfd p = { t->ctrl, POLLIN, 0 };
	struct kr_ptmask a;
	size_t n_in = 0;
	int rc;

	assert_int_equal(ask(b, n, &a), 0);
	assert_int_equal(kr_ptm_passes(a.cmd), fd >= 0);
	send_fd(t->ctrl, b, n, fd);
	do {
		ssize_t k;

		assert_int_equal(poll(&p, 1, 20000), 1);
		k = read(t->ctrl, t->in + n_in, sizeof(t->in) - n_in);
		assert_true(k > 0);
		n_in += (size_t)k;
		rc = said(a.cmd, t->in, n_in, &t->said);
	} while (rc == KR_PTM_MORE);
	assert_int_equal(rc, 0);
	return t->said.result;
}

#define SAY(t, ...) say((t), (const uint8_t[]){ __VA_ARGS__ }, \
			sizeof((const uint8_t[]){ __VA_ARGS__ }), -1)

/* As QEMU does when it starts. */
static inline void power_on(struct swtpm *t, bool incoming)
{
	static const uint8_t datafd[] = { BE(KR_PTM_SET_DATAFD) };
	int pair[2];

	assert_int_equal(SAY(t, BE(KR_PTM_GET_CAPABILITY)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	assert_int_equal(say(t, datafd, sizeof(datafd), pair[1]), 0);
	close(pair[1]);
	t->data = pair[0];
	assert_int_equal(SAY(t, BE(KR_PTM_STOP)), 0);
	assert_int_equal(SAY(t, BE(KR_PTM_SET_BUFFERSIZE), 0, 0, 16, 0), 0);
	assert_int_equal(t->said.n_body, 16);
	if (incoming)
		return;
	assert_int_equal(SAY(t, BE(KR_PTM_INIT), BE(0)), 0);
	assert_int_equal(SAY(t, BE(KR_PTM_GET_TPMESTABLISHED)), 0);
	assert_int_equal(t->said.n_body, 8);
	assert_int_equal(SAY(t, BE(KR_PTM_SET_LOCALITY), 0, 0, 0, 0), 0);
}

/* A command of TPM 2.0 on the other channel; its response code. */
static inline uint32_t tell(struct swtpm *t, const uint8_t *b, size_t n,
		     uint8_t out[256])
{
	struct pollfd p = { t->data, POLLIN, 0 };
	struct kr_rd r = KR_RD(out, 256);

	assert_int_equal(write(t->data, b, n), n);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(read(t->data, out, 256) >= 10);
	kr_rd_take(&r, 6);
	return kr_rd_u32(&r);
}

static const uint8_t startup[] = { 0x80, 1, BE(12), 0, 0, 1, 0x44, 0, 0 };
/* PCR 16, SHA-256, with an empty password */
static const uint8_t extend[] = {
	0x80, 2, BE(65), 0, 0, 1, 0x82, BE(16), BE(9), 0x40, 0, 0, 9, 0, 0, 0,
	0, 0, BE(1), 0, 0x0b, 'w', 'h', 'a', 't',
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0,
};
static const uint8_t pcr_read[] = {
	0x80, 1, BE(20), 0, 0, 1, 0x7e, BE(1), 0, 0x0b, 3, 0, 0, 1,
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - see gate.h. There is one message under way at any time, so there is
 * one buffer; the table says who is read and who is written to meanwhile.
 * What comes out of turn is not waited for: it ends the gate.
 */
#include "vtpm/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "vtpm/ptm.h"

#define MESSAGE_MAX	(4u + KR_PTM_HEAD_MAX + KR_PTM_BLOB_MAX)

enum { QEMU, SWTPM, N_SIDES };
enum phase { ASK_IN, ASK_OUT, SAID_IN, SAID_OUT, N_PHASES };

static const struct {
	int	   side;		/* who is waited for */
	bool	   out;
	enum phase next;
} phases[N_PHASES] = {
	[ASK_IN]   = { QEMU,  false, ASK_OUT },
	[ASK_OUT]  = { SWTPM, true,  SAID_IN },
	[SAID_IN]  = { SWTPM, false, SAID_OUT },
	[SAID_OUT] = { QEMU,  true,  ASK_IN },
};

enum way { SHUT, OUT, IN };	/* of state */

#define NEEDED	(1u << KR_PTM_PERMANENT | 1u << KR_PTM_VOLATILE)

static const char *const names[N_SIDES] = { "QEMU", "the TPM's emulator" };

struct kr_gate {
	struct kr_io io[N_SIDES];
	void	   (*over)(void *arg, const struct kr_err *e);
	void	    *arg;
	enum phase   phase;
	enum kr_ptm  cmd;		/* from ASK_OUT on */
	int	     passing;		/* descriptor that came with it; or -1 */
	enum way     way;
	unsigned int passed;		/* bit per kind of blob, of this way */
	struct kr_stateseal seal;	/* unless SHUT */
	enum kr_ptmblob type;		/* of a blob under way */
	unsigned int n_refused;
	size_t	     at, n;		/* written, read */
	uint8_t	     buf[MESSAGE_MAX];
	uint8_t	     blob[KR_PTM_BLOB_MAX];
};

/* Both are always listened to: who is not asked has nothing to say. */
static void turn(struct kr_gate *g, enum phase phase)
{
	g->phase = phase;
	g->at = 0;
	if (!phases[phase].out)
		g->n = 0;
	for (int i = 0; i < N_SIDES; i++)
		kr_io_want(&g->io[i], phases[phase].out &&
				      phases[phase].side == i ?
				      EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* ---- one step ------------------------------------------------------------ */

static int take_fd(struct kr_gate *g, struct msghdr *m, struct kr_err *e)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int fd;

	if (!h)
		return 0;
	if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
		return kr_fail(e, KR_E_VTPM_SPOKE, "something came along");
	memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	if (g->passing < 0 && g->phase == ASK_IN && !(m->msg_flags &
						      MSG_CTRUNC)) {
		g->passing = fd;
		return 0;
	}
	close(fd);
	return kr_fail(e, KR_E_VTPM_SPOKE, "a descriptor too many");
}

/* There is room for one descriptor. Return: 0; > 0 nothing is there. */
static int receive(struct kr_gate *g, int side, struct kr_err *e)
{
	union { struct cmsghdr h; char b[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v = { g->buf + g->n, sizeof(g->buf) - g->n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(g->io[side].fd, &m, MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n <= 0)
		return kr_fail(e, KR_E_SYSTEM, "%s hung up", names[side]);
	g->n += (size_t)n;
	return take_fd(g, &m, e);
}

static int transmit(struct kr_gate *g, int side, struct kr_err *e)
{
	union { struct cmsghdr h; char b[CMSG_SPACE(sizeof(int))]; } c = { 0 };
	struct iovec v = { g->buf + g->at, g->n - g->at };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t n;

	if (g->passing >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.h), &g->passing, sizeof(int));
	}
	n = sendmsg(g->io[side].fd, &m, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0)
		return kr_fail(e, KR_E_SYSTEM, "%s hung up", names[side]);
	kr_fd_close(&g->passing);
	g->at += (size_t)n;
	return g->at == g->n ? 0 : 1;
}

/* ---- what passes --------------------------------------------------------- */

static void refuse(struct kr_gate *g)
{
	struct kr_wr w = KR_WR(g->buf, sizeof(g->buf));

	g->n_refused++;
	kr_wipe(g->buf, g->n);
	kr_ptm_refuse(&w, g->cmd);
	g->n = kr_wr_len(&w);
	turn(g, SAID_OUT);
}

/* Each kind once: the nonce is the kind. */
static bool is_first(struct kr_gate *g, enum way way, enum kr_ptmblob type)
{
	unsigned int bit = 1u << type;
	bool first = g->way == way && !(g->passed & bit);

	g->passed |= g->way == way ? bit : 0;
	g->type = type;
	return first;
}

static bool open_blob(struct kr_gate *g, const struct kr_ptmask *a)
{
	struct kr_wr w = KR_WR(g->buf, sizeof(g->buf));
	size_t n = a->n_blob - KR_STATESEAL_TAG_BYTES;
	const struct kr_ptmask as = *a;

	if (!is_first(g, IN, a->type))
		return false;
	if (kr_stateseal_open(&g->seal, a->type, a->flags, a->blob, a->n_blob,
			      g->blob, NULL)) {
		g->passed = 1u << 31;	/* nothing begins with this */
		return false;
	}
	kr_ptm_ask_put(&w, &as, g->blob, n);
	kr_wipe(g->blob, n);
	g->n = kr_wr_len(&w);
	return true;
}

/* The rest of a state never comes: what is there begins. */
static bool may_begin(struct kr_gate *g)
{
	if (g->way != IN)
		return true;
	if ((g->passed & (NEEDED | 1u << 31)) != NEEDED)
		return false;
	kr_gate_shut(g);
	return true;
}

static bool may_pass(struct kr_gate *g, const struct kr_ptmask *a)
{
	switch (a->cmd) {
	case KR_PTM_GET_STATEBLOB:
		return is_first(g, OUT, a->type);
	case KR_PTM_SET_STATEBLOB:
		return open_blob(g, a);
	case KR_PTM_INIT:
		return may_begin(g);
	default:
		return true;
	}
}

static int asked(struct kr_gate *g, struct kr_err *e)
{
	struct kr_rd r = KR_RD(g->buf, g->n);
	struct kr_ptmask a;
	int rc = kr_ptm_ask(&r, &a, e);

	if (rc < 0)
		return rc;
	if (rc)
		return 0;	/* the rest is waited for */
	g->cmd = a.cmd;
	if (kr_rd_left(&r))
		return kr_fail(e, KR_E_VTPM_SPOKE, "%s, and more at once",
			       kr_ptm_name(a.cmd));
	if ((g->passing >= 0) != kr_ptm_passes(a.cmd))
		return kr_fail(e, KR_E_VTPM_SPOKE, "%s with%s a descriptor",
			       kr_ptm_name(a.cmd), g->passing < 0 ? "out" : "");
	if (may_pass(g, &a))
		turn(g, ASK_OUT);
	else
		refuse(g);
	return 0;
}

/* The blob of a reply becomes a sealed one, if there still is a seal. */
static bool seal_blob(struct kr_gate *g, const struct kr_ptmsaid *s)
{
	struct kr_wr w = KR_WR(g->buf, sizeof(g->buf));
	size_t n = s->n_blob + KR_STATESEAL_TAG_BYTES;

	if (g->way != OUT || n > sizeof(g->blob) ||
	    kr_stateseal_make(&g->seal, g->type, s->flags, s->blob, s->n_blob,
			      g->blob, NULL))
		return false;
	kr_ptm_said_put(&w, KR_PTM_GET_STATEBLOB, s, g->blob, n);
	g->n = kr_wr_len(&w);
	return true;
}

static int said(struct kr_gate *g, struct kr_err *e)
{
	struct kr_rd r = KR_RD(g->buf, g->n);
	struct kr_ptmsaid s;
	int rc = kr_ptm_said(g->cmd, &r, &s, e);

	if (rc < 0)
		return rc;
	if (rc)
		return 0;
	if (kr_rd_left(&r))
		return kr_fail(e, KR_E_VTPM_SPOKE, "a reply to %s, and more",
			       kr_ptm_name(g->cmd));
	if (s.n_blob && !seal_blob(g, &s))
		refuse(g);
	else
		turn(g, SAID_OUT);
	return 0;
}

/* Who has nothing to say now, and is heard: the end, either way. */
static int out_of_turn(struct kr_gate *g, int side, struct kr_err *e)
{
	char c;

	return recv(g->io[side].fd, &c, 1, MSG_PEEK) > 0 ?
	       kr_fail(e, KR_E_VTPM_SPOKE, "%s spoke out of turn",
		       names[side]) :
	       kr_fail(e, KR_E_SYSTEM, "%s hung up", names[side]);
}

/* What is whole is passed on at once: an emulator hangs up with its last word,
 * which QEMU waits for. */
static int step(struct kr_gate *g, int side, uint32_t events,
		struct kr_err *e)
{
	int rc = 0;

	if (phases[g->phase].side != side)
		return out_of_turn(g, side, e);
	if (!phases[g->phase].out) {
		rc = receive(g, side, e);
		if (!rc)
			rc = side == QEMU ? asked(g, e) : said(g, e);
	} else if (!(events & EPOLLOUT)) {
		return out_of_turn(g, side, e);
	}
	if (rc || !phases[g->phase].out)
		return rc < 0 ? rc : 0;
	rc = transmit(g, phases[g->phase].side, e);
	if (!rc) {
		kr_wipe(g->buf, g->n);
		turn(g, phases[g->phase].next);
	}
	return rc < 0 ? rc : 0;
}

static void on_io(struct kr_gate *g, int side, uint32_t events)
{
	struct kr_err e = KR_ERR_NONE;

	if (!step(g, side, events, &e))
		return;
	for (int i = 0; i < N_SIDES; i++)
		kr_io_del(&g->io[i]);
	g->over(g->arg, &e);
}

static void on_qemu(void *arg, uint32_t events)
{
	on_io(arg, QEMU, events);
}

static void on_swtpm(void *arg, uint32_t events)
{
	on_io(arg, SWTPM, events);
}

/* ---- beginning and end --------------------------------------------------- */

int kr_gate_new(struct kr_loop *l, int qemu, int swtpm,
		void (*over)(void *arg, const struct kr_err *e), void *arg,
		struct kr_gate **ret_g, struct kr_err *e)
{
	struct kr_gate *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g) {
		close(qemu);
		close(swtpm);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	g->io[QEMU] = (struct kr_io){ .fd = qemu, .fn = on_qemu, .arg = g };
	g->io[SWTPM] = (struct kr_io){ .fd = swtpm, .fn = on_swtpm, .arg = g };
	g->over = over;
	g->arg = arg;
	g->passing = -1;
	for (int i = 0; !r && i < N_SIDES; i++)
		r = fcntl(g->io[i].fd, F_SETFL, O_NONBLOCK) ?
		    kr_fail(e, KR_E_SYSTEM, "fcntl: %s", strerror(errno)) :
		    kr_io_add(l, &g->io[i], EPOLLIN, e);
	if (r) {
		kr_gate_free(g);
		return r;
	}
	turn(g, ASK_IN);
	*ret_g = g;
	return 0;
}

void kr_gate_shut(struct kr_gate *g)
{
	g->way = SHUT;
	g->passed = 0;
	kr_wipe(&g->seal, sizeof(g->seal));
}

void kr_gate_let_out(struct kr_gate *g, const struct kr_stateseal *s)
{
	kr_gate_shut(g);
	g->way = OUT;
	g->seal = *s;
}

void kr_gate_let_in(struct kr_gate *g, const struct kr_stateseal *s)
{
	kr_gate_shut(g);
	g->way = IN;
	g->seal = *s;
}

unsigned int kr_gate_refused(const struct kr_gate *g)
{
	return g->n_refused;
}

void kr_gate_free(struct kr_gate *g)
{
	if (!g)
		return;
	for (int i = 0; i < N_SIDES; i++) {
		kr_io_del(&g->io[i]);
		kr_fd_close(&g->io[i].fd);
	}
	kr_fd_close(&g->passing);
	kr_wipe(g, sizeof(*g));
	free(g);
}

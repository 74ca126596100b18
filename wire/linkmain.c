/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkmain.c - the link agent, korora-link: one process per connection with
 * a peer, jailed before the first foreign byte. It tells a lane from a
 * control session by the first byte, keeps the session, and passes kororad
 * only messages that parse.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chan.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "wire/frame.h"
#include "wire/linkmsg.h"
#include "wire/session.h"

#define ASK_MS		5000	/* kororad answers at once, or is gone */
#define LAST_WORDS_MS	2000	/* for kororad to take them */
#define TLS_HANDSHAKE	0x16	/* content type, RFC 8446 5.1 */

static struct kr_loop *loop;
static struct kr_chan chan;
static struct kr_linkstart start;
static struct kr_session *session;
static struct kr_io first;	/* an incoming connection's first bytes */
static struct kr_timer first_deadline;

static void fail(const struct kr_err *e)
{
	uint8_t buf[KR_WHAT_BYTES + 16];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct pollfd p = { .fd = chan.io.fd, .events = POLLOUT };

	kr_wr_u16(&w, (uint16_t)e->kr);
	kr_wr_str(&w, e->what);
	poll(&p, 1, LAST_WORDS_MS);	/* a peer may have kept kororad busy */
	kr_chan_put(&chan, KR_LINK_FAIL, &w, NULL);
	kr_loop_stop(loop, 0);
}

/* ---- questions to kororad: sent and answered before anything else ------ */

static int ask(uint16_t type, const struct kr_wr *w, struct kr_linkknown *ret,
	       struct kr_err *e)
{
	uint8_t buf[2 + sizeof(*ret) + 8];
	struct pollfd p = { .fd = chan.io.fd, .events = POLLIN };
	struct kr_rd r;
	ssize_t n;
	int rc = kr_chan_put(&chan, type, w, e);

	if (rc)
		return rc;
	if (poll(&p, 1, ASK_MS) != 1)
		return kr_fail(e, KR_E_SYSTEM, "kororad does not answer");
	n = recv(chan.io.fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		return kr_fail(e, KR_E_SYSTEM, "kororad is gone");
	r = KR_RD(buf, n);
	if (kr_rd_u16(&r) != KR_LINK_KNOWN)
		return kr_fail(e, KR_E_AGENT_SPOKE, "no answer from kororad");
	return kr_linkknown_parse(&r, ret, e);
}

static int on_who(void *arg, const uint8_t keyid[32], const char *name,
		  struct kr_linkknown *ret, struct kr_err *e)
{
	uint8_t buf[32 + 2 + KR_LINK_NAME_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)arg;
	kr_wr_bytes(&w, keyid, 32);
	kr_wr_str(&w, name);
	return ask(KR_LINK_WHO, &w, ret, e);
}

static int on_seen(void *arg, const uint8_t random[32], struct kr_err *e)
{
	struct kr_linkknown k;
	uint8_t buf[32];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int rc;

	(void)arg;
	kr_wr_bytes(&w, random, 32);
	rc = ask(KR_LINK_SEEN, &w, &k, e);
	return rc ? rc : k.verdict;
}

/* ---- the session's news ------------------------------------------------ */

static void on_up(void *arg, const struct kr_linkup *u)
{
	static uint8_t buf[sizeof(*u) + 64];
	struct kr_wr w = KR_WR(buf, sizeof(buf));

	(void)arg;
	kr_linkup_put(&w, u);
	kr_chan_put(&chan, KR_LINK_UP, &w, NULL);
}

static void on_msg(void *arg, uint16_t type, const uint8_t *body, size_t n)
{
	static uint8_t buf[KR_FRAME_BODY_BYTES_MAX + 2];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_err e = KR_ERR_NONE;

	(void)arg;
	kr_wr_u16(&w, type);
	kr_wr_bytes(&w, body, n);
	if (kr_chan_put(&chan, KR_LINK_MSG, &w, &e))
		fail(&e);
}

static void on_down(void *arg, const struct kr_err *e)
{
	static const struct kr_err bye = { .kr = KR_E_PEER_CLOSED,
					   .what = "closed" };

	(void)arg;
	fail(e && e->code ? e : &bye);
}

static const struct kr_session_ops ops = {
	.who = on_who, .seen = on_seen, .up = on_up, .msg = on_msg,
	.down = on_down,
};

static void begin_session(int fd)
{
	struct kr_err e = KR_ERR_NONE;

	if (kr_session_new(loop, fd, &start, &ops, NULL, &session, &e))
		fail(&e);
}

/* ---- an incoming connection: session or lane? -------------------------- */

static void hand_over_lane(void)
{
	uint8_t in[KR_PREAMBLE_BYTES], out[17];
	struct kr_wr w = KR_WR(out, sizeof(out));
	struct kr_err e = KR_ERR_NONE;
	struct kr_preamble p;

	if (recv(first.fd, in, sizeof(in), 0) != sizeof(in)) {
		kr_fail(&e, KR_E_PEER_CLOSED, "cut in a lane's preamble");
		fail(&e);
		return;
	}
	if (kr_preamble_parse(in, sizeof(in), &p, &e)) {
		fail(&e);
		return;
	}
	kr_wr_bytes(&w, p.migration, sizeof(p.migration));
	kr_wr_u8(&w, p.lane);
	kr_chan_send(&chan, KR_LINK_LANE, out, sizeof(out), &first.fd, 1,
		     NULL);
	kr_loop_stop(loop, 0);
}

static void on_first(void *arg, uint32_t events)
{
	uint8_t b[KR_PREAMBLE_BYTES];
	ssize_t n = recv(first.fd, b, sizeof(b), MSG_PEEK | MSG_DONTWAIT);
	struct kr_err e = KR_ERR_NONE;

	(void)arg;
	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		kr_fail(&e, KR_E_PEER_CLOSED, "closed before its first byte");
		fail(&e);
	} else if (b[0] == TLS_HANDSHAKE) {
		kr_io_del(&first);
		kr_timer_off(&first_deadline);
		begin_session(first.fd);
	} else if (b[0] != 'K') {
		kr_fail(&e, KR_E_MALFORMED, "neither TLS nor a lane");
		fail(&e);
	} else if (n == KR_PREAMBLE_BYTES) {
		hand_over_lane();
	}
	/* else: a preamble in pieces; the deadline bounds our patience */
}

static void on_first_deadline(void *arg)
{
	struct kr_err e = KR_ERR_NONE;

	(void)arg;
	kr_fail(&e, KR_E_PEER_SILENT, "nothing said in %u ms",
		start.handshake_ms);
	fail(&e);
}

/* ---- kororad's orders -------------------------------------------------- */

static int on_start(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	int rc = kr_linkstart_parse(r, &start, e);

	(void)arg;
	if (rc || n_fds != 1) {
		if (n_fds)
			close(fds[0]);
		return kr_fail(e, KR_E_AGENT_SPOKE, "malformed start");
	}
	if (start.outgoing) {
		begin_session(fds[0]);
		return 0;
	}
	first = (struct kr_io){ .fd = fds[0], .fn = on_first };
	first_deadline = (struct kr_timer){ .fn = on_first_deadline };
	kr_timer_arm(loop, &first_deadline, start.handshake_ms);
	return kr_io_add(loop, &first, EPOLLIN | EPOLLET, e);
}

static int on_send(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		   struct kr_err *e)
{
	uint16_t type = kr_rd_u16(r);
	struct kr_err why = KR_ERR_NONE;

	(void)arg;
	(void)fds;
	(void)n_fds;
	if (r->bad || !session)
		return kr_fail(e, KR_E_AGENT_SPOKE, "nothing to send on");
	if (kr_session_send(session, type, r->p, kr_rd_left(r), &why))
		kr_session_bye(session, &why);
	return 0;
}

static int on_lane_key(void *arg, struct kr_rd *r, int *fds,
		       unsigned int n_fds, struct kr_err *e)
{
	struct kr_lanekey k;
	uint8_t buf[sizeof(k)];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	int rc = kr_lanekey_parse(r, &k, e);

	(void)arg;
	(void)fds;
	(void)n_fds;
	if (!rc)
		rc = session ? kr_session_lane_key(session, &k, e) :
			       kr_fail(e, KR_E_AGENT_SPOKE, "no session");
	if (rc)
		return rc;
	kr_lanekey_put(&w, &k);
	rc = kr_chan_put(&chan, KR_LINK_KEY, &w, e);
	kr_wipe(&k, sizeof(k));
	kr_wipe(buf, sizeof(buf));
	return rc;
}

static int on_close(void *arg, struct kr_rd *r, int *fds, unsigned int n_fds,
		    struct kr_err *e)
{
	struct kr_err why = { .kr = kr_rd_u16(r) };

	(void)arg;
	(void)fds;
	(void)n_fds;
	(void)e;
	kr_rd_str(r, why.what, sizeof(why.what));
	if (session)
		kr_session_bye(session, why.kr ? &why : NULL);
	kr_loop_stop(loop, 0);
	return 0;
}

static const struct kr_grant grants[] = {
	{ KR_LINK_START, sizeof(struct kr_linkstart), 1, "start", on_start },
	{ KR_LINK_SEND, KR_FRAME_BODY_BYTES_MAX + 2, 0, "send", on_send },
	{ KR_LINK_LANE_KEY, 64, 0, "lane key", on_lane_key },
	{ KR_LINK_CLOSE, KR_WHAT_BYTES + 16, 0, "close", on_close },
};

static void on_gone(void *arg, const struct kr_err *e)
{
	(void)arg;
	(void)e;
	if (session)
		kr_session_bye(session, NULL);
	kr_loop_stop(loop, 0);
}

int main(int argc, char **argv)
{
	static const struct kr_jail jail = { 0 };
	struct kr_err e = KR_ERR_NONE;
	int status;

	chan = (struct kr_chan){ .grants = grants, .gone = on_gone,
				 .n_grants = sizeof(grants) /
					     sizeof(grants[0]) };
	if (kr_agent_init("korora-link", argc, argv, &loop, &e) ||
	    !OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
			      OPENSSL_INIT_LOAD_SSL_STRINGS |
			      OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) ||
	    kr_chan_open(loop, &chan, KR_AGENT_FD, &e) ||
	    kr_jail_enter(&jail, &e)) {
		kr_log_err(KR_LOG_ERROR, "cannot start", &e);
		return 1;
	}
	status = kr_loop_run(loop);
	kr_chan_close(&chan);
	kr_session_linger(session);
	kr_session_free(session);
	kr_wipe(&start, sizeof(start));
	return status;
}

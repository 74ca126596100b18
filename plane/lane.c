/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - a lane's life: handshake, frames each way, liveness, end. Runs in
 * the data-plane agent, on its loop.
 *
 * One frame is on its way out and one on its way in at any time, each in its
 * own buffer. A side that does not want more (held) stops reading, and TCP
 * carries the pressure to the peer. Only authentic bytes count as a sign of
 * life, so a flipped record length, which makes TLS wait for bytes that never
 * come, ends as a stall.
 */
#include "plane/lane.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "plane/lane_tls.h"

#define HEAD		KR_LANE_FRAME_HEAD_BYTES
#define BUFFER		(HEAD + KR_LANE_FRAME_PAYLOAD_BYTES_MAX)
#define UNSENT_BYTES	(512 * 1024)	/* in the kernel, beyond the window */
#define FRAMES_AT_ONCE	16		/* then the loop's other work */
#define NS_PER_MS	UINT64_C(1000000)

enum state { L_HANDSHAKE, L_UP, L_CLOSED };

struct kr_lane {
	enum state		  st;
	int			  fd;
	struct kr_io		  io;
	uint32_t		  watched;
	struct kr_loop		 *loop;
	struct kr_timer		  tick, again;
	SSL			 *ssl;
	const struct kr_lane_ops *ops;
	void			 *arg;
	uint64_t		  stall_ns, alive_ms, tick_ms;
	uint64_t		  heard_ns, spoke_ns;
	uint64_t		  rekey_bytes, since_rekey, n_key_updates;
	uint64_t		  wire_sent, wire_received; /* once closed */
	bool			  want_write, end_due, told_end;
	uint64_t		  blocked_since_ns, blocked_ns;
	uint64_t		  waits_since_ns, waited_ns;	/* for bytes */
	uint64_t		  reported_ns;

	struct kr_lane_frame_seq  out, in;
	struct kr_lane_frame	  frame;	/* being received */
	bool			  have_head, held;
	size_t			  tx_n, tx_off;	/* tx_n = 0: idle */
	size_t			  rx_n;
	uint8_t			 *tx, *rx;	/* BUFFER each */
};

int kr_lane_init(struct kr_err *e)
{
	return kr_lane_tls_init(e);
}

/* Level-triggered hang-ups would spin, so an io that waits for nothing is
 * taken out altogether. */
static void watch(struct kr_lane *l)
{
	uint32_t want = (l->held ? 0 : EPOLLIN) |
			(l->want_write ? EPOLLOUT : 0);
	struct kr_err e = KR_ERR_NONE;

	if (l->st == L_CLOSED || want == l->watched)
		return;
	if (!want)
		kr_io_del(&l->io);
	else if (l->watched)
		kr_io_want(&l->io, want);
	else
		kr_io_add(l->loop, &l->io, want, &e);
	l->watched = want;
}

static void close_lane(struct kr_lane *l)
{
	kr_lane_wire(l, &l->wire_sent, &l->wire_received);
	kr_io_del(&l->io);
	kr_timer_off(&l->tick);
	kr_timer_off(&l->again);
	l->st = L_CLOSED;
	kr_fd_close(&l->fd);
}

int kr_lane_fd(const struct kr_lane *l)
{
	return l->fd;
}

void kr_lane_load(const struct kr_lane *l, uint64_t *ret_blocked_ns,
		  uint16_t *ret_peer_waits)
{
	*ret_blocked_ns = l->blocked_ns;
	*ret_peer_waits = l->in.waits;
}

/* A stretch of time begins, or ends and is added up. */
static void clock_in(uint64_t *since_ns)
{
	if (!*since_ns)
		*since_ns = kr_now_ns();
}

static void clock_out(uint64_t *since_ns, uint64_t *sum_ns)
{
	if (*since_ns)
		*sum_ns += kr_now_ns() - *since_ns;
	*since_ns = 0;
}

uint64_t kr_lane_key_updates(const struct kr_lane *l)
{
	return l->n_key_updates;
}

void kr_lane_wire(const struct kr_lane *l, uint64_t *ret_sent,
		  uint64_t *ret_received)
{
	bool open = l->st != L_CLOSED && l->ssl;

	*ret_sent = open ? BIO_number_written(SSL_get_wbio(l->ssl)) :
			   l->wire_sent;
	*ret_received = open ? BIO_number_read(SSL_get_rbio(l->ssl)) :
			       l->wire_received;
}

void kr_lane_abort(struct kr_lane *l, enum kr_code code)
{
	uint8_t b[HEAD + 2];
	struct kr_wr w = KR_WR(b, sizeof(b));

	if (!l || l->st == L_CLOSED)
		return;
	if (l->st == L_UP && !l->tx_n && !l->out.ended) {
		kr_lane_frame_put(&w, &l->out, KR_LANE_FRAME_ABORT, 2,
				  (uint16_t)code);
		ERR_clear_error();
		SSL_write(l->ssl, b, (int)kr_wr_len(&w));
	}
	close_lane(l);
}

static void fail(struct kr_lane *l, struct kr_err *e)
{
	if (l->st == L_CLOSED)
		return;
	/* TLS has sent its own alert; a lost peer hears nothing anyway */
	if (e->kr == KR_E_LANE_FORGED || e->kr == KR_E_LANE_LOST)
		close_lane(l);
	else
		kr_lane_abort(l, e->kr);
	l->ops->fail(l->arg, e);
}

static void last_words(struct kr_lane *l, struct kr_err *e);

static int done_if_both_ended(struct kr_lane *l)
{
	if (!l->told_end || !l->in.ended || l->st != L_UP)
		return 0;
	ERR_clear_error();
	SSL_shutdown(l->ssl);
	close_lane(l);
	l->ops->done(l->arg);
	return 0;
}

/* Send what is in tx. Return: 0, with tx_n = 0 if all of it went. */
static int flush(struct kr_lane *l, struct kr_err *e)
{
	l->want_write = false;
	while (l->tx_off < l->tx_n) {
		int r;

		ERR_clear_error();
		r = SSL_write(l->ssl, l->tx + l->tx_off,
			      (int)(l->tx_n - l->tx_off));
		if (r > 0) {
			l->tx_off += (size_t)r;
			l->since_rekey += (size_t)r;
			l->spoke_ns = kr_now_ns();
			continue;
		}
		r = kr_lane_tls_outcome(l->ssl, r, &l->want_write, e);
		if (r < 0 && e->kr == KR_E_LANE_LOST)
			last_words(l, e);
		clock_in(&l->blocked_since_ns);
		return r;
	}
	clock_out(&l->blocked_since_ns, &l->blocked_ns);
	l->tx_n = l->tx_off = 0;
	if (l->since_rekey >= l->rekey_bytes) {
		l->since_rekey = 0;
		if (SSL_key_update(l->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
			return kr_fail(e, KR_E_CRYPTO, "cannot renew the key");
		l->n_key_updates++;
	}
	return 0;
}

static int send_small(struct kr_lane *l, enum kr_lane_frame_kind kind,
		      uint32_t n_bytes, uint16_t value, struct kr_err *e)
{
	struct kr_wr w = KR_WR(l->tx, BUFFER);

	assert(!l->tx_n);
	kr_lane_frame_put(&w, &l->out, kind, n_bytes, value);
	l->tx_n = kr_wr_len(&w);
	return flush(l, e);
}

/* The last frame went out: what was waiting for that? */
static int sent(struct kr_lane *l, struct kr_err *e)
{
	int r;

	if (l->end_due && !l->tx_n) {
		l->end_due = false;
		r = send_small(l, KR_LANE_FRAME_END, 8, 0, e);
		if (r < 0)
			return r;
	}
	if (l->tx_n || !l->out.ended || l->told_end)
		return 0;
	l->told_end = true;
	r = l->ops->sent_end(l->arg, e);
	return r < 0 ? r : done_if_both_ended(l);
}

uint8_t *kr_lane_batch(struct kr_lane *l)
{
	if (l->st != L_UP || l->tx_n || l->end_due || l->out.ended)
		return NULL;
	return l->tx + HEAD;
}

void kr_lane_send(struct kr_lane *l, size_t n)
{
	struct kr_wr w = KR_WR(l->tx, HEAD);
	struct kr_err e = KR_ERR_NONE;
	int r;

	assert(l->st == L_UP && !l->tx_n);
	kr_lane_frame_put(&w, &l->out, KR_LANE_FRAME_DATA, (uint32_t)n, 0);
	l->tx_n = HEAD + n;
	r = flush(l, &e);
	if (r < 0)
		fail(l, &e);
	else
		watch(l);
}

void kr_lane_end(struct kr_lane *l)
{
	struct kr_err e = KR_ERR_NONE;

	if (l->st == L_CLOSED || l->out.ended || l->end_due)
		return;
	l->end_due = true;
	if (l->st != L_UP)
		return;
	if (sent(l, &e) < 0)
		fail(l, &e);
	else
		watch(l);
}

static int end_frame(struct kr_lane *l, struct kr_err *e)
{
	const uint8_t *body = l->rx + HEAD;
	enum kr_code code = KR_OK;
	int r = kr_lane_frame_body(&l->in, &l->frame, body, &code, e);

	if (r < 0)
		return r;
	switch (l->frame.kind) {
	case KR_LANE_FRAME_DATA:
		r = l->ops->data(l->arg, body, l->frame.n_bytes, e);
		break;
	case KR_LANE_FRAME_END:
		r = l->ops->end(l->arg, e);
		if (r >= 0)
			r = done_if_both_ended(l);
		break;
	case KR_LANE_FRAME_ABORT:
		l->out.ended = true;	/* no abort in answer */
		return kr_fail(e, code, "the peer gave up: %s",
			       kr_code_find(code)->summary);
	case KR_LANE_FRAME_ALIVE:
		break;
	}
	if (r < 0)
		return r;
	l->held = r == KR_LANE_HOLD;
	l->rx_n = 0;
	l->have_head = false;
	return 0;
}

/* One TLS read towards the present frame. Return: > 0 if a frame ended. */
static int receive(struct kr_lane *l, bool *ret_more, struct kr_err *e)
{
	size_t want = HEAD + (l->have_head ? l->frame.n_bytes : 0);
	int r;

	ERR_clear_error();
	r = SSL_read(l->ssl, l->rx + l->rx_n, (int)(want - l->rx_n));
	if (r <= 0) {
		*ret_more = false;
		clock_in(&l->waits_since_ns);
		return kr_lane_tls_outcome(l->ssl, r, &l->want_write, e);
	}
	clock_out(&l->waits_since_ns, &l->waited_ns);
	l->heard_ns = kr_now_ns();
	l->rx_n += (size_t)r;
	if (l->rx_n < want)
		return 0;
	if (!l->have_head) {
		r = kr_lane_frame_head(&l->in, l->rx, &l->frame, e);
		if (r < 0)
			return r;
		l->have_head = true;
		if (l->frame.n_bytes)
			return 0;
	}
	r = end_frame(l, e);
	return r < 0 ? r : 1;
}

/* A write found the connection broken: the reason may lie unread before it,
 * as an alert or an abort, and is then the cause. */
static void last_words(struct kr_lane *l, struct kr_err *e)
{
	struct kr_err found = KR_ERR_NONE;
	bool more = true;
	int r = 0;

	while (r >= 0 && more && !l->held && l->st == L_UP)
		r = receive(l, &more, &found);
	if (r < 0 && found.kr != KR_E_LANE_LOST)
		*e = found;
}

static int receive_some(struct kr_lane *l, struct kr_err *e)
{
	bool more = true;
	int n_frames = 0;

	while (more && l->st == L_UP && !l->held &&
	       n_frames < FRAMES_AT_ONCE) {
		int r = receive(l, &more, e);

		if (r < 0)
			return r;
		n_frames += r;
	}
	/* what TLS has buffered does not wake epoll */
	if (more && l->st == L_UP && !l->held && SSL_has_pending(l->ssl))
		kr_timer_arm(l->loop, &l->again, 0);
	return 0;
}

void kr_lane_resume(struct kr_lane *l)
{
	if (!l->held || l->st != L_UP)
		return;
	l->held = false;
	l->heard_ns = kr_now_ns();
	kr_timer_arm(l->loop, &l->again, 0);
	watch(l);
}

static int shake_hands(struct kr_lane *l, struct kr_err *e)
{
	int r;

	l->want_write = false;
	ERR_clear_error();
	r = SSL_do_handshake(l->ssl);
	if (r != 1)
		return kr_lane_tls_outcome(l->ssl, r, &l->want_write, e);
	r = kr_lane_tls_check(l->ssl, e);
	if (r < 0)
		return r;
	l->st = L_UP;
	l->heard_ns = l->spoke_ns = kr_now_ns();
	l->ops->up(l->arg, SSL_get_version(l->ssl),
		   SSL_get_cipher_name(l->ssl));
	return l->st == L_UP ? sent(l, e) : 0;
}

static int work(struct kr_lane *l, struct kr_err *e)
{
	bool was_busy;
	int r;

	if (l->st == L_HANDSHAKE) {
		r = shake_hands(l, e);
		if (r < 0 || l->st != L_UP)
			return r;
	}
	was_busy = l->tx_n;
	if (was_busy) {
		r = flush(l, e);
		if (!r && !l->tx_n)
			r = sent(l, e);
		if (r < 0)
			return r;
	}
	if (l->st == L_UP && !l->held) {
		r = receive_some(l, e);
		if (r < 0)
			return r;
	}
	if (was_busy && kr_lane_batch(l))
		l->ops->room(l->arg);
	return 0;
}

static void again(void *arg)
{
	struct kr_lane *l = arg;
	struct kr_err e = KR_ERR_NONE;

	if (l->st != L_CLOSED && work(l, &e) < 0)
		fail(l, &e);
	watch(l);
}

static void event(void *arg, uint32_t events)
{
	(void)events;
	again(arg);
}

/* Alive, and how much of the time without anything to do. */
static int report(struct kr_lane *l, uint64_t now, struct kr_err *e)
{
	bool waits = l->waits_since_ns;
	uint64_t permille;

	clock_out(&l->waits_since_ns, &l->waited_ns);
	permille = l->waited_ns * 1000 / (now - l->reported_ns + 1);
	l->waited_ns = 0;
	l->reported_ns = now;
	if (waits)
		clock_in(&l->waits_since_ns);
	return send_small(l, KR_LANE_FRAME_ALIVE, 2,
			  permille < 1000 ? (uint16_t)permille : 1000, e);
}

static int check_life(struct kr_lane *l, struct kr_err *e)
{
	uint64_t now = kr_now_ns();

	if (l->st == L_HANDSHAKE)
		return now - l->heard_ns <= l->stall_ns ? 0 :
			kr_fail(e, KR_E_LANE_STALLED, "no TLS handshake");
	if (!l->held && !l->in.ended && now - l->heard_ns > l->stall_ns)
		return kr_fail(e, KR_E_LANE_STALLED,
			       "nothing authentic for %llu ms",
			       (unsigned long long)(l->stall_ns / NS_PER_MS));
	/* the peer's signs of life have ended: its reading is the last one */
	if (l->tx_n && l->in.ended && now - l->spoke_ns > l->stall_ns)
		return kr_fail(e, KR_E_LANE_STALLED,
			       "the peer takes nothing");
	if (kr_lane_batch(l) &&
	    (now - l->spoke_ns >= l->alive_ms * NS_PER_MS ||
	     l->heard_ns > l->reported_ns))
		return report(l, now, e);
	return 0;
}

static void tick(void *arg)
{
	struct kr_lane *l = arg;
	struct kr_err e = KR_ERR_NONE;

	kr_timer_arm(l->loop, &l->tick, l->tick_ms);
	if (check_life(l, &e) < 0)
		fail(l, &e);
	else
		watch(l);
}

/* The kernel sizes the send buffer by itself; only what is not even on its
 * way is bounded, since at the freeze it is all in front of the last byte. */
static void tune(int fd)
{
	int on = 1, unsent = UNSENT_BYTES;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
		   sizeof(unsent));
}

int kr_lane_new(struct kr_loop *loop, int fd, const struct kr_lane_cfg *cfg,
		const uint8_t psk[KR_LANE_PSK_BYTES],
		const struct kr_lane_ops *ops, void *arg,
		struct kr_lane **ret_lane, struct kr_err *e)
{
	struct kr_lane *l = calloc(1, sizeof(*l));
	const char *suite = cfg->suite && cfg->suite[0] ? cfg->suite :
							  KR_LANE_SUITE;
	int r;

	if (!l) {
		kr_fd_close(&fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	l->fd = fd;
	l->loop = loop;
	l->ops = ops;
	l->arg = arg;
	l->stall_ns = cfg->stall_ms * NS_PER_MS;
	l->alive_ms = cfg->stall_ms / 4 < KR_LANE_ALIVE_MS ?
			      cfg->stall_ms / 4 : KR_LANE_ALIVE_MS;
	l->tick_ms = l->alive_ms / 2 < KR_LANE_REPORT_MS ?
			     l->alive_ms / 2 + 1 : KR_LANE_REPORT_MS;
	l->rekey_bytes = cfg->rekey_bytes ?: KR_LANE_REKEY_BYTES;
	l->out.dir = cfg->server ? KR_LANE_FRAME_BACKWARD :
				   KR_LANE_FRAME_FORWARD;
	l->in.dir = cfg->server ? KR_LANE_FRAME_FORWARD :
				  KR_LANE_FRAME_BACKWARD;
	l->heard_ns = l->reported_ns = kr_now_ns();
	l->io = (struct kr_io){ .fd = fd, .fn = event, .arg = l };
	l->tick = (struct kr_timer){ .fn = tick, .arg = l };
	l->again = (struct kr_timer){ .fn = again, .arg = l };
	l->tx = malloc(BUFFER);
	l->rx = malloc(BUFFER);
	r = l->tx && l->rx ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");
	if (!r)
		r = kr_lane_tls_new(fd, cfg->server, suite, psk, &l->ssl, e);
	if (!r && cfg->padding_bytes > 1 &&
	    SSL_set_block_padding(l->ssl, cfg->padding_bytes) != 1)
		r = kr_fail(e, KR_E_CRYPTO, "TLS does not pad records");
	if (!r) {
		tune(fd);
		r = kr_io_add(loop, &l->io, EPOLLIN, e);
	}
	if (r < 0) {
		kr_lane_free(l);
		return r;
	}
	l->watched = EPOLLIN;
	kr_timer_arm(loop, &l->again, 0);
	kr_timer_arm(loop, &l->tick, l->tick_ms);
	*ret_lane = l;
	return 0;
}

void kr_lane_free(struct kr_lane *l)
{
	if (!l)
		return;
	if (l->st != L_CLOSED)
		close_lane(l);
	kr_lane_tls_free(l->ssl);
	free(l->tx);
	free(l->rx);
	free(l);
}

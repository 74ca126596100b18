/* SPDX-License-Identifier: Apache-2.0 */
/* chan.c - kororad-to-agent messages. Runs at both ends. */
#include "base/chan.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"

int kr_chan_pair(int ret_fds[2], struct kr_err *e)
{
	int size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds))
		return kr_fail(e, KR_E_SYSTEM, "socketpair: %s",
			       strerror(errno));
	for (int i = 0; i < 2; i++)
		setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof(size));
	return 0;
}

static const struct kr_grant *find(const struct kr_chan *c, uint16_t type)
{
	for (unsigned int i = 0; i < c->n_grants; i++)
		if (c->grants[i].type == type)
			return &c->grants[i];
	return NULL;
}

static void end(struct kr_chan *c, const struct kr_err *e)
{
	kr_chan_close(c);
	if (c->gone)
		c->gone(c->arg, e);
}

static void close_all(const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

/* Collect passed descriptors, KR_CHAN_FDS_MAX at most. */
static unsigned int collect_fds(struct msghdr *m, int *fds)
{
	unsigned int n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t k;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		k = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < k; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int),
			       sizeof(int));
			if (n < KR_CHAN_FDS_MAX)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static int dispatch(struct kr_chan *c, uint8_t *buf, size_t n, int *fds,
		    unsigned int n_fds, struct kr_err *e)
{
	struct kr_rd r = KR_RD(buf, n);
	uint16_t type = kr_rd_u16(&r);
	const struct kr_grant *g = r.bad ? NULL : find(c, type);

	if (!g || kr_rd_left(&r) > g->max_bytes || n_fds > g->n_fds_max) {
		close_all(fds, n_fds);
		return kr_fail(e, KR_E_AGENT_SPOKE,
			       "message type %u, %zu bytes, %u fds", type, n,
			       n_fds);
	}
	return g->fn(c->arg, &r, fds, n_fds, e);
}

static void readable(void *arg, uint32_t events)
{
	static uint8_t buf[KR_CHAN_BYTES_MAX];
	struct kr_chan *c = arg;
	int fds[KR_CHAN_FDS_MAX];
	union {
		struct cmsghdr align;
		char	       room[CMSG_SPACE(sizeof(fds))];
	} ctl;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl) };
	struct kr_err e = KR_ERR_NONE;
	ssize_t n = recvmsg(c->io.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned int n_fds;

	(void)events;
	/* That it ended with something of ours unread comes before its own last
	 * words: see unix_release_sock() and sock_error() in Linux. */
	if (n < 0 && errno == ECONNRESET)
		n = recvmsg(c->io.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		kr_fail(&e, KR_E_AGENT_DIED, "channel closed");
		end(c, &e);
		return;
	}
	n_fds = collect_fds(&m, fds);
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		close_all(fds, n_fds);
		kr_fail(&e, KR_E_AGENT_SPOKE, "oversized message");
		end(c, &e);
		return;
	}
	if (dispatch(c, buf, (size_t)n, fds, n_fds, &e) < 0)
		end(c, &e);
	kr_wipe(buf, (size_t)n);	/* some carry keys */
}

int kr_chan_open(struct kr_loop *l, struct kr_chan *c, int fd,
		 struct kr_err *e)
{
	c->io = (struct kr_io){ .fd = fd, .fn = readable, .arg = c };
	return kr_io_add(l, &c->io, EPOLLIN, e);
}

int kr_chan_send(struct kr_chan *c, uint16_t type, const void *body,
		 size_t n_bytes, const int *fds, unsigned int n_fds,
		 struct kr_err *e)
{
	uint8_t head[2] = { (uint8_t)(type >> 8), (uint8_t)type };
	union {
		struct cmsghdr align;
		char	       room[CMSG_SPACE(sizeof(int) * KR_CHAN_FDS_MAX)];
	} ctl = { 0 };
	struct iovec iov[2] = { { head, 2 }, { (void *)(uintptr_t)body,
					       n_bytes } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n_bytes ? 2 : 1 };

	if (c->io.fd < 0 || !c->io.loop)
		return kr_fail(e, KR_E_AGENT_DIED, "channel is closed");
	if (n_bytes + 2 > KR_CHAN_BYTES_MAX || n_fds > KR_CHAN_FDS_MAX)
		return kr_fail(e, KR_E_LIMIT, "message of %zu bytes", n_bytes);
	if (n_fds) {
		struct cmsghdr *h;

		m.msg_control = &ctl;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(h), fds, sizeof(int) * n_fds);
	}
	if (sendmsg(c->io.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return kr_fail(e, errno == EAGAIN ? KR_E_LIMIT :
			       KR_E_AGENT_DIED, "send: %s", strerror(errno));
	return 0;
}

int kr_chan_put(struct kr_chan *c, uint16_t type, const struct kr_wr *w,
		struct kr_err *e)
{
	return kr_chan_put_fds(c, type, w, NULL, 0, e);
}

int kr_chan_put_fds(struct kr_chan *c, uint16_t type, const struct kr_wr *w,
		    const int *fds, unsigned int n_fds, struct kr_err *e)
{
	if (w && w->bad)
		return kr_fail(e, KR_E_LIMIT, "message %u too long", type);
	return kr_chan_send(c, type, w ? w->start : NULL,
			    w ? kr_wr_len(w) : 0, fds, n_fds, e);
}

void kr_chan_close(struct kr_chan *c)
{
	if (!c->io.loop)
		return;
	kr_io_del(&c->io);
	kr_fd_close(&c->io.fd);
}

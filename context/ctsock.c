/* SPDX-License-Identifier: Apache-2.0 */
/* ctsock.c - see ctsock.h. */
#include "context/ctsock.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define RCVBUF_BYTES	(16 << 20)	/* a burst of 60,000 events */

int kr_ctsock_fail(struct kr_err *e, const char *what)
{
	return kr_fail(e, KR_E_CT_KERNEL, "%s: %s", what, strerror(errno));
}

int kr_ctsock_open(struct kr_ctsock *s, unsigned int groups, struct kr_err *e)
{
	int on = 1, bytes = RCVBUF_BYTES;

	*s = (struct kr_ctsock){
		.nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC) };
	if (!s->nl || mnl_socket_bind(s->nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		kr_ctsock_fail(e, "netlink");
		kr_ctsock_close(s);
		return -EIO;
	}
	s->port = mnl_socket_get_portid(s->nl);
	/* answers without what they are answers to; a larger queue if we may;
	 * events that do not fit are told of */
	mnl_socket_setsockopt(s->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s->nl, NETLINK_BROADCAST_ERROR, &on, sizeof(on));
	if (setsockopt(mnl_socket_get_fd(s->nl), SOL_SOCKET, SO_RCVBUFFORCE,
		       &bytes, sizeof(bytes)))
		setsockopt(mnl_socket_get_fd(s->nl), SOL_SOCKET, SO_RCVBUF,
			   &bytes, sizeof(bytes));
	return 0;
}

int kr_ctsock_dump(struct kr_ctsock *s, const struct nlmsghdr *m, mnl_cb_t fn,
		   void *arg, struct kr_err *e)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];
	int r;

	s->seq++;
	if (mnl_socket_sendto(s->nl, m, m->nlmsg_len) < 0)
		return kr_ctsock_fail(e, "asking for connections");
	do {
		ssize_t n = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));

		if (n < 0)
			return kr_ctsock_fail(e, "reading connections");
		r = mnl_cb_run(buf, (size_t)n, s->seq, s->port, fn, arg);
	} while (r > 0);
	if (r < 0 && e->code)
		return e->code;
	if (r < 0 && errno == EINTR)
		return KR_CTSOCK_AGAIN;
	if (r < 0 && errno == ENOENT)
		return KR_CTSOCK_NONE;
	return r < 0 ? kr_ctsock_fail(e, "reading connections") : 0;
}

void kr_ctsock_close(struct kr_ctsock *s)
{
	if (s->nl)
		mnl_socket_close(s->nl);
	s->nl = NULL;
}

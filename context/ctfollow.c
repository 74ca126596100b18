/* SPDX-License-Identifier: Apache-2.0 */
/* ctfollow.c - see ctdump.h: following a zone. In the process that does. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <poll.h>
#include <string.h>

#include "base/fd.h"
#include "context/ctattr.h"
#include "context/ctdump.h"

#define SYSCTL	"/proc/sys/net/netfilter/nf_conntrack_events"
#define GROUPS	(1u << (NFNLGRP_CONNTRACK_NEW - 1) | \
		 1u << (NFNLGRP_CONNTRACK_UPDATE - 1) | \
		 1u << (NFNLGRP_CONNTRACK_DESTROY - 1) | \
		 1u << (NFNLGRP_CONNTRACK_EXP_NEW - 1) | \
		 1u << (NFNLGRP_CONNTRACK_EXP_DESTROY - 1))
#define CHECK_MS	1000u		/* that events are still on */

static int events_on(struct kr_err *e)
{
	KR_AUTOFREE char *text = NULL;

	if (kr_read_file(SYSCTL, 16, &text, NULL))
		return kr_fail(e, KR_E_CT_EVENTS, "there is no " SYSCTL);
	if (strcmp(text, "1\n"))
		return kr_fail(e, KR_E_CT_EVENTS, SYSCTL " is %.*s, not 1",
			       (int)strcspn(text, "\n"), text);
	return 0;
}

int kr_ctfollow_open(struct kr_ctfollow *f, struct kr_err *e)
{
	int r = kr_ctsock_open(&f->sock, GROUPS, e);

	if (!r)
		r = events_on(e);
	if (r)
		kr_ctsock_close(&f->sock);
	return r;
}

static int take(const struct nlmsghdr *m, void *arg)
{
	struct kr_ctfollow *f = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_ctentry c;
	int r;
	bool gone = (m->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE;

	if (m->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP) {
		f->fn(f->arg, KR_CTEVENT_EXPECT, NULL);
		return MNL_CB_OK;
	}
	r = kr_ctattr_parse(m, m->nlmsg_len, &c, &why);
	if (c.zone != f->zone)
		return MNL_CB_OK;
	if (r)
		f->left->fn(f->left->arg, &why);
	else
		f->fn(f->arg, gone ? KR_CTEVENT_END :
			      m->nlmsg_flags & NLM_F_CREATE ? KR_CTEVENT_NEW :
							      KR_CTEVENT_UPDATE,
		      &c);
	return MNL_CB_OK;
}

static int read_events(struct kr_ctfollow *f, struct kr_err *e)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];
	ssize_t n = mnl_socket_recvfrom(f->sock.nl, buf, sizeof(buf));

	if (n < 0 && errno == ENOBUFS)
		return KR_CTFOLLOW_LOST;
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 || mnl_cb_run(buf, (size_t)n, 0, 0, take, f) < 0)
		return kr_ctsock_fail(e, "following connections");
	return 0;
}

/* Once a second: without events all is quiet. */
static int check(struct kr_ctfollow *f, struct kr_err *e)
{
	uint64_t now_ms = kr_now_ns() / 1000000;

	if (now_ms - f->checked_ms < CHECK_MS)
		return 0;
	f->checked_ms = now_ms;
	return events_on(e);
}

int kr_ctfollow_wait(struct kr_ctfollow *f, int timeout_ms, struct kr_err *e)
{
	struct pollfd p = { mnl_socket_get_fd(f->sock.nl), POLLIN, 0 };
	int n, r;

	do {
		n = poll(&p, 1, timeout_ms < 0 ? (int)CHECK_MS : timeout_ms);
		r = n < 0 && errno != EINTR ?
			    kr_ctsock_fail(e, "following connections") :
			    check(f, e);
		if (r)
			return r;
	} while (!n && timeout_ms < 0);
	return n > 0 ? read_events(f, e) : KR_CTFOLLOW_NONE;
}

void kr_ctfollow_close(struct kr_ctfollow *f)
{
	kr_ctsock_close(&f->sock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ctfollow.c - see ctdump.h: following a zone. In the process that does. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "base/fd.h"
#include "context/ctattr.h"
#include "context/ctdump.h"

#define SYSCTL	"/proc/sys/net/netfilter/nf_conntrack_events"
#define GROUPS	(1u << (NFNLGRP_CONNTRACK_NEW - 1) | \
		 1u << (NFNLGRP_CONNTRACK_UPDATE - 1) | \
		 1u << (NFNLGRP_CONNTRACK_DESTROY - 1))

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
	int r = kr_ctattr_parse(m, m->nlmsg_len, &c, &why);
	bool gone = (m->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE;

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

int kr_ctfollow_wait(struct kr_ctfollow *f, struct kr_err *e)
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

void kr_ctfollow_close(struct kr_ctfollow *f)
{
	kr_ctsock_close(&f->sock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ctdump.c - see ctdump.h: reading a zone. In the process that exports. */
#include "context/ctdump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "context/ctattr.h"

#define TRIES	5u			/* if it says it is inconsistent */

struct dump {
	struct kr_ctset *set;
	const struct kr_ctleft *left;
	struct kr_err *e;
};

static int take(const struct nlmsghdr *m, void *arg)
{
	struct dump *d = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_ctentry c;
	int r = kr_ctattr_parse(m, m->nlmsg_len, &c, &why);

	/* of this zone as well, as the kernel was asked for no other */
	if (r) {
		d->left->fn(d->left->arg, &why);
		return MNL_CB_OK;
	}
	/* but an old one knows no filter by zone */
	if (c.zone != d->set->zone)
		return MNL_CB_OK;
	return kr_ctset_add(d->set, &c, d->e) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int ask(struct kr_ctsock *s, uint16_t zone, struct kr_err *e)
{
	_Alignas(struct nlmsghdr) char buf[128];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));

	m->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m->nlmsg_seq = ++s->seq;
	*g = (struct nfgenmsg){ .version = NFNETLINK_V0 };
	mnl_attr_put_u16(m, CTA_ZONE, htons(zone));
	if (mnl_socket_sendto(s->nl, m, m->nlmsg_len) < 0)
		return kr_ctsock_fail(e, "asking for connections");
	return 0;
}

#define AGAIN	1

static int once(struct kr_ctsock *s, struct dump *d)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];
	int r = ask(s, d->set->zone, d->e);
	ssize_t n;

	if (r)
		return r;
	do {
		n = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));
		if (n < 0)
			return kr_ctsock_fail(d->e, "reading connections");
		r = mnl_cb_run(buf, (size_t)n, s->seq, s->port, take, d);
	} while (r > 0);
	if (r < 0 && d->e->code)
		return d->e->code;
	if (r < 0 && errno == EINTR)
		return AGAIN;
	return r < 0 ? kr_ctsock_fail(d->e, "reading connections") : 0;
}

int kr_ctdump(uint16_t zone, struct kr_ctset *ret_s,
	      const struct kr_ctleft *left, struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	struct dump d = { ret_s, left, e ? e : &own };
	int r = AGAIN;

	ret_s->zone = zone;
	for (unsigned int i = 0; r == AGAIN && i < TRIES; i++) {
		/* another socket: the rest of a dump may wait in that one */
		struct kr_ctsock s;

		ret_s->n = 0;
		r = kr_ctsock_open(&s, 0, d.e);
		if (r)
			return r;
		r = once(&s, &d);
		kr_ctsock_close(&s);
	}
	if (r == AGAIN)
		return kr_fail(d.e, KR_E_CT_KERNEL, "connections change too "
						    "quickly to be read");
	if (!r)
		kr_ctset_sort(ret_s);
	return r;
}

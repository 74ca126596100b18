/* SPDX-License-Identifier: Apache-2.0 */
/* ctdump.c - see ctdump.h: reading a zone. In the process that exports. */
#include "context/ctdump.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "context/ctattr.h"
#include "context/ctexpattr.h"
#include "context/ctnest.h"

#define TRIES	5u			/* if it says it is inconsistent */

struct dump {
	struct kr_ctsock sock;
	struct kr_ctset *set;
	const struct kr_ctset *of;	/* masters are looked for in it */
	struct kr_ctset masters;	/* that have expectations, any zone's */
	const struct kr_ctentry *master;	/* whose are being read */
	const struct kr_ctleft *left;
	struct kr_err *e;
};

/* ---- connections ------------------------------------------------------- */

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

static int entries(struct dump *d)
{
	_Alignas(struct nlmsghdr) char buf[128];
	struct nlmsghdr *m = kr_ctnest_put_msg(buf,
		NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP,
		d->sock.seq + 1, AF_UNSPEC);

	mnl_attr_put_u16(m, CTA_ZONE, htons(d->set->zone));
	return kr_ctsock_dump(&d->sock, m, take, d, d->e);
}

/* ---- what is expected -------------------------------------------------- */

/* In which zone is not said: it may be a master in each way. */
static int take_master(const struct nlmsghdr *m, void *arg)
{
	struct dump *d = arg;
	struct kr_ctexpect x;

	kr_ctexpattr_parse(m, m->nlmsg_len, &x, NULL);
	x.zone = d->of->zone;
	for (x.zone_dirs = x.zone ? KR_CT_ZONE_ORIG : KR_CT_ZONE_BOTH;
	     x.zone_dirs <= KR_CT_ZONE_BOTH; x.zone_dirs++) {
		struct kr_ctentry key = kr_ctexpect_master(&x);

		if (x.family && kr_ctset_find(d->of, &key) &&
		    kr_ctset_add(&d->masters, &key, d->e))
			return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int take_expect(const struct nlmsghdr *m, void *arg)
{
	struct dump *d = arg;
	struct kr_err why = KR_ERR_NONE;
	struct kr_ctexpect x;

	if (kr_ctexpattr_parse(m, m->nlmsg_len, &x, &why)) {
		d->left->fn(d->left->arg, &why);
		return MNL_CB_OK;
	}
	x.zone = d->master->zone;
	x.zone_dirs = d->master->zone_dirs;
	return kr_ctset_expect(d->set, &x, d->e) ? MNL_CB_ERROR : MNL_CB_OK;
}

/* First who has any, then theirs, by their zone. */
static int expects(struct dump *d)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTEXPATTR_BYTES_MAX];
	int r;

	d->set->n_expects = d->masters.n = 0;
	r = kr_ctsock_dump(&d->sock,
			   kr_ctexpattr_ask(buf, NULL, d->sock.seq + 1),
			   take_master, d, d->e);

	kr_ctset_sort(&d->masters);
	for (size_t i = 0; !r && i < d->masters.n; i++) {
		d->master = &d->masters.v[i];
		r = kr_ctsock_dump(&d->sock,
				   kr_ctexpattr_ask(buf, d->master,
						    d->sock.seq + 1),
				   take_expect, d, d->e);
		/* it ended meanwhile */
		if (r == KR_CTSOCK_NONE)
			r = 0;
	}
	return r;
}

static int all(struct dump *d)
{
	int r;

	d->set->n = 0;
	r = entries(d);
	kr_ctset_sort(d->set);
	return r ? r : expects(d);
}

static int dump(struct dump *d, int (*once)(struct dump *))
{
	int r = KR_CTSOCK_AGAIN;

	for (unsigned int i = 0; r == KR_CTSOCK_AGAIN && i < TRIES; i++) {
		r = kr_ctsock_open(&d->sock, 0, d->e);
		if (!r)
			r = once(d);
		kr_ctsock_close(&d->sock);
	}
	kr_ctset_sort(d->set);
	kr_ctset_fini(&d->masters);
	if (r > 0)
		return kr_fail(d->e, KR_E_CT_KERNEL, "connections change too "
						     "quickly to be read");
	return r;
}

int kr_ctdump(uint16_t zone, struct kr_ctset *ret_s,
	      const struct kr_ctleft *left, struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	struct dump d = { .set = ret_s, .of = ret_s, .left = left,
			  .e = e ? e : &own };

	ret_s->zone = zone;
	return dump(&d, all);
}

int kr_ctdump_expects(const struct kr_ctset *of, struct kr_ctset *ret_s,
		      const struct kr_ctleft *left, struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	struct dump d = { .set = ret_s, .of = of, .left = left,
			  .e = e ? e : &own };

	ret_s->zone = of->zone;
	return dump(&d, expects);
}

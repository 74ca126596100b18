/* SPDX-License-Identifier: Apache-2.0 */
/* ctload.c - see ctload.h. In the process that imports. */
#include "context/ctload.h"

#include <errno.h>
#include <string.h>

#include "context/ctattr.h"

#define BATCH	64u			/* messages sent together */

struct batch {
	struct kr_ctsock sock;
	enum kr_ctattr	 what;
	const struct kr_ctleft *left;
	uint32_t	 first_seq;
	unsigned int	 n, n_answered;
	size_t		 n_bytes;
	const struct kr_ctentry *of[BATCH];
	_Alignas(struct nlmsghdr) char buf[BATCH * KR_CTATTR_BYTES_MAX];
};

static const char *reason(int err)
{
	switch (err) {
	case EEXIST:
		return "there is such a connection already, or one that has "
		       "its translated address and port";
	case EOPNOTSUPP:
		return "this kernel has not its helper, or not its protocol";
	case ENOENT:
		return "the connection it belongs to is not there";
	case ENOMEM:
		return "the table is full";
	default:
		return strerror(err);
	}
}

static void refused(struct batch *b, const struct kr_ctentry *c, int err)
{
	char name[KR_CTENTRY_NAME_BYTES];
	struct kr_err why = KR_ERR_NONE;

	kr_fail(&why, KR_E_CT_INSERT, "%s: %s",
		kr_cttuple_name(c->family, &c->orig, name), reason(err));
	b->left->fn(b->left->arg, &why);
}

/* Answers are read here, not by mnl_cb_run(), which ends at the first error. */
static void answer(struct batch *b, const struct nlmsghdr *m)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(m);
	uint32_t i = m->nlmsg_seq - b->first_seq;

	if (m->nlmsg_type != NLMSG_ERROR || i >= b->n ||
	    mnl_nlmsg_get_payload_len(m) < sizeof(*err))
		return;
	b->n_answered++;
	if (err->error &&
	    (b->what == KR_CTATTR_CREATE || err->error != -ENOENT))
		refused(b, b->of[i], -err->error);
}

static int flush(struct batch *b, struct kr_err *e)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];

	if (b->n && mnl_socket_sendto(b->sock.nl, b->buf, b->n_bytes) < 0)
		return kr_ctsock_fail(e, "telling of connections");
	while (b->n_answered < b->n) {
		ssize_t got = mnl_socket_recvfrom(b->sock.nl, buf, sizeof(buf));
		const struct nlmsghdr *m = (void *)buf;
		int left = (int)got;

		if (got < 0)
			return kr_ctsock_fail(e, "telling of connections");
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			answer(b, m);
	}
	b->first_seq += b->n;
	b->n = b->n_answered = 0;
	b->n_bytes = 0;
	return 0;
}

static int add(struct batch *b, const struct kr_ctentry *c, struct kr_err *e)
{
	struct nlmsghdr *m = kr_ctattr_put(b->buf + b->n_bytes, b->what, c,
					   NLM_F_ACK, b->first_seq + b->n);

	b->n_bytes += MNL_ALIGN(m->nlmsg_len);
	b->of[b->n++] = c;
	return b->n == BATCH ? flush(b, e) : 0;
}

static bool wanted(enum kr_ctattr what, const struct kr_ctentry *c)
{
	return what != KR_CTATTR_STRICT ||
	       (c->tcp.there && !(c->tcp.flags[0] & c->tcp.flags[1] &
				  KR_CT_TCP_LIBERAL));
}

/* First those without a master, so that masters are there. */
static int all(const struct kr_ctset *s, enum kr_ctattr what,
	       const struct kr_ctleft *left, struct kr_err *e)
{
	struct batch b = { .what = what, .left = left, .first_seq = 1 };
	int r = kr_ctsock_open(&b.sock, 0, e);

	for (uint32_t pass = 0; !r && pass <= KR_CT_EXPECTED; pass++) {
		for (size_t i = 0; !r && i < s->n; i++)
			if ((s->v[i].status & KR_CT_EXPECTED) == pass &&
			    wanted(what, &s->v[i]))
				r = add(&b, &s->v[i], e);
		if (!r)
			r = flush(&b, e);
	}
	kr_ctsock_close(&b.sock);
	return r;
}

int kr_ctload_insert(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	return all(s, KR_CTATTR_CREATE, left, e);
}

int kr_ctload_strict(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	return all(s, KR_CTATTR_STRICT, left, e);
}

int kr_ctload_delete(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	return all(s, KR_CTATTR_DELETE, left, e);
}

static const char *otherwise(const struct kr_ctentry *was,
			     const struct kr_ctentry *is)
{
	if (!kr_cttuple_same(&was->reply, &is->reply))
		return "it is translated otherwise";
	if (memcmp(was->labels, is->labels, sizeof(was->labels)))
		return "its labels differ; no rule here has labels, or it "
		       "changed them";
	if (strcmp(was->helper, is->helper))
		return "its helper is missing";
	return NULL;
}

int kr_ctload_check(const struct kr_ctset *s, const struct kr_ctleft *left,
		    struct kr_err *e)
{
	struct kr_ctset now = { 0 };
	int r = kr_ctdump(s->zone, &now, left, e);

	for (size_t i = 0; !r && i < s->n; i++) {
		const struct kr_ctentry *is = kr_ctset_find(&now, &s->v[i]);
		const char *what = is ? otherwise(&s->v[i], is) : NULL;
		char name[KR_CTENTRY_NAME_BYTES];
		struct kr_err why = KR_ERR_NONE;

		if (!what)
			continue;
		kr_fail(&why, KR_E_CT_OTHER, "%s: %s",
			kr_cttuple_name(is->family, &is->orig, name), what);
		left->fn(left->arg, &why);
	}
	kr_ctset_fini(&now);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ctload.c - see ctload.h. In the process that imports. */
#include "context/ctload.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "context/ctattr.h"
#include "context/ctexpattr.h"

#define BATCH		512u		/* messages sent together, */
#define BATCH_BYTES	(128u << 10)	/* and how long they are */
#define DEPTH_MAX	4u		/* of masters that have masters */

/* What is told of: one of both. */
struct told { const struct kr_ctentry *c; const struct kr_ctexpect *x; };

struct batch {
	struct kr_ctsock sock;
	const struct kr_ctleft *left;
	bool		 may_be_gone;	/* what is not there is passed over */
	bool		 may_be_there;	/* what is, is put aside */
	struct kr_ctset	 there;
	struct kr_err	*e;		/* why it could not be put aside */
	uint32_t	 first_seq;
	unsigned int	 n;
	size_t		 n_bytes;
	struct nlmsghdr *last;
	struct told	 of[BATCH];
	_Alignas(struct nlmsghdr) char buf[BATCH_BYTES];
};

static_assert(KR_CTEXPATTR_BYTES_MAX <= KR_CTATTR_BYTES_MAX,
	      "room is looked for as for connections");

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
	case EINVAL:
		return "this kernel does not know something that it has";
	case ENOMEM:
		return "the table is full";
	default:
		return strerror(err);
	}
}

static void refused(struct batch *b, const struct told *t, int err)
{
	char name[KR_CTEXPECT_NAME_BYTES];
	struct kr_err why = KR_ERR_NONE;

	kr_fail(&why, KR_E_CT_INSERT, "%s: %s", t->x ?
		kr_ctexpect_name(t->x, name) :
		kr_cttuple_name(t->c->family, &t->c->orig, name), reason(err));
	b->left->fn(b->left->arg, &why);
}

/* An expectation that is there already is as it should be. */
static void put_aside(struct batch *b, const struct told *t)
{
	if (t->c)
		kr_ctset_add(&b->there, t->c, b->e);
}

/* Answers are read here, not by mnl_cb_run(), which ends at the first error.
 * Return: was it the last? */
static bool answer(struct batch *b, const struct nlmsghdr *m)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(m);
	uint32_t i = m->nlmsg_seq - b->first_seq;

	if (m->nlmsg_type != NLMSG_ERROR || i >= b->n ||
	    mnl_nlmsg_get_payload_len(m) < sizeof(*err))
		return false;
	if (err->error == -EEXIST && b->may_be_there)
		put_aside(b, &b->of[i]);
	else if (err->error && (!b->may_be_gone || err->error != -ENOENT))
		refused(b, &b->of[i], -err->error);
	return i == b->n - 1;
}

/* The kernel does all of them in their order, and says of the last that it
 * did; of others it speaks if it refuses them. */
static int flush(struct batch *b, struct kr_err *e)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];
	bool done = !b->n;

	if (b->n)
		b->last->nlmsg_flags |= NLM_F_ACK;
	if (b->n && mnl_socket_sendto(b->sock.nl, b->buf, b->n_bytes) < 0)
		return kr_ctsock_fail(e, "telling of connections");
	while (!done) {
		ssize_t got = mnl_socket_recvfrom(b->sock.nl, buf, sizeof(buf));
		const struct nlmsghdr *m = (void *)buf;
		int left = (int)got;

		if (got < 0)
			return kr_ctsock_fail(e, "telling of connections");
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			done |= answer(b, m);
	}
	b->first_seq += b->n;
	b->n = 0;
	b->n_bytes = 0;
	return 0;
}

/* Where the next message goes to. */
static void *next(struct batch *b)
{
	return b->buf + b->n_bytes;
}

static int add(struct batch *b, struct nlmsghdr *m, struct told of,
	       struct kr_err *e)
{
	b->n_bytes += MNL_ALIGN(m->nlmsg_len);
	b->last = m;
	b->of[b->n++] = of;
	return b->n == BATCH || b->n_bytes > BATCH_BYTES - KR_CTATTR_BYTES_MAX ?
		       flush(b, e) : 0;
}

static int add_entry(struct batch *b, enum kr_ctattr what,
		     const struct kr_ctentry *c, struct kr_err *e)
{
	return add(b, kr_ctattr_put(next(b), what, c, 0, b->first_seq + b->n),
		   (struct told){ .c = c }, e);
}

static int add_expects(struct batch *b, enum kr_ctexpattr what,
		       const struct kr_ctset *s, struct kr_err *e)
{
	int r = 0;

	b->may_be_gone = what != KR_CTEXPATTR_CREATE;
	for (size_t i = 0; !r && i < s->n_expects; i++)
		r = add(b, kr_ctexpattr_put(next(b), what, &s->expects[i], 0,
					    b->first_seq + b->n),
			(struct told){ .x = &s->expects[i] }, e);
	return r ? r : flush(b, e);
}

/* How many masters are to be there before it. */
static unsigned int depth(const struct kr_ctset *s, const struct kr_ctentry *c)
{
	unsigned int n = 0;

	while (c && c->status & KR_CT_EXPECTED && n < DEPTH_MAX) {
		struct kr_ctentry key = { .family = c->family, .zone = c->zone,
					  .zone_dirs = c->zone_dirs,
					  .orig = c->master };

		c = kr_ctset_find(s, &key);
		n++;
	}
	return n;
}

static int create(struct batch *b, const struct kr_ctset *s, struct kr_err *e)
{
	int r = 0;

	for (unsigned int pass = 0; !r && pass <= DEPTH_MAX; pass++) {
		for (size_t i = 0; !r && i < s->n; i++)
			if (depth(s, &s->v[i]) == pass)
				r = add_entry(b, KR_CTATTR_CREATE, &s->v[i],
					      e);
		if (!r)
			r = flush(b, e);
	}
	return r;
}

static int expect(struct batch *b, const struct kr_ctset *s, struct kr_err *e)
{
	int r = add_expects(b, KR_CTEXPATTR_CREATE, s, e);

	return r ? r : add_expects(b, KR_CTEXPATTR_RENEW, s, e);
}

int kr_ctload_insert(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	struct batch b = { .left = left, .first_seq = 1 };
	int r = kr_ctsock_open(&b.sock, 0, e);

	if (!r)
		r = create(&b, s, e);
	if (!r)
		r = expect(&b, s, e);
	kr_ctsock_close(&b.sock);
	return r;
}

static bool any(const struct kr_ctentry *c)
{
	return c->family;
}

/* Something done to those that are there. */
static int change(struct batch *b, const struct kr_ctset *s,
		  enum kr_ctattr what,
		  bool (*wanted)(const struct kr_ctentry *), struct kr_err *e)
{
	int r = 0;

	b->may_be_gone = true;
	for (size_t i = 0; !r && i < s->n; i++)
		if (wanted(&s->v[i]))
			r = add_entry(b, what, &s->v[i], e);
	return r ? r : flush(b, e);
}

int kr_ctload_update(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	struct batch b = { .left = left, .first_seq = 1, .may_be_there = true,
			   .e = e ? e : &own };
	int r = kr_ctsock_open(&b.sock, 0, e);

	if (!r)
		r = create(&b, s, e);
	if (!r)
		r = b.e->code;
	if (!r)
		r = change(&b, &b.there, KR_CTATTR_UPDATE, any, e);
	if (!r)
		r = expect(&b, s, e);
	kr_ctset_fini(&b.there);
	kr_ctsock_close(&b.sock);
	return r;
}

static bool was_strict(const struct kr_ctentry *c)
{
	return c->tcp.there && !(c->tcp.flags[0] & c->tcp.flags[1] &
				 KR_CT_TCP_LIBERAL);
}

int kr_ctload_strict(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	struct batch b = { .left = left, .first_seq = 1 };
	int r = kr_ctsock_open(&b.sock, 0, e);

	if (!r)
		r = change(&b, s, KR_CTATTR_STRICT, was_strict, e);
	kr_ctsock_close(&b.sock);
	return r;
}

int kr_ctload_delete(const struct kr_ctset *s, const struct kr_ctleft *left,
		     struct kr_err *e)
{
	struct batch b = { .left = left, .first_seq = 1 };
	int r = kr_ctsock_open(&b.sock, 0, e);

	if (!r)
		r = add_expects(&b, KR_CTEXPATTR_DELETE, s, e);
	if (!r)
		r = change(&b, s, KR_CTATTR_DELETE, any, e);
	kr_ctsock_close(&b.sock);
	return r;
}

/* ---- looked after ------------------------------------------------------ */

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

static void tell_other(const struct kr_ctleft *left, const char *name,
		       const char *what)
{
	struct kr_err why = KR_ERR_NONE;

	kr_fail(&why, KR_E_CT_OTHER, "%s: %s", name, what);
	left->fn(left->arg, &why);
}

int kr_ctload_check(const struct kr_ctset *s, const struct kr_ctleft *left,
		    struct kr_err *e)
{
	struct kr_ctset now = { 0 };
	int r = kr_ctdump(s->zone, &now, left, e);
	char name[KR_CTEXPECT_NAME_BYTES];

	for (size_t i = 0; !r && i < s->n; i++) {
		const struct kr_ctentry *is = kr_ctset_find(&now, &s->v[i]);
		const char *what = is ? otherwise(&s->v[i], is) : NULL;

		if (what)
			tell_other(left, kr_cttuple_name(is->family, &is->orig,
							 name), what);
	}
	for (size_t i = 0; !r && i < s->n_expects; i++) {
		const struct kr_ctexpect *was = &s->expects[i];
		const struct kr_ctexpect *is = kr_ctset_find_expect(&now, was);

		if (is && !kr_ctexpect_same(was, is))
			tell_other(left, kr_ctexpect_name(is, name),
				   "it is expected otherwise");
	}
	kr_ctset_fini(&now);
	return r;
}

static bool is_liberal(const struct kr_ctentry *is,
		       const struct kr_ctentry *was)
{
	bool liberal = false;

	for (unsigned int d = 0; d < KR_CTDIR_N; d++)
		liberal |= is->tcp.flags[d] & ~was->tcp.flags[d] &
			   KR_CT_TCP_LIBERAL;
	return liberal;
}

int kr_ctload_judged(const struct kr_ctset *s, struct kr_ctjudged *ret,
		     const struct kr_ctleft *left, struct kr_err *e)
{
	struct kr_ctset now = { 0 };
	struct kr_ctjudged n = { 0 };
	int r = kr_ctdump(s->zone, &now, left, e);
	char name[KR_CTENTRY_NAME_BYTES];

	for (size_t i = 0; !r && i < s->n; i++) {
		const struct kr_ctentry *was = &s->v[i];
		const struct kr_ctentry *is = kr_ctset_find(&now, was);

		if (!was_strict(was))
			continue;
		n.ended += !is;
		n.liberal += is && is_liberal(is, was);
		n.strict += is && !is_liberal(is, was);
		if (is && is_liberal(is, was))
			tell_other(left, kr_cttuple_name(is->family, &is->orig,
							 name),
				   "it is not judged by its windows yet");
	}
	kr_ctset_fini(&now);
	*ret = n;
	return r;
}

struct surplus { struct kr_ctset set; struct kr_err *e; };

static void entry_surplus(void *arg, const struct kr_ctentry *is,
			  const struct kr_ctentry *wanted)
{
	struct surplus *s = arg;

	if (!wanted)
		kr_ctset_add(&s->set, is, s->e);
}

static void expect_surplus(void *arg, const struct kr_ctexpect *is,
			   const struct kr_ctexpect *wanted)
{
	struct surplus *s = arg;

	if (!wanted)
		kr_ctset_expect(&s->set, is, s->e);
}

int kr_ctload_replace(const struct kr_ctset *s, const struct kr_ctleft *left,
		      struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	struct surplus more = { .e = e ? e : &own };
	const struct kr_ctset_differ differ = { entry_surplus, expect_surplus,
						&more };
	struct kr_ctset now = { 0 };
	int r = kr_ctdump(s->zone, &now, left, e);

	if (!r) {
		kr_ctset_diff(&now, s, &differ);
		r = more.e->code;
	}
	if (!r)
		r = kr_ctload_delete(&more.set, left, e);
	if (!r)
		r = kr_ctload_update(s, left, e);
	kr_ctset_fini(&more.set);
	kr_ctset_fini(&now);
	return r;
}

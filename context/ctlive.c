/* SPDX-License-Identifier: Apache-2.0 */
/* ctlive.c - see ctlive.h. In the process that exports or follows. */
#include "context/ctlive.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "context/ctattr.h"

#define HINTS_MAX	(1u << 16)	/* more, and all is read anew */
#define ASKED_MAX	64u		/* connections asked about at once */
#define TRIES		5u

struct kr_ctlive {
	struct kr_ctfollow follow;
	const struct kr_ctleft *left;
	bool		anew;		/* hints are of no use */
	bool		expects;	/* what is expected changed */
	struct kr_ctset hints;		/* keys, in whatever order */
	struct kr_ctset helped;		/* entries with a helper, and all */
					/* that is known to be expected */
	struct kr_err  *e;		/* of who takes hints now */
};

/* ---- hints ------------------------------------------------------------- */

static void hint(void *arg, enum kr_ctevent ev, const struct kr_ctentry *c)
{
	struct kr_ctlive *l = arg;

	if (ev == KR_CTEVENT_EXPECT)
		l->expects = true;
	else if (l->hints.n == HINTS_MAX)
		l->anew = true;
	else if (!l->anew)
		kr_ctset_add(&l->hints, c, l->e);
}

int kr_ctlive_note(struct kr_ctlive *l, int timeout_ms, struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	int r;

	l->e = e ? e : &own;
	do {
		r = kr_ctfollow_wait(&l->follow, timeout_ms, l->e);
		if (r == KR_CTFOLLOW_LOST)
			l->anew = true;
		timeout_ms = 0;
	} while (r >= 0 && r != KR_CTFOLLOW_NONE && !l->e->code);
	return l->e->code;
}

/* ---- what became of whom they are about -------------------------------- */

struct question {
	struct kr_ctlive  *l;
	struct kr_ctdelta *d;
	struct kr_ctsock   sock;
	const struct kr_ctentry *of;	/* ASKED_MAX of them, or fewer */
	unsigned int	   n, n_answered;
	uint32_t	   first_seq;
	struct kr_err	  *e;
};

static int answer(struct question *q, const struct nlmsghdr *m)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(m);
	uint32_t i = m->nlmsg_seq - q->first_seq;
	struct kr_err why = KR_ERR_NONE;
	struct kr_ctentry c;

	if (i >= q->n)
		return 0;
	q->n_answered++;
	if (m->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(m) < sizeof(*err) ||
		    err->error != -ENOENT)
			return kr_fail(q->e, KR_E_CT_KERNEL,
				       "it does not say what became of a "
				       "connection");
		return kr_ctset_add(&q->d->gone, &q->of[i], q->e);
	}
	if (kr_ctattr_parse(m, m->nlmsg_len, &c, &why)) {
		q->l->left->fn(q->l->left->arg, &why);
		return 0;
	}
	if (*c.helper && kr_ctset_add(&q->l->helped, &c, q->e))
		return q->e->code;
	return kr_ctset_add(&q->d->put, &c, q->e);
}

/* Of the next @n of hints. */
static int ask(struct question *q)
{
	_Alignas(struct nlmsghdr) char buf[KR_CTSOCK_BUF_BYTES];
	const struct nlmsghdr *m;
	size_t n_bytes = 0;
	int r = 0;

	static_assert(ASKED_MAX * KR_CTATTR_BYTES_MAX <= sizeof(buf), "room");
	q->n_answered = 0;
	for (unsigned int i = 0; i < q->n; i++) {
		m = kr_ctattr_put(buf + n_bytes, KR_CTATTR_GET, &q->of[i], 0,
				  q->first_seq + i);
		n_bytes += MNL_ALIGN(m->nlmsg_len);
	}
	if (mnl_socket_sendto(q->sock.nl, buf, n_bytes) < 0)
		return kr_ctsock_fail(q->e, "asking for connections");
	while (!r && q->n_answered < q->n) {
		ssize_t got = mnl_socket_recvfrom(q->sock.nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			return kr_ctsock_fail(q->e, "reading connections");
		for (m = (void *)buf; !r && mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left))
			r = answer(q, m);
	}
	q->first_seq += q->n;
	return r;
}

static int ask_all(struct kr_ctlive *l, struct kr_ctdelta *d, struct kr_err *e)
{
	struct question q = { .l = l, .d = d, .first_seq = 1, .e = e };
	size_t done = 0;
	int r = 0;

	kr_ctset_sort(&l->hints);
	if (l->hints.n)
		r = kr_ctsock_open(&q.sock, 0, e);
	for (; !r && done < l->hints.n; done += q.n) {
		q.of = &l->hints.v[done];
		q.n = l->hints.n - done < ASKED_MAX ?
			      (unsigned int)(l->hints.n - done) : ASKED_MAX;
		r = ask(&q);
	}
	kr_ctsock_close(&q.sock);
	l->hints.n = 0;
	kr_ctset_sort(&d->put);
	kr_ctset_sort(&d->gone);
	return r;
}

/* ---- what is expected -------------------------------------------------- */

static int copy_expects(struct kr_ctset *to, const struct kr_ctset *from,
			struct kr_err *e)
{
	int r = 0;

	to->n_expects = 0;
	for (size_t i = 0; !r && i < from->n_expects; i++)
		r = kr_ctset_expect(to, &from->expects[i], e);
	return r;
}

static int ask_expects(struct kr_ctlive *l, struct kr_ctdelta *d,
		       struct kr_err *e)
{
	KR_AUTO(kr_ctset_fini) struct kr_ctset now = { 0 };
	int r = kr_ctdump_expects(&l->helped, &now, l->left, e);

	for (size_t i = 0; !r && i < l->helped.n_expects; i++)
		if (!kr_ctset_find_expect(&now, &l->helped.expects[i]))
			r = kr_ctset_expect(&d->gone, &l->helped.expects[i],
					    e);
	if (!r)
		r = copy_expects(&l->helped, &now, e);
	return r ? r : copy_expects(&d->put, &now, e);
}

/* Those that ended have no helper any more. */
static void forget(struct kr_ctset *helped, const struct kr_ctset *gone)
{
	size_t n = 0;

	kr_ctset_sort(helped);
	for (size_t i = 0; i < helped->n; i++)
		if (!kr_ctset_find(gone, &helped->v[i]))
			helped->v[n++] = helped->v[i];
	helped->n = n;
}

/* ---- taken ------------------------------------------------------------- */

static int take_anew(struct kr_ctlive *l, struct kr_ctdelta *d,
		     struct kr_err *e)
{
	int r;

	l->anew = l->expects = false;
	l->hints.n = l->helped.n = 0;
	d->anew = true;
	r = kr_ctdump(l->follow.zone, &d->put, l->left, e);
	for (size_t i = 0; !r && i < d->put.n; i++)
		if (*d->put.v[i].helper)
			r = kr_ctset_add(&l->helped, &d->put.v[i], e);
	return r ? r : copy_expects(&l->helped, &d->put, e);
}

int kr_ctlive_take(struct kr_ctlive *l, struct kr_ctdelta *ret_d,
		   struct kr_err *e)
{
	struct kr_err own = KR_ERR_NONE;
	int r;

	e = e ? e : &own;
	ret_d->put.zone = ret_d->gone.zone = l->follow.zone;
	r = kr_ctlive_note(l, 0, e);
	if (!r && l->anew)
		return take_anew(l, ret_d, e);
	if (!r)
		r = ask_all(l, ret_d, e);
	forget(&l->helped, &ret_d->gone);
	if (!r && l->expects) {
		l->expects = false;
		r = ask_expects(l, ret_d, e);
	}
	return r;
}

int kr_ctlive_new(uint16_t zone, const struct kr_ctleft *left,
		  struct kr_ctlive **ret, struct kr_err *e)
{
	struct kr_ctlive *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	*l = (struct kr_ctlive){
		.follow = { .zone = zone, .fn = hint, .arg = l, .left = left },
		.left = left, .anew = true, .hints.zone = zone,
		.helped.zone = zone };
	r = kr_ctfollow_open(&l->follow, e);
	if (r) {
		kr_ctlive_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

int kr_ctlive_fd(const struct kr_ctlive *l)
{
	return mnl_socket_get_fd(l->follow.sock.nl);
}

void kr_ctdelta_fini(struct kr_ctdelta *d)
{
	kr_ctset_fini(&d->put);
	kr_ctset_fini(&d->gone);
}

void kr_ctlive_free(struct kr_ctlive *l)
{
	if (!l)
		return;
	kr_ctfollow_close(&l->follow);
	kr_ctset_fini(&l->hints);
	kr_ctset_fini(&l->helped);
	free(l);
}

/* ---- all of one moment ------------------------------------------------- */

static void any_entry(void *arg, const struct kr_ctentry *a,
		      const struct kr_ctentry *b)
{
	*(bool *)arg |= a || b;
}

static void any_expect(void *arg, const struct kr_ctexpect *a,
		       const struct kr_ctexpect *b)
{
	*(bool *)arg |= a || b;
}

static int until_twice_the_same(uint16_t zone, struct kr_ctset *ret_s,
				const struct kr_ctleft *left, struct kr_err *e)
{
	bool differs = true;
	const struct kr_ctset_differ differ = { any_entry, any_expect,
						&differs };
	int r = kr_ctdump(zone, ret_s, left, e);

	for (unsigned int i = 0; !r && differs && i < TRIES; i++) {
		struct kr_ctset again = { 0 };

		r = kr_ctdump(zone, &again, left, e);
		differs = false;
		kr_ctset_diff(ret_s, &again, &differ);
		kr_ctset_fini(ret_s);
		*ret_s = again;
	}
	if (!r && differs)
		return kr_fail(e, KR_E_CT_KERNEL, "connections change too "
			       "quickly to be read, and without events it is "
			       "not told how");
	return r;
}

/* What happened while it was read is asked for once more. */
static int with_events(struct kr_ctlive *l, struct kr_ctset *s,
		       struct kr_err *e)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < TRIES; i++) {
		KR_AUTO(kr_ctdelta_fini) struct kr_ctdelta d = { 0 };

		r = kr_ctlive_take(l, &d, e);
		if (!r && !d.anew)
			return kr_ctset_apply(s, &d.put, &d.gone, e);
		kr_ctset_fini(s);
		*s = d.put;
		d.put = (struct kr_ctset){ 0 };
	}
	return r ? r : kr_fail(e, KR_E_CT_KERNEL, "connections change too "
						  "quickly to be read");
}

int kr_ctlive_read(uint16_t zone, struct kr_ctset *ret_s,
		   const struct kr_ctleft *left, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	struct kr_ctlive *l = NULL;
	int r = kr_ctlive_new(zone, left, &l, &why);

	if (why.kr == KR_E_CT_EVENTS)
		return until_twice_the_same(zone, ret_s, left, e);
	if (r)
		return kr_fail(e, why.kr, "%s", why.what);
	r = with_events(l, ret_s, e);
	kr_ctlive_free(l);
	return r;
}

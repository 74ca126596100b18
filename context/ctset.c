/* SPDX-License-Identifier: Apache-2.0 */
/* ctset.c - see ctset.h. In the process that imports or exports. */
#include "context/ctset.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#define ROOM_FIRST	64u

/* Room for one more in *@v, of @size each; @what there are at most @max. */
static int grow(void **v, size_t n, size_t *room, size_t size, size_t max,
		const char *what, struct kr_err *e)
{
	size_t more = *room ? 2 * *room : ROOM_FIRST;
	void *p;

	if (n == max)
		return kr_fail(e, KR_E_LIMIT, "more than %zu %s", max, what);
	if (n < *room)
		return 0;
	p = reallocarray(*v, more, size);
	if (!p)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	*v = p;
	*room = more;
	return 0;
}

int kr_ctset_add(struct kr_ctset *s, const struct kr_ctentry *c,
		 struct kr_err *e)
{
	void *v = s->v;
	int r = grow(&v, s->n, &s->room, sizeof(*s->v), KR_CTSET_MAX,
		     "connections", e);

	s->v = v;
	if (!r)
		s->v[s->n++] = *c;
	return r;
}

int kr_ctset_expect(struct kr_ctset *s, const struct kr_ctexpect *x,
		    struct kr_err *e)
{
	void *v = s->expects;
	int r = grow(&v, s->n_expects, &s->room_expects, sizeof(*s->expects),
		     KR_CTSET_EXPECTS_MAX, "expected connections", e);

	s->expects = v;
	if (!r)
		s->expects[s->n_expects++] = *x;
	return r;
}

static int order(const void *a, const void *b)
{
	return kr_ctentry_order(a, b);
}

static int order_expects(const void *a, const void *b)
{
	return kr_ctexpect_order(a, b);
}

/* glibc's qsort() keeps the order of equals only while it has memory, and
 * which copy of an entry that a dump had twice is the later matters little.
 * Return: how many are left. */
static size_t sort(void *v, size_t n, size_t size,
		   int (*cmp)(const void *, const void *))
{
	char *p = v;
	size_t k = 0;

	if (n > 1)
		qsort(v, n, size, cmp);
	for (size_t i = 0; i < n; i++) {
		if (k && !cmp(p + (k - 1) * size, p + i * size))
			k--;
		memmove(p + k++ * size, p + i * size, size);
	}
	return k;
}

void kr_ctset_sort(struct kr_ctset *s)
{
	s->n = sort(s->v, s->n, sizeof(*s->v), order);
	s->n_expects = sort(s->expects, s->n_expects, sizeof(*s->expects),
			    order_expects);
}

const struct kr_ctentry *kr_ctset_find(const struct kr_ctset *s,
				       const struct kr_ctentry *c)
{
	return s->n ? bsearch(c, s->v, s->n, sizeof(*s->v), order) : NULL;
}

const struct kr_ctexpect *kr_ctset_find_expect(const struct kr_ctset *s,
					       const struct kr_ctexpect *x)
{
	return s->n_expects ? bsearch(x, s->expects, s->n_expects,
				      sizeof(*x), order_expects) : NULL;
}

static void take_away(struct kr_ctset *s, const struct kr_ctset *what)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!kr_ctset_find(what, &s->v[i]))
			s->v[n++] = s->v[i];
	s->n = n;
	n = 0;
	for (size_t i = 0; i < s->n_expects; i++)
		if (!kr_ctset_find_expect(what, &s->expects[i]))
			s->expects[n++] = s->expects[i];
	s->n_expects = n;
}

int kr_ctset_apply(struct kr_ctset *s, const struct kr_ctset *put,
		   const struct kr_ctset *gone, struct kr_err *e)
{
	int r = 0;

	take_away(s, gone);
	take_away(s, put);
	for (size_t i = 0; !r && i < put->n; i++)
		r = kr_ctset_add(s, &put->v[i], e);
	for (size_t i = 0; !r && i < put->n_expects; i++)
		r = kr_ctset_expect(s, &put->expects[i], e);
	kr_ctset_sort(s);
	return r;
}

void kr_ctset_move(struct kr_ctset *s, uint16_t zone)
{
	s->zone = zone;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].zone = zone;
		if (!zone)
			s->v[i].zone_dirs = KR_CT_ZONE_BOTH;
	}
	for (size_t i = 0; i < s->n_expects; i++) {
		s->expects[i].zone = zone;
		if (!zone)
			s->expects[i].zone_dirs = KR_CT_ZONE_BOTH;
	}
	/* without directions what differed in them alone is the same */
	kr_ctset_sort(s);
}

static bool add_to(EVP_MD_CTX *md, struct kr_wr *w)
{
	uint8_t head[2];
	struct kr_wr h = KR_WR(head, sizeof(head));

	kr_wr_u16(&h, (uint16_t)kr_wr_len(w));
	return EVP_DigestUpdate(md, head, sizeof(head)) &&
	       EVP_DigestUpdate(md, w->start, kr_wr_len(w));
}

int kr_ctset_digest(const struct kr_ctset *s, uint8_t ret_digest[32],
		    struct kr_err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	uint8_t buf[KR_CTENTRY_BYTES_MAX + KR_CTEXPECT_BYTES_MAX];
	struct kr_wr none = KR_WR(buf, 0);

	for (size_t i = 0; ok && i < s->n; i++) {
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_ctentry c = s->v[i];

		c.timeout_s = 0;
		kr_ctentry_put(&w, &c);
		ok = add_to(md, &w);
	}
	ok = ok && add_to(md, &none);
	for (size_t i = 0; ok && i < s->n_expects; i++) {
		struct kr_wr w = KR_WR(buf, sizeof(buf));
		struct kr_ctexpect x = s->expects[i];

		x.timeout_s = 0;
		kr_ctexpect_put(&w, &x);
		ok = add_to(md, &w);
	}
	ok = ok && EVP_DigestFinal_ex(md, ret_digest, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
}

static size_t diff_entries(const struct kr_ctset *a, const struct kr_ctset *b,
			   const struct kr_ctset_differ *d)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n || k < b->n) {
		int o = i == a->n ? 1 : k == b->n ? -1 :
			kr_ctentry_order(&a->v[i], &b->v[k]);
		const struct kr_ctentry *x = o <= 0 ? &a->v[i++] : NULL;
		const struct kr_ctentry *y = o >= 0 ? &b->v[k++] : NULL;

		if (x && y && kr_ctentry_same(x, y))
			continue;
		d->entry(d->arg, x, y);
		n++;
	}
	return n;
}

static size_t diff_expects(const struct kr_ctset *a, const struct kr_ctset *b,
			   const struct kr_ctset_differ *d)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n_expects || k < b->n_expects) {
		int o = i == a->n_expects ? 1 : k == b->n_expects ? -1 :
			kr_ctexpect_order(&a->expects[i], &b->expects[k]);
		const struct kr_ctexpect *x =
			o <= 0 ? &a->expects[i++] : NULL;
		const struct kr_ctexpect *y =
			o >= 0 ? &b->expects[k++] : NULL;

		if (x && y && kr_ctexpect_same(x, y))
			continue;
		d->expect(d->arg, x, y);
		n++;
	}
	return n;
}

size_t kr_ctset_diff(const struct kr_ctset *a, const struct kr_ctset *b,
		     const struct kr_ctset_differ *d)
{
	return diff_entries(a, b, d) + diff_expects(a, b, d);
}

void kr_ctset_fini(struct kr_ctset *s)
{
	free(s->v);
	free(s->expects);
	*s = (struct kr_ctset){ 0 };
}

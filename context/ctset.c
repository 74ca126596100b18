/* SPDX-License-Identifier: Apache-2.0 */
/* ctset.c - see ctset.h. In the process that imports or exports. */
#include "context/ctset.h"

#include <stdlib.h>
#include <openssl/evp.h>

#define ROOM_FIRST	64u

int kr_ctset_add(struct kr_ctset *s, const struct kr_ctentry *c,
		 struct kr_err *e)
{
	size_t room = s->room ? 2 * s->room : ROOM_FIRST;
	struct kr_ctentry *v;

	if (s->n == KR_CTSET_MAX)
		return kr_fail(e, KR_E_LIMIT, "more than %u connections",
			       KR_CTSET_MAX);
	if (s->n == s->room) {
		v = reallocarray(s->v, room, sizeof(*v));
		if (!v)
			return kr_fail(e, KR_E_SYSTEM, "out of memory");
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = *c;
	return 0;
}

static int order(const void *a, const void *b)
{
	return kr_ctentry_order(a, b);
}

/* glibc's qsort() keeps the order of equals only while it has memory, and
 * which copy of an entry that a dump had twice is the later matters little. */
void kr_ctset_sort(struct kr_ctset *s)
{
	size_t n = 0;

	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), order);
	for (size_t i = 0; i < s->n; i++) {
		if (n && !kr_ctentry_order(&s->v[n - 1], &s->v[i]))
			n--;
		s->v[n++] = s->v[i];
	}
	s->n = n;
}

const struct kr_ctentry *kr_ctset_find(const struct kr_ctset *s,
				       const struct kr_ctentry *c)
{
	return s->n ? bsearch(c, s->v, s->n, sizeof(*s->v), order) : NULL;
}

void kr_ctset_move(struct kr_ctset *s, uint16_t zone)
{
	s->zone = zone;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].zone = zone;
		if (!zone)
			s->v[i].zone_dirs = KR_CT_ZONE_BOTH;
	}
	/* without directions what differed in them alone is the same */
	kr_ctset_sort(s);
}

int kr_ctset_digest(const struct kr_ctset *s, uint8_t ret_digest[32],
		    struct kr_err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

	for (size_t i = 0; ok && i < s->n; i++) {
		uint8_t buf[2 + KR_CTENTRY_BYTES_MAX];
		struct kr_wr w = KR_WR(buf + 2, KR_CTENTRY_BYTES_MAX);
		struct kr_wr head = KR_WR(buf, 2);
		struct kr_ctentry c = s->v[i];

		c.timeout_s = 0;
		kr_ctentry_put(&w, &c);
		kr_wr_u16(&head, (uint16_t)kr_wr_len(&w));
		ok = EVP_DigestUpdate(md, buf, 2 + kr_wr_len(&w));
	}
	ok = ok && EVP_DigestFinal_ex(md, ret_digest, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
}

size_t kr_ctset_diff(const struct kr_ctset *a, const struct kr_ctset *b,
		     void (*fn)(void *arg, const struct kr_ctentry *a,
				const struct kr_ctentry *b), void *arg)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->n || k < b->n) {
		int o = i == a->n ? 1 : k == b->n ? -1 :
			kr_ctentry_order(&a->v[i], &b->v[k]);
		const struct kr_ctentry *x = o <= 0 ? &a->v[i++] : NULL;
		const struct kr_ctentry *y = o >= 0 ? &b->v[k++] : NULL;

		if (x && y && kr_ctentry_same(x, y))
			continue;
		fn(arg, x, y);
		n++;
	}
	return n;
}

void kr_ctset_fini(struct kr_ctset *s)
{
	free(s->v);
	*s = (struct kr_ctset){ 0 };
}

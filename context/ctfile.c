/* SPDX-License-Identifier: Apache-2.0 */
/* ctfile.c - see ctfile.h. In the process that imports or exports. */
#include "context/ctfile.h"

#include <errno.h>
#include <stdlib.h>
#include <openssl/evp.h>

#include "base/fd.h"

#define MAGIC		0x4b524354u	/* KRCT */
#define HEAD_BYTES	16u
#define DIGEST_BYTES	32u
/* IPv4, with as little as may be; with their lengths. */
#define ENTRY_BYTES_MIN		43u
#define EXPECT_BYTES_MIN	48u

static int digest(const void *p, size_t n, uint8_t *out, struct kr_err *e)
{
	if (!EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL))
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	return 0;
}

int kr_ctfile_put(const struct kr_ctset *s, uint8_t **ret, size_t *ret_n_bytes,
		  struct kr_err *e)
{
	size_t room = HEAD_BYTES + DIGEST_BYTES +
		      s->n * (2 + KR_CTENTRY_BYTES_MAX) +
		      s->n_expects * (2 + KR_CTEXPECT_BYTES_MAX);
	KR_AUTOFREE uint8_t *buf = malloc(room);
	struct kr_wr w = KR_WR(buf, room);
	uint8_t sum[DIGEST_BYTES];

	if (!buf)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	kr_wr_u32(&w, MAGIC);
	kr_wr_u16(&w, KR_CTFILE_VERSION);
	kr_wr_u16(&w, s->zone);
	kr_wr_u32(&w, (uint32_t)s->n);
	kr_wr_u32(&w, (uint32_t)s->n_expects);
	for (size_t i = 0; i < s->n; i++) {
		struct kr_wr body = KR_WR(w.p + 2, KR_CTENTRY_BYTES_MAX);

		kr_ctentry_put(&body, &s->v[i]);
		kr_wr_u16(&w, (uint16_t)kr_wr_len(&body));
		kr_wr_room(&w, kr_wr_len(&body));
	}
	for (size_t i = 0; i < s->n_expects; i++) {
		struct kr_wr body = KR_WR(w.p + 2, KR_CTEXPECT_BYTES_MAX);

		kr_ctexpect_put(&body, &s->expects[i]);
		kr_wr_u16(&w, (uint16_t)kr_wr_len(&body));
		kr_wr_room(&w, kr_wr_len(&body));
	}
	if (digest(buf, kr_wr_len(&w), sum, e))
		return -EIO;
	kr_wr_bytes(&w, sum, sizeof(sum));
	*ret_n_bytes = kr_wr_len(&w);
	*ret = buf;
	buf = NULL;
	return 0;
}

/* The next of those that have their length before them. */
static struct kr_rd next(struct kr_rd *r)
{
	size_t n_bytes = kr_rd_u16(r);
	const uint8_t *p = kr_rd_take(r, n_bytes);

	return KR_RD(p, p ? n_bytes : 0);
}

static int get_entries(struct kr_rd *r, size_t n, struct kr_ctset *s,
		       struct kr_err *e)
{
	while (n--) {
		struct kr_rd body = next(r);
		struct kr_ctentry c;
		int bad = kr_ctentry_get(&body, s->zone, &c, e);

		if (!bad && s->n && kr_ctentry_order(&s->v[s->n - 1], &c) >= 0)
			bad = kr_fail(e, KR_E_CT_FILE, "its entries are out "
						       "of order");
		if (!bad)
			bad = kr_ctset_add(s, &c, e);
		if (bad)
			return bad;
	}
	return 0;
}

static int get_expects(struct kr_rd *r, size_t n, struct kr_ctset *s,
		       struct kr_err *e)
{
	while (n--) {
		struct kr_rd body = next(r);
		struct kr_ctexpect x;
		int bad = kr_ctexpect_get(&body, s->zone, &x, e);

		if (!bad && s->n_expects &&
		    kr_ctexpect_order(&s->expects[s->n_expects - 1], &x) >= 0)
			bad = kr_fail(e, KR_E_CT_FILE, "its expectations are "
						       "out of order");
		if (!bad)
			bad = kr_ctset_expect(s, &x, e);
		if (bad)
			return bad;
	}
	return kr_rd_done(r) ? 0 : kr_fail(e, KR_E_CT_FILE, "it does not end "
							    "where it should");
}

int kr_ctfile_get(const void *p, size_t n_bytes, struct kr_ctset *ret_s,
		  struct kr_err *e)
{
	struct kr_rd r = KR_RD(p, n_bytes < DIGEST_BYTES ? 0 :
						n_bytes - DIGEST_BYTES);
	uint8_t sum[DIGEST_BYTES];
	uint32_t magic = kr_rd_u32(&r);
	uint16_t version = kr_rd_u16(&r);
	struct kr_ctset s = { .zone = kr_rd_u16(&r) };
	uint32_t n = kr_rd_u32(&r), n_expects = kr_rd_u32(&r);
	int bad;

	if (magic != MAGIC)
		return kr_fail(e, KR_E_CT_FILE, "it is no exported context");
	if (version != KR_CTFILE_VERSION)
		return kr_fail(e, KR_E_CT_FILE, "its version is %u, known is "
			       "%u", version, KR_CTFILE_VERSION);
	if (r.bad || n > KR_CTSET_MAX || n_expects > KR_CTSET_EXPECTS_MAX ||
	    n > kr_rd_left(&r) / ENTRY_BYTES_MIN ||
	    n_expects > kr_rd_left(&r) / EXPECT_BYTES_MIN)
		return kr_fail(e, KR_E_CT_FILE, "it says that it has more "
						"entries than it could");
	bad = digest(p, n_bytes - DIGEST_BYTES, sum, e);
	if (!bad && memcmp(sum, r.end, sizeof(sum)))
		bad = kr_fail(e, KR_E_CT_FILE, "it is damaged: its digest is "
					       "another");
	if (!bad)
		bad = get_entries(&r, n, &s, e);
	if (!bad)
		bad = get_expects(&r, n_expects, &s, e);
	if (bad) {
		kr_ctset_fini(&s);
		return bad;
	}
	*ret_s = s;
	return 0;
}

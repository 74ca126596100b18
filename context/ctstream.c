/* SPDX-License-Identifier: Apache-2.0 */
/* ctstream.c - see ctstream.h. In the process that sends or receives. */
#include "context/ctstream.h"

#include <stdlib.h>

#include "base/fd.h"
#include "context/ctfile.h"

int kr_ctstream_put(const struct kr_ctdelta *d, bool last, uint8_t **ret,
		    size_t *ret_n_bytes, struct kr_err *e)
{
	KR_AUTOFREE uint8_t *put = NULL, *gone = NULL, *buf = NULL;
	size_t n_put, n_gone, n;
	struct kr_wr w;
	int r = kr_ctfile_put(&d->put, &put, &n_put, e);

	if (!r)
		r = kr_ctfile_put(&d->gone, &gone, &n_gone, e);
	if (r)
		return r;
	if (n_put > KR_CTFILE_BYTES_MAX || n_gone > KR_CTFILE_BYTES_MAX)
		return kr_fail(e, KR_E_LIMIT, "more connections than a message "
					      "may have");
	n = KR_CTSTREAM_HEAD_BYTES + n_put + n_gone;
	buf = malloc(n);
	if (!buf)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	w = KR_WR(buf, n);
	kr_wr_u8(&w, (uint8_t)((d->anew ? KR_CTSTREAM_ANEW : 0) |
			       (last ? KR_CTSTREAM_LAST : 0)));
	kr_wr_u32(&w, (uint32_t)n_put);
	kr_wr_u32(&w, (uint32_t)n_gone);
	kr_wr_bytes(&w, put, n_put);
	kr_wr_bytes(&w, gone, n_gone);
	*ret = buf;
	*ret_n_bytes = n;
	buf = NULL;
	return 0;
}

int kr_ctstream_head(const uint8_t *p, struct kr_ctstream_head *ret_h,
		     struct kr_err *e)
{
	struct kr_rd r = KR_RD(p, KR_CTSTREAM_HEAD_BYTES);
	struct kr_ctstream_head h;

	h.kind = kr_rd_u8(&r);
	h.n_put = kr_rd_u32(&r);
	h.n_gone = kr_rd_u32(&r);
	if (!kr_rd_done(&r) ||
	    h.kind & ~(KR_CTSTREAM_ANEW | KR_CTSTREAM_LAST) ||
	    h.n_put > KR_CTFILE_BYTES_MAX || h.n_gone > KR_CTFILE_BYTES_MAX)
		return kr_fail(e, KR_E_CT_FILE, "it is no message of a zone "
						"that is sent");
	*ret_h = h;
	return 0;
}

int kr_ctstream_body(const struct kr_ctstream_head *h, const uint8_t *p,
		     struct kr_ctdelta *ret_d, struct kr_err *e)
{
	int r;

	ret_d->anew = h->kind & KR_CTSTREAM_ANEW;
	r = kr_ctfile_get(p, h->n_put, &ret_d->put, e);
	return r ? r : kr_ctfile_get(p + h->n_put, h->n_gone, &ret_d->gone, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manysha.c - SHA-256 of many messages. Runs in the data-plane agent, on
 * every lane's thread.
 *
 * Two streams of SHA instructions in flight hash twice as fast as one, since
 * each waits for its own last round only; ipsec-mb schedules them.
 */
#include "plane/manysha.h"

#include <openssl/evp.h>
#include <stdlib.h>
#ifdef KR_HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

struct kr_manysha {
	bool	    bad;
	EVP_MD	   *md;
	EVP_MD_CTX *ctx;
#ifdef KR_HAVE_IPSEC_MB
	IMB_MGR	   *mgr;		/* NULL: OpenSSL does it */
#endif
};

#ifdef KR_HAVE_IPSEC_MB
static IMB_MGR *new_manager(void)
{
	IMB_MGR *m = alloc_mb_mgr(0);
	IMB_ARCH arch = IMB_ARCH_NONE;

	if (m)
		init_mb_mgr_auto(m, &arch);
	if (m && (arch == IMB_ARCH_NONE || imb_get_errno(m))) {
		free_mb_mgr(m);
		return NULL;
	}
	return m;
}

static void done(struct kr_manysha *h, const IMB_JOB *job)
{
	if (job && job->status != IMB_STATUS_COMPLETED)
		h->bad = true;
}

static void submit(struct kr_manysha *h, const uint8_t *p, size_t n,
		   uint8_t *out)
{
	IMB_JOB *job = IMB_GET_NEXT_JOB(h->mgr);

	job->cipher_mode = IMB_CIPHER_NULL;
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->chain_order = IMB_ORDER_HASH_CIPHER;
	job->hash_alg = IMB_AUTH_SHA_256;
	job->src = p;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = n;
	job->auth_tag_output = out;
	job->auth_tag_output_len_in_bytes = KR_MANYSHA_BYTES;
	job = IMB_SUBMIT_JOB(h->mgr);
	if (imb_get_errno(h->mgr))
		h->bad = true;
	done(h, job);
}
#endif

int kr_manysha_new(bool one_by_one, struct kr_manysha **ret_h,
		   struct kr_err *e)
{
	struct kr_manysha *h = calloc(1, sizeof(*h));

	if (!h)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (!h->md || !h->ctx ||
	    EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1) {
		kr_manysha_free(h);
		return kr_fail(e, KR_E_CRYPTO, "SHA-256 is not available");
	}
#ifdef KR_HAVE_IPSEC_MB
	h->mgr = one_by_one ? NULL : new_manager();
#else
	(void)one_by_one;
#endif
	*ret_h = h;
	return 0;
}

void kr_manysha_add(struct kr_manysha *h, const uint8_t *p, size_t n,
		    uint8_t out[KR_MANYSHA_BYTES])
{
#ifdef KR_HAVE_IPSEC_MB
	if (h->mgr) {
		submit(h, p, n, out);
		return;
	}
#endif
	if (EVP_DigestInit_ex2(h->ctx, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(h->ctx, p, n) != 1 ||
	    EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		h->bad = true;
}

int kr_manysha_flush(struct kr_manysha *h, struct kr_err *e)
{
	bool bad;

#ifdef KR_HAVE_IPSEC_MB
	const IMB_JOB *job;

	while (h->mgr && (job = IMB_FLUSH_JOB(h->mgr)))
		done(h, job);
#endif
	bad = h->bad;
	h->bad = false;
	return bad ? kr_fail(e, KR_E_CRYPTO, "SHA-256 failed") : 0;
}

const char *kr_manysha_name(const struct kr_manysha *h)
{
#ifdef KR_HAVE_IPSEC_MB
	if (h->mgr)
		return "ipsec-mb";
#endif
	(void)h;
	return "OpenSSL";
}

void kr_manysha_free(struct kr_manysha *h)
{
	if (!h)
		return;
#ifdef KR_HAVE_IPSEC_MB
	if (h->mgr)
		free_mb_mgr(h->mgr);
#endif
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

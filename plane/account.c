/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.c - what a migration comes to: tree, digests, manifest. Runs in the
 * data-plane agent, on every lane's thread; the manifest on its loop.
 */
#include "plane/account.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "plane/channel.h"
#include "plane/flow.h"
#include "plane/piecesha.h"
#include "plane/qstream.h"
#include "plane/ramtree.h"
#include "plane/segment.h"

#define LEARN_WINDOW	4096u	/* pages looked up until shares are halved */
#define LEARN_SHARE	8u	/* one in so many is known: worth learning */
#define LEARN_TRY	64u	/* else one batch in so many is learned */

/* ---- manifests --------------------------------------------------------- */

/* A channel's digest up to here; more may follow. */
static bool digest_of(const struct kr_channel *c, uint8_t ret[32])
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	bool good = sha && EVP_MD_CTX_copy_ex(sha, c->sha) == 1 &&
		    EVP_DigestFinal_ex(sha, ret, NULL) == 1;

	EVP_MD_CTX_free(sha);
	return good;
}

/* Of an only channel its digest; of several, the digest of theirs. */
static int device_digest(struct kr_flow *f, uint8_t ret[32], struct kr_err *e)
{
	uint8_t d[KR_PLANE_LANES_MAX][32] = { 0 };
	bool good = true;

	for (uint8_t i = 0; i < f->n_channels; i++)
		good &= digest_of(&f->channels[i], d[i]);
	if (f->n_channels > 1)
		good &= EVP_Digest(d, (size_t)f->n_channels * 32, ret, NULL,
				   EVP_sha256(), NULL) == 1;
	else
		memcpy(ret, d[0], 32);
	return good ? 0 : kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
}

/* What has been accounted by now. */
static int sum_up(struct kr_flow *f, struct kr_manifest *m, struct kr_err *e)
{
	int r = device_digest(f, m->device_digest, e);

	if (!r && f->segment)
		r = kr_segment_root(f->segment, m->ram_root, e);
	else if (!r)
		r = kr_ramtree_root(f->tree, m->ram_root, e);
	for (uint8_t i = 0; i < f->n_channels; i++)
		m->stream_bytes += f->channels[i].n_bytes;
	m->ram_bytes = f->ram_bytes;
	m->n_pages = f->n_pages;
	m->n_zero_pages = f->n_zero_pages;
	return r;
}

/* ---- in turn ----------------------------------------------------------- */

/* The tree grows its blocks before a page of theirs has its turn. */
static int grow_tree(struct kr_flow *f, struct kr_err *e)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < f->blocks.n; i++) {
		const struct kr_qstream_block *b = &f->blocks.b[i];

		f->ram_bytes += b->size_bytes;
		r = kr_ramtree_add(f->tree, b->name, b->name_bytes,
				   b->size_bytes, e);
	}
	return r < 0 ? r : kr_ramtree_ready(f->tree, e);
}

static int is_not_missing(const struct kr_flow *f, const struct kr_item *i,
			  struct kr_err *e)
{
	return kr_fail(e, f->source ? KR_E_STREAM : KR_E_LANE_MALFORMED,
		       "post-copy: page %llu of block %u is not missing",
		       (unsigned long long)i->page, i->block);
}

static int take_pages(struct kr_flow *f, uint8_t channel,
		      const struct kr_item *i, const uint8_t *digest,
		      struct kr_err *e)
{
	bool zero = i->kind == KR_ITEM_FILL;

	f->n_pages += i->n;
	f->n_zero_pages += zero ? i->n : 0;
	f->n_late_pages += f->late ? i->n : 0;
	f->n_urgent_pages += f->channels[channel].urgent ? i->n : 0;
	if (f->segment) {
		int r = kr_segment_take(f->segment, channel, i, digest, e);

		return r > 0 ? is_not_missing(f, i, e) : r;
	}
	if (f->late && !kr_ramtree_lacks(f->tree, i->block, i->page, i->n))
		return is_not_missing(f, i, e);
	if (zero)
		kr_ramtree_fill(f->tree, i->block, i->page, i->n, i->fill);
	else
		kr_ramtree_set(f->tree, i->block, i->page, digest);
	return 0;
}

static void show_missing(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->progress.n_missing_pages = f->segment ? 0 :
				      kr_ramtree_missing(f->tree);
	f->progress.n_late_pages = f->n_late_pages;
	f->progress.n_urgent_pages = f->n_urgent_pages;
	pthread_mutex_unlock(&f->lock);
}

/* Under books. */
static int enter(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		 const struct kr_stretch *s, const struct kr_items *items,
		 const uint8_t (*digests)[32], struct kr_err *e)
{
	struct kr_channel *c = &f->channels[channel];
	struct kr_piecesha between;	/* the pages */
	const uint8_t *from = raw;
	int r = s->blocks ? grow_tree(f, e) : 0;

	kr_piecesha_init(&between, c->sha);
	for (unsigned int k = 0; !r && k < items->n; k++) {
		const struct kr_item *i = &items->i[k];

		if (i->kind == KR_ITEM_DISCARD) {
			kr_ramtree_clear(f->tree, i->block, i->page, i->n);
			continue;
		}
		r = take_pages(f, channel, i, digests[k], e);
		if (r < 0 || i->kind != KR_ITEM_PAGE)
			continue;
		kr_piecesha_add(&between, from, (size_t)(raw + i->at - from));
		from = raw + i->at + KR_PAGE_BYTES;
	}
	kr_piecesha_add(&between, from, (size_t)(raw + s->n_bytes - from));
	c->n_bytes += s->n_bytes;
	if (!kr_piecesha_flush(&between) && !r)
		r = kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
	if (!r && s->split) {
		f->late = true;
		f->split.owed_pages = kr_ramtree_missing(f->tree);
		r = sum_up(f, &f->split.manifest, e);
	}
	show_missing(f);
	return r;
}

int kr_account_stretch(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		       const struct kr_stretch *s, const struct kr_items *items,
		       const uint8_t (*digests)[32], struct kr_err *e)
{
	int r;

	pthread_mutex_lock(&f->books);
	r = enter(f, channel, raw, s, items, digests, e);
	pthread_mutex_unlock(&f->books);
	return r;
}

bool kr_account_is_late(struct kr_flow *f)
{
	bool late;

	pthread_mutex_lock(&f->books);
	late = f->late;
	pthread_mutex_unlock(&f->books);
	return late;
}

void kr_account_tell_split(struct kr_flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->has_split = true;
	pthread_mutex_unlock(&f->lock);
	kr_flow_news(f);
}

int kr_account_loose(struct kr_flow *f, uint8_t channel,
		     const uint8_t *raw, size_t n, struct kr_err *e)
{
	struct kr_channel *c = &f->channels[channel];

	c->n_bytes += n;
	return EVP_DigestUpdate(c->sha, raw, n) == 1 ? 0 :
		       kr_fail(e, KR_E_CRYPTO, "SHA-256 failed");
}

bool kr_account_learns(struct kr_flow *f, bool link_is_slow,
		       const struct kr_items *items, const struct kr_refs *refs)
{
	unsigned int n_pages = 0;
	bool learn;

	for (unsigned int k = 0; k < items->n; k++)
		n_pages += items->i[k].kind == KR_ITEM_PAGE;
	f->n_asked += n_pages;
	f->n_known += refs->n;
	/* of n pages only n_learned could have been known again */
	learn = link_is_slow || f->n_known * LEARN_SHARE > f->n_learned ||
		f->n_tries++ % LEARN_TRY == 0;
	f->n_learned += learn ? n_pages : 0;
	if (f->n_asked >= LEARN_WINDOW) {
		f->n_asked /= 2;
		f->n_known /= 2;
		f->n_learned /= 2;
	}
	return learn;
}

/* ---- the end ----------------------------------------------------------- */

int kr_account_manifest(struct kr_flow *f, struct kr_manifest *ret_m,
			struct kr_err *e)
{
	const struct kr_qstream_stat *s = kr_qstream_stat(f->qstream);
	const char *reason = NULL;
	struct kr_manifest m = { 0 };
	int r;

	r = kr_channel_cut(f, 0, 0, e);
	if (!r && f->urgent && f->channels[1].open)
		r = kr_channel_cut(f, 1, 0, e);
	if (r < 0)
		return r;
	for (uint8_t i = 0; i < f->n_channels; i++) {
		struct kr_channel *c = &f->channels[i];

		if (c->mf)
			kr_mfstream_finish(c->mf);
		s = c->mf ? kr_mfstream_stat(c->mf) : s;
		m.opaque |= s->phase == KR_QSTREAM_OPAQUE;
		reason = reason ?: s->reason;
	}
	r = sum_up(f, &m, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&f->lock);
	m.opaque |= f->loose;
	if (f->loose)
		reason = f->source && reason ? reason :
			 "a channel is not understood, or out of step";
	f->progress.phase = KR_PLANE_DONE;
	if (f->last_ns)
		f->progress.verdict_us = (kr_now_ns() - f->last_ns) / 1000;
	pthread_mutex_unlock(&f->lock);
	snprintf(m.reason, sizeof(m.reason), "%s", reason ?: "");
	*ret_m = m;
	return 0;
}

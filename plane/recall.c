/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recall.c - the page store that both ends keep alike. Runs in the
 * data-plane agent; a slot's number may be the peer's.
 */
#include "plane/recall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"

#define DIGEST	KR_RECALL_DIGEST_BYTES
#define NONE	KR_RECALL_NONE

/* What the source must know of a slot to find it again. */
struct entry {
	uint8_t	 digest[DIGEST];
	uint64_t page;
	uint16_t block;
	uint32_t next_same, next_version;	/* in their chains */
};

struct kr_recall {
	uint32_t      n_slots, n_used, hand;
	uint32_t      mask;			/* of the two tables */
	uint8_t	    (*content)[KR_PAGE_BYTES];
	bool	     *recent;
	struct entry *entries;			/* NULL at the destination */
	uint32_t     *same, *version;		/* heads of chains */
};

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

int kr_recall_new(uint32_t n_slots, bool index, struct kr_recall **ret_r,
		  struct kr_err *e)
{
	struct kr_recall *r = calloc(1, sizeof(*r));
	size_t n_heads = power_of_two(n_slots);

	if (!r)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	r->n_slots = n_slots;
	r->mask = (uint32_t)n_heads - 1;
	r->content = aligned_alloc(KR_PAGE_BYTES,
				   (n_slots + 1ul) * KR_PAGE_BYTES);
	r->recent = calloc(n_slots + 1ul, sizeof(*r->recent));
	if (index) {
		r->entries = calloc(n_slots + 1ul, sizeof(*r->entries));
		r->same = malloc(n_heads * sizeof(*r->same));
		r->version = malloc(n_heads * sizeof(*r->version));
	}
	if (!r->content || !r->recent ||
	    (index && (!r->entries || !r->same || !r->version))) {
		kr_recall_free(r);
		return kr_fail(e, KR_E_SYSTEM, "out of memory for %u pages",
			       n_slots);
	}
	if (index) {
		memset(r->same, 0xff, n_heads * sizeof(*r->same));
		memset(r->version, 0xff, n_heads * sizeof(*r->version));
	}
	/* fewer, larger first touches; a kernel without it does without */
	madvise(r->content, n_slots * (size_t)KR_PAGE_BYTES, MADV_HUGEPAGE);
	*ret_r = r;
	return 0;
}

static uint32_t *same_head(const struct kr_recall *r, const uint8_t *digest)
{
	uint32_t h;

	memcpy(&h, digest, sizeof(h));
	return &r->same[h & r->mask];
}

static uint32_t *version_head(const struct kr_recall *r, uint16_t block,
			      uint64_t page)
{
	uint64_t h = (page ^ (uint64_t)block << 48) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return &r->version[(uint32_t)(h >> 32) & r->mask];
}

uint32_t kr_recall_same(const struct kr_recall *r,
			const uint8_t digest[DIGEST])
{
	uint32_t i = *same_head(r, digest);

	while (i != NONE && memcmp(r->entries[i].digest, digest, DIGEST))
		i = r->entries[i].next_same;
	return i;
}

uint32_t kr_recall_version(const struct kr_recall *r, uint16_t block,
			   uint64_t page)
{
	uint32_t i = *version_head(r, block, page);

	while (i != NONE && (r->entries[i].block != block ||
			     r->entries[i].page != page))
		i = r->entries[i].next_version;
	return i;
}

const uint8_t *kr_recall_content(const struct kr_recall *r, uint32_t slot)
{
	return slot < r->n_used ? r->content[slot] : NULL;
}

void kr_recall_touch(struct kr_recall *r, uint32_t slot)
{
	assert(slot < r->n_used);
	r->recent[slot] = true;
}

static void unlink_entry(struct kr_recall *r, uint32_t slot)
{
	const struct entry *x = &r->entries[slot];
	uint32_t *p = same_head(r, x->digest);

	while (*p != slot)
		p = &r->entries[*p].next_same;
	*p = x->next_same;
	p = version_head(r, x->block, x->page);
	while (*p != slot)
		p = &r->entries[*p].next_version;
	*p = x->next_version;
}

static void link_entry(struct kr_recall *r, uint32_t slot,
		       const struct kr_item *page, const uint8_t *digest)
{
	struct entry *x = &r->entries[slot];
	uint32_t *same = same_head(r, digest);
	uint32_t *version = version_head(r, page->block, page->page);

	memcpy(x->digest, digest, DIGEST);
	x->page = page->page;
	x->block = page->block;
	x->next_same = *same;
	x->next_version = *version;
	*same = *version = slot;
}

/* The next slot to give up. */
static uint32_t sweep(struct kr_recall *r)
{
	uint32_t slot;

	while (r->recent[r->hand]) {
		r->recent[r->hand] = false;
		r->hand = (r->hand + 1) % r->n_slots;
	}
	slot = r->hand;
	r->hand = (r->hand + 1) % r->n_slots;
	return slot;
}

void kr_recall_learn(struct kr_recall *r, uint32_t slot,
		     const struct kr_item *page, const uint8_t *data,
		     const uint8_t *digest)
{
	bool fresh = slot >= r->n_used && r->n_used < r->n_slots;

	if (!r->n_slots)
		return;
	if (fresh)
		slot = r->n_used++;
	else if (slot >= r->n_used)
		slot = sweep(r);
	if (r->entries && !fresh)
		unlink_entry(r, slot);
	if (r->entries)
		link_entry(r, slot, page, digest);
	memcpy(r->content[slot], data, KR_PAGE_BYTES);
}

void kr_recall_free(struct kr_recall *r)
{
	if (!r)
		return;
	if (r->content)		/* a guest's memory is nobody else's */
		kr_wipe(r->content, r->n_used * (size_t)KR_PAGE_BYTES);
	free(r->content);
	free(r->recent);
	free(r->entries);
	free(r->same);
	free(r->version);
	free(r);
}

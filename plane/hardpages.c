/* SPDX-License-Identifier: Apache-2.0 */
/* hardpages.c - pages that do not compress. In the data-plane agent. */
#include "plane/hardpages.h"

static uint64_t *word(struct kr_hardpages *h, const struct kr_item *i,
		      uint64_t *bit)
{
	uint64_t x = (i->page ^ (uint64_t)i->block << 48) *
		     UINT64_C(0x9e3779b97f4a7c15);

	*bit = UINT64_C(1) << (x >> 58);
	return &h->words[(x >> 32) % KR_HARDPAGES_WORDS];
}

bool kr_hardpages_are(struct kr_hardpages *h, const struct kr_items *items)
{
	unsigned int n_pages = 0, n_hard = 0;
	uint64_t bit;

	if (__atomic_add_fetch(&h->n_asked, 1, __ATOMIC_RELAXED) %
	    KR_HARDPAGES_TRY == 0)
		return false;
	for (unsigned int k = 0; k < items->n; k++) {
		const uint64_t *w = word(h, &items->i[k], &bit);

		if (items->i[k].kind != KR_ITEM_PAGE)
			continue;
		n_pages++;
		n_hard += (__atomic_load_n(w, __ATOMIC_RELAXED) & bit) != 0;
	}
	return 2 * n_hard > n_pages;
}

void kr_hardpages_note(struct kr_hardpages *h, const struct kr_items *items,
		       bool hard)
{
	uint64_t bit;

	for (unsigned int k = 0; k < items->n; k++) {
		uint64_t *w = word(h, &items->i[k], &bit);

		if (items->i[k].kind != KR_ITEM_PAGE)
			continue;
		if (hard)
			__atomic_or_fetch(w, bit, __ATOMIC_RELAXED);
		else
			__atomic_and_fetch(w, ~bit, __ATOMIC_RELAXED);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hardpages.h - guest pages that did not compress when they were sent last,
 * so that they are not tried again each round. A fixed table by a hash of
 * the page's place: a page may be taken for another, which costs a little
 * compression and nothing else. Any thread. Used by plane/send.c.
 */
#ifndef KR_PLANE_HARDPAGES_H
#define KR_PLANE_HARDPAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "plane/item.h"

#define KR_HARDPAGES_WORDS	16384u	/* a bit for each of a million pages */
#define KR_HARDPAGES_TRY	16u	/* one batch in so many is tried anew */

struct kr_hardpages {
	uint64_t words[KR_HARDPAGES_WORDS];
	uint64_t n_asked;
};

/** kr_hardpages_are() - Are most pages of a stretch known to be hard? */
bool kr_hardpages_are(struct kr_hardpages *h, const struct kr_items *items);

/** kr_hardpages_note() - They were, or were not, when it was squeezed. */
void kr_hardpages_note(struct kr_hardpages *h, const struct kr_items *items,
		       bool hard);

#endif

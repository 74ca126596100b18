/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - what a migration comes to: the memory tree, the digests of what
 * is in no page, and the manifest they make; and what is worth remembering.
 * Used by plane/send.c and plane/receive.c in turn, and by plane/pump.c once
 * all is over.
 */
#ifndef KR_PLANE_ACCOUNT_H
#define KR_PLANE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/batch.h"
#include "plane/item.h"
#include "plane/manifest.h"

struct kr_flow;
struct kr_stretch;

/**
 * kr_account_stretch() - In turn: a stretch, its pages hashed; an urgent one
 * in no turn
 *
 * One that ends with the split has its manifest made.
 * Return: 0; behind the split KR_E_STREAM at the source, KR_E_LANE_MALFORMED
 *	   at the destination, if a page is not missing.
 */
int kr_account_stretch(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		       const struct kr_stretch *s,
		       const struct kr_items *items,
		       const uint8_t (*digests)[32], struct kr_err *e);

/** kr_account_loose() - A loose stretch; on its lane, in no turn. */
int kr_account_loose(struct kr_flow *f, uint8_t channel, const uint8_t *raw,
		     size_t n, struct kr_err *e);

/** kr_account_learns() - Source, in turn: shall both ends remember it? */
bool kr_account_learns(struct kr_flow *f, bool link_is_slow,
		       const struct kr_items *items,
		       const struct kr_refs *refs);

/** kr_account_is_late() - Is the split behind us? A VM may wait for the rest. */
bool kr_account_is_late(struct kr_flow *f);

/** kr_account_tell_split() - The split's manifest may be told from now on. */
void kr_account_tell_split(struct kr_flow *f);

/** kr_account_manifest() - Main, once, when all lanes have ended. */
int kr_account_manifest(struct kr_flow *f, struct kr_manifest *ret_m,
			struct kr_err *e);

#endif

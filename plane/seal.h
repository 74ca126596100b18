/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - what a stretch is, as one number that travels in its batch's head:
 * made at the source of what the hypervisor wrote, compared at the
 * destination with what is about to be given to the hypervisor there. So no
 * page is placed that was not verified, whatever it was put together from,
 * long before there is a manifest. One of these per thread; no turn needed.
 *
 * Seal = SHA-256(u64 ticket | u8 channel | u32 items | for each: u8 kind |
 *		  u16 block | u64 page | u32 pages | u8 fill |
 *		  SHA-256 of its content if it is a page; then the bytes of the
 *		  stretch that are no page's content), integers big-endian.
 */
#ifndef KR_PLANE_SEAL_H
#define KR_PLANE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_SEAL_BYTES	32u

struct kr_seal;

int kr_seal_new(struct kr_seal **ret_s, struct kr_err *e);

/**
 * kr_seal_make() - The seal of a stretch
 * @digests: of the items that are pages, at the item's index
 */
int kr_seal_make(struct kr_seal *s, uint64_t ticket, uint8_t channel,
		 const uint8_t *raw, size_t n, const struct kr_items *items,
		 const uint8_t (*digests)[32], uint8_t ret_seal[KR_SEAL_BYTES],
		 struct kr_err *e);

void kr_seal_free(struct kr_seal *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recall.h - pages that both ends remember: a bounded store of page contents
 * in numbered slots, kept alike at source and destination because both learn
 * and recall in the same order. A page that is already in it travels as a
 * slot's number, a page that changed as its difference to a slot. Used by
 * plane/batch.c in the data-plane agent; not thread-safe: in turn only.
 *
 * Slots are given up by the clock rule: the hand passes over, once, those
 * recalled since it came by last.
 */
#ifndef KR_PLANE_RECALL_H
#define KR_PLANE_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/item.h"

#define KR_RECALL_NONE		UINT32_MAX
#define KR_RECALL_DIGEST_BYTES	32u

struct kr_recall;

/**
 * kr_recall_new() - An empty store
 * @n_slots: of 4 KiB each, the same at both ends; 0 is allowed
 * @index:   true at the source, which looks up
 */
int kr_recall_new(uint32_t n_slots, bool index, struct kr_recall **ret_r,
		  struct kr_err *e);

/** kr_recall_same() - The slot with this content; KR_RECALL_NONE if none. */
uint32_t kr_recall_same(const struct kr_recall *r,
			const uint8_t digest[KR_RECALL_DIGEST_BYTES]);

/** kr_recall_version() - The slot that this guest page was learned into. */
uint32_t kr_recall_version(const struct kr_recall *r, uint16_t block,
			   uint64_t page);

/**
 * kr_recall_content() - A slot's 4096 bytes
 *
 * Return: NULL if nothing was ever learned into it.
 */
const uint8_t *kr_recall_content(const struct kr_recall *r, uint32_t slot);

/** kr_recall_touch() - It was referred to: keep it a while longer. */
void kr_recall_touch(struct kr_recall *r, uint32_t slot);

/**
 * kr_recall_learn() - Remember a page
 * @slot:   to learn into, or KR_RECALL_NONE: the clock decides
 * @digest: of @data, at the source; NULL elsewhere
 */
void kr_recall_learn(struct kr_recall *r, uint32_t slot,
		     const struct kr_item *page, const uint8_t *data,
		     const uint8_t *digest);

/** kr_recall_free() - NULL is fine. */
void kr_recall_free(struct kr_recall *r);

#endif

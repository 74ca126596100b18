/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ramtree.h - what a VM's memory is, as one number: a digest for every 4 KiB
 * page of every RAM block, the last version of a page winning, under a binary
 * Merkle tree per block that is kept up to date while pages stream by.
 * Used by plane/account.c in the data-plane agent, on both hosts.
 *
 * leaf = SHA-256(page), or 32 zero bytes for a page that was never sent, or
 * was discarded since;
 * node = SHA-256(0x01 | left | right), an odd last node moves up unchanged;
 * block root = the one node left; a block without pages has 32 zero bytes.
 * RAM root = SHA-256(u32 n_blocks | for each: u8 name length | name |
 *                    u64 size in bytes | block root), integers big-endian.
 * Memory: at most 64 bytes and 2 bits per page, allocated once.
 */
#ifndef KR_PLANE_RAMTREE_H
#define KR_PLANE_RAMTREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define KR_RAMTREE_PAGE_BYTES	4096u
#define KR_RAMTREE_DIGEST_BYTES	32u
#define KR_RAMTREE_BLOCKS_MAX	1024u

struct kr_ramtree;

/**
 * kr_ramtree_new() - An empty tree
 * @limit_bytes: what the blocks together may measure
 */
int kr_ramtree_new(uint64_t limit_bytes, struct kr_ramtree **ret_t,
		   struct kr_err *e);

/**
 * kr_ramtree_add() - Announce the next block; before kr_ramtree_ready()
 * @name: @name_bytes of it, copied; not a string, foreign
 *
 * Return: 0; KR_E_RAM_LIMIT if the blocks are too many or too large.
 */
int kr_ramtree_add(struct kr_ramtree *t, const uint8_t *name,
		   uint8_t name_bytes, uint64_t size_bytes, struct kr_err *e);

/** kr_ramtree_ready() - All blocks are known: allocate. Once. */
int kr_ramtree_ready(struct kr_ramtree *t, struct kr_err *e);

/**
 * kr_ramtree_set() - A page was sent
 * @block:  index in order of kr_ramtree_add()
 * @page:   index in its block; out of range is the caller's mistake
 * @digest: SHA-256 of its 4096 bytes
 *
 * Every KR_RAMTREE_SETTLE_PAGES pages, they settle.
 */
void kr_ramtree_set(struct kr_ramtree *t, unsigned int block, uint64_t page,
		    const uint8_t digest[KR_RAMTREE_DIGEST_BYTES]);

/** kr_ramtree_fill() - @n pages from @page on are of @fill in every byte. */
void kr_ramtree_fill(struct kr_ramtree *t, unsigned int block, uint64_t page,
		     uint64_t n, uint8_t fill);
#define KR_RAMTREE_SETTLE_PAGES	512u

/** kr_ramtree_clear() - @n pages from @page on are as if never sent. */
void kr_ramtree_clear(struct kr_ramtree *t, unsigned int block, uint64_t page,
		      uint64_t n);

/** kr_ramtree_lacks() - Was none of @n pages from @page on sent, or all
 * cleared since? */
bool kr_ramtree_lacks(const struct kr_ramtree *t, unsigned int block,
		      uint64_t page, uint64_t n);

/** kr_ramtree_missing() - Pages of all blocks that are not there. */
uint64_t kr_ramtree_missing(const struct kr_ramtree *t);

/** kr_ramtree_pages() - Pages in a block. */
uint64_t kr_ramtree_pages(const struct kr_ramtree *t, unsigned int block);

/** kr_ramtree_settle() - Bring the inner nodes up to date: O(changed log n). */
void kr_ramtree_settle(struct kr_ramtree *t);

/**
 * kr_ramtree_root() - Settle and give the RAM root
 * @ret_root: 32 zero bytes when no blocks became ready
 *
 * Return: 0; KR_E_CRYPTO if any digest since the start has failed.
 */
int kr_ramtree_root(struct kr_ramtree *t,
		    uint8_t ret_root[KR_RAMTREE_DIGEST_BYTES],
		    struct kr_err *e);

void kr_ramtree_free(struct kr_ramtree *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pagecache.c - a tenant's pages on disk. Runs in the data-plane agent, which
 * has the file as a descriptor and the key in memory.
 */
#include "plane/pagecache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"

#define PAGE		KR_PAGE_BYTES
#define DIGEST		32u
#define PER_PAGE	(PAGE / DIGEST)		/* digests */
#define MAGIC		0x4b525043u		/* "KRPC" */
#define VERSION		1u
#define INDEX_UNIT	(UINT64_C(1) << 63)	/* its tweaks, not the slots' */
#define NONE		UINT32_MAX
#define ROOM_SHARE	64u	/* of the slots, for what comes */

struct kr_pagecache {
	int		fd;
	uint32_t	n_slots, n_used, next;	/* next: to be replaced */
	uint32_t	n_told, room_at, room;	/* @told: as opened */
	uint32_t	n_put;
	bool		told, damaged, dirty, full;
	uint32_t	n_index_pages, mask;
	uint8_t	      (*digests)[DIGEST];	/* whole pages of them */
	uint32_t       *heads, *chain;		/* by digest */
	EVP_CIPHER_CTX *seal, *open;
	pthread_mutex_t	lock;
};

/* One page under its unit's number. */
static int crypt_page(EVP_CIPHER_CTX *ctx, uint64_t unit, const uint8_t *in,
		      uint8_t *out)
{
	uint8_t tweak[16] = { 0 };
	int n = 0;

	memcpy(tweak, &unit, sizeof(unit));
	return EVP_CipherInit_ex2(ctx, NULL, NULL, tweak, -1, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, out, &n, in, PAGE) == 1 && n == PAGE ?
		       0 : -1;
}

static off_t index_at(uint32_t page)
{
	return (off_t)PAGE * (1 + (off_t)page);
}

static off_t slot_at(const struct kr_pagecache *c, uint32_t slot)
{
	return (off_t)PAGE * (1 + (off_t)c->n_index_pages + slot);
}

static int write_head(struct kr_pagecache *c, bool clean)
{
	uint8_t b[PAGE] = { 0 };
	struct kr_wr w = KR_WR(b, sizeof(b));

	kr_wr_u32(&w, MAGIC);
	kr_wr_u32(&w, VERSION);
	kr_wr_u32(&w, c->n_slots);
	kr_wr_u32(&w, c->n_used);
	kr_wr_u32(&w, c->next);
	kr_wr_u8(&w, clean);
	return pwrite(c->fd, b, PAGE, 0) == PAGE ? 0 : -1;
}

/* Return: true if the file is one of ours, of this size, and was closed. */
static bool read_head(struct kr_pagecache *c)
{
	uint8_t b[PAGE];
	struct kr_rd r = KR_RD(b, sizeof(b));

	if (pread(c->fd, b, PAGE, 0) != PAGE || kr_rd_u32(&r) != MAGIC ||
	    kr_rd_u32(&r) != VERSION || kr_rd_u32(&r) != c->n_slots)
		return false;
	c->n_used = kr_rd_u32(&r);
	c->next = kr_rd_u32(&r);
	return kr_rd_u8(&r) == 1 && c->n_used <= c->n_slots &&
	       c->next < c->n_slots &&
	       (c->next == c->n_used || c->n_used == c->n_slots);
}

static bool read_index(struct kr_pagecache *c)
{
	uint8_t b[PAGE];

	for (uint32_t i = 0; i < (c->n_used + PER_PAGE - 1) / PER_PAGE; i++)
		if (pread(c->fd, b, PAGE, index_at(i)) != PAGE ||
		    crypt_page(c->open, INDEX_UNIT | i, b,
			       c->digests[i * PER_PAGE]))
			return false;
	return true;
}

static uint32_t *head(struct kr_pagecache *c, const uint8_t *digest)
{
	uint32_t h;

	memcpy(&h, digest, sizeof(h));
	return &c->heads[h & c->mask];
}

static void link_slot(struct kr_pagecache *c, uint32_t slot)
{
	uint32_t *p = head(c, c->digests[slot]);

	c->chain[slot] = *p;
	*p = slot;
}

static void unlink_slot(struct kr_pagecache *c, uint32_t slot)
{
	uint32_t *p = head(c, c->digests[slot]);

	while (*p != slot)
		p = &c->chain[*p];
	*p = c->chain[slot];
}

static EVP_CIPHER_CTX *cipher(const uint8_t *key, int seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex2(ctx, EVP_aes_256_xts(), key, NULL, seal,
				      NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int make(struct kr_pagecache *c, const uint8_t *key, struct kr_err *e)
{
	size_t n_heads = 1;

	while (n_heads < c->n_slots)
		n_heads *= 2;
	c->mask = (uint32_t)n_heads - 1;
	c->n_index_pages = (c->n_slots + PER_PAGE - 1) / PER_PAGE;
	c->seal = cipher(key, 1);
	c->open = cipher(key, 0);
	if (!c->seal || !c->open)
		return kr_fail(e, KR_E_CRYPTO, "AES-XTS is not available");
	c->digests = calloc(c->n_index_pages, PAGE);
	c->heads = malloc(n_heads * sizeof(*c->heads));
	c->chain = malloc(c->n_slots * sizeof(*c->chain));
	if (!c->digests || !c->heads || !c->chain)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	memset(c->heads, 0xff, n_heads * sizeof(*c->heads));
	return 0;
}

/* Is the slot for what comes? It is not told, and nobody may ask for it. */
static bool is_room(const struct kr_pagecache *c, uint32_t slot)
{
	uint32_t from = slot >= c->room_at ? slot - c->room_at :
					     slot + c->n_slots - c->room_at;

	return from < c->room;
}

/* All that is free, and if that is little, what is oldest. */
static void make_room(struct kr_pagecache *c)
{
	uint32_t n_free = c->n_slots - c->n_used;
	uint32_t n_least = c->n_slots / ROOM_SHARE + 1;

	c->n_told = c->n_used;
	c->room_at = c->next;
	c->room = n_free > n_least ? n_free : n_least;
}

int kr_pagecache_open(int fd, const uint8_t key[KR_PAGECACHE_KEY_BYTES],
		      uint32_t n_slots, enum kr_pagecache_use use,
		      struct kr_pagecache **ret_c, struct kr_err *e)
{
	struct kr_pagecache *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		kr_fd_close(&fd);
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	}
	c->fd = fd;
	c->n_slots = n_slots;
	c->told = use == KR_PAGECACHE_TELL;
	c->full = use == KR_PAGECACHE_LOOK;
	pthread_mutex_init(&c->lock, NULL);
	r = make(c, key, e);
	if (r < 0) {
		kr_pagecache_close(c);
		return r;
	}
	if (!read_head(c) || !read_index(c))
		c->n_used = c->next = 0;
	if (use == KR_PAGECACHE_TELL)
		make_room(c);
	if (use == KR_PAGECACHE_LOOK)
		c->n_told = c->n_used;
	for (uint32_t i = 0; i < c->n_used; i++)
		if (!is_room(c, i))
			link_slot(c, i);
	*ret_c = c;
	return 0;
}

uint32_t kr_pagecache_told(const struct kr_pagecache *c)
{
	return c->n_told;
}

const uint8_t *kr_pagecache_name(const struct kr_pagecache *c, uint32_t slot)
{
	static const uint8_t nothing[KR_PAGECACHE_NAME_BYTES];

	return is_room(c, slot) ? nothing : c->digests[slot];
}

int kr_pagecache_get(struct kr_pagecache *c, uint32_t slot,
		     uint8_t out[PAGE], struct kr_err *e)
{
	uint8_t sealed[PAGE], digest[DIGEST];
	bool good;

	if (slot >= c->n_told || is_room(c, slot))
		return kr_fail(e, KR_E_LANE_MALFORMED,
			       "a page that this host never told of");
	good = pread(c->fd, sealed, PAGE, slot_at(c, slot)) == PAGE &&
	       !crypt_page(c->open, slot, sealed, out) &&
	       EVP_Digest(out, PAGE, digest, NULL, EVP_sha256(), NULL) == 1 &&
	       !memcmp(digest, c->digests[slot], DIGEST);
	if (good)
		return 0;
	pthread_mutex_lock(&c->lock);
	c->damaged = true;
	pthread_mutex_unlock(&c->lock);
	return kr_fail(e, KR_E_PAGE_CACHE, "page %u is not what it was", slot);
}

/* Under lock. */
static void put(struct kr_pagecache *c, const uint8_t *page,
		const uint8_t *digest)
{
	uint8_t sealed[PAGE];
	uint32_t slot = *head(c, digest);

	while (slot != NONE && memcmp(c->digests[slot], digest, DIGEST))
		slot = c->chain[slot];
	if (slot != NONE || c->full || (c->told && c->n_put == c->room) ||
	    (!c->dirty && write_head(c, false)))
		return;
	c->dirty = true;
	slot = c->next;
	if (crypt_page(c->seal, slot, page, sealed) ||
	    pwrite(c->fd, sealed, PAGE, slot_at(c, slot)) != PAGE) {
		/* half of an old page may be gone: then all are given up */
		c->damaged |= slot < c->n_used;
		c->full = true;
		return;
	}
	/* with @told what makes room is not linked, and does so once */
	if (slot >= c->n_used)
		c->n_used = slot + 1;
	else if (!c->told)
		unlink_slot(c, slot);
	c->n_put++;
	c->next = (slot + 1) % c->n_slots;
	memcpy(c->digests[slot], digest, DIGEST);
	link_slot(c, slot);
}

void kr_pagecache_put(struct kr_pagecache *c, const uint8_t *page,
		      const uint8_t digest[32])
{
	pthread_mutex_lock(&c->lock);
	put(c, page, digest);
	pthread_mutex_unlock(&c->lock);
}

static void write_index(struct kr_pagecache *c)
{
	uint8_t b[PAGE];

	for (uint32_t i = 0; i < (c->n_used + PER_PAGE - 1) / PER_PAGE; i++)
		if (crypt_page(c->seal, INDEX_UNIT | i,
			       c->digests[i * PER_PAGE], b) ||
		    pwrite(c->fd, b, PAGE, index_at(i)) != PAGE)
			return;
	/* the slots before the word that they are there */
	if (!fdatasync(c->fd))
		write_head(c, true);
}

void kr_pagecache_close(struct kr_pagecache *c)
{
	if (!c)
		return;
	if (c->damaged)
		write_head(c, false);
	else if (c->dirty)
		write_index(c);
	kr_fd_close(&c->fd);
	EVP_CIPHER_CTX_free(c->seal);
	EVP_CIPHER_CTX_free(c->open);
	pthread_mutex_destroy(&c->lock);
	free(c->digests);
	free(c->heads);
	free(c->chain);
	free(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - what one end of the data plane says went through it: the
 * memory as one number and everything else as another. Made by plane/pump.c
 * on both hosts over the same bytes; compared and signed by kororad.
 * PROTOCOL.lane.md defines every field to the byte.
 */
#ifndef KR_PLANE_MANIFEST_H
#define KR_PLANE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"

#define KR_MANIFEST_VERSION	1u
#define KR_MANIFEST_DIGEST_BYTES 32u
#define KR_MANIFEST_REASON_BYTES 64u	/* with its NUL */
#define KR_MANIFEST_BYTES_MAX	(2u + 64u + 32u + 2u + KR_MANIFEST_REASON_BYTES)

struct kr_manifest {
	uint8_t	 opaque;		/* 1: not all pages were understood */
	uint8_t	 ram_root[KR_MANIFEST_DIGEST_BYTES];
	uint8_t	 device_digest[KR_MANIFEST_DIGEST_BYTES];
	uint64_t ram_bytes;		/* of all RAM blocks, as declared */
	uint64_t stream_bytes;		/* source's QEMU to destination's */
	uint64_t n_pages;		/* sent, every version of a page */
	uint64_t n_zero_pages;		/* of these */
	char	 reason[KR_MANIFEST_REASON_BYTES]; /* why opaque, or "" */
};

/** kr_manifest_put() - The canonical bytes, which kororad signs. */
void kr_manifest_put(struct kr_wr *w, const struct kr_manifest *m);

/** kr_manifest_parse() - Read them; other readers of @r may follow. */
int kr_manifest_parse(struct kr_rd *r, struct kr_manifest *ret_m,
		      struct kr_err *e);

/**
 * kr_manifest_same() - Did both ends see the same VM?
 *
 * All fields but the reason, which is for people.
 */
bool kr_manifest_same(const struct kr_manifest *a,
		      const struct kr_manifest *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qstream.h - an incremental reader of QEMU's migration stream (version 3,
 * single channel, precopy). Bytes come in any splits; pages come out in place
 * where they lie whole in what was pushed. Used by plane/pump.c in the
 * data-plane agent, on both hosts, over the same bytes.
 *
 * The reader never refuses a stream it does not understand: it turns opaque,
 * with a reason, and from then on only hashes. PROTOCOL.lane.md defines the
 * stream digest to the byte: SHA-256 over every byte of the stream that is
 * not one of the 4096 bytes of a page reported to @page.
 */
#ifndef KR_PLANE_QSTREAM_H
#define KR_PLANE_QSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define KR_QSTREAM_PAGE_BYTES	4096u
#define KR_QSTREAM_BLOCKS_MAX	1024u
#define KR_QSTREAM_DIGEST_BYTES	32u

struct kr_qstream_block {
	uint64_t size_bytes;
	uint8_t	 name_bytes;
	uint8_t	 name[255];		/* foreign, not a string */
};

/* Each may return < 0 to end the stream with @e. */
struct kr_qstream_ops {
	/** Once, before any page: the RAM blocks in stream order. */
	int (*blocks)(void *arg, const struct kr_qstream_block *b,
		      unsigned int n, struct kr_err *e);
	/** @data: 4096 bytes, borrowed; NULL for a page filled with @fill. */
	int (*page)(void *arg, unsigned int block, uint64_t page,
		    const uint8_t *data, uint8_t fill, struct kr_err *e);
	/** A RAM section ended: a moment to catch up. */
	int (*pause)(void *arg, struct kr_err *e);
};

enum kr_qstream_phase {
	KR_QSTREAM_HEAD,		/* before the RAM section */
	KR_QSTREAM_RAM,
	KR_QSTREAM_DEVICE,		/* RAM is complete: device state */
	KR_QSTREAM_OPAQUE,
	KR_QSTREAM_PHASE_N
};

struct kr_qstream_stat {
	uint64_t n_bytes;		/* pushed */
	uint64_t ram_bytes;		/* declared by the block list */
	uint64_t n_pages;		/* reported, every version, zero or not */
	uint64_t n_zero_pages;
	uint32_t rounds;		/* passes over memory, as seen from the
					   order of pages: an estimate */
	enum kr_qstream_phase phase;
	const char *reason;		/* static; why opaque, else NULL */
};

struct kr_qstream;

/**
 * kr_qstream_new() - A reader at the first byte of a stream
 * @limit_bytes: a declared RAM total beyond it is KR_E_RAM_LIMIT
 */
int kr_qstream_new(uint64_t limit_bytes, const struct kr_qstream_ops *ops,
		   void *arg, struct kr_qstream **ret_q, struct kr_err *e);

/** kr_qstream_push() - The next @n bytes; calls @ops; < 0 is final. */
int kr_qstream_push(struct kr_qstream *q, const uint8_t *data, size_t n,
		    struct kr_err *e);

/**
 * kr_qstream_finish() - The stream ended
 *
 * A stream that ends before its RAM was complete counts as opaque.
 */
int kr_qstream_finish(struct kr_qstream *q,
		      uint8_t ret_digest[KR_QSTREAM_DIGEST_BYTES],
		      struct kr_err *e);

const struct kr_qstream_stat *kr_qstream_stat(const struct kr_qstream *q);

void kr_qstream_free(struct kr_qstream *q);

#endif

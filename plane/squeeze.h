/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeeze.h - compression of a batch's body and its inverse. zstd's methods
 * go on where their last batch on the lane ended, so what came before need
 * not come again; lz4's batches stand alone. One of these per lane and end.
 */
#ifndef KR_PLANE_SQUEEZE_H
#define KR_PLANE_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plane/method.h"

#define KR_SQUEEZE_WINDOW_LOG	21	/* zstd looks back 2 MiB */

struct kr_squeeze;

int kr_squeeze_new(struct kr_squeeze **ret_s, struct kr_err *e);

/** kr_squeeze_bound() - Room to give for @n bytes, whatever the method. */
size_t kr_squeeze_bound(size_t n);

/**
 * kr_squeeze_forward() - Compress; not for KR_SQUEEZE_NONE
 * @out: kr_squeeze_bound(@n)
 *
 * Return: bytes written, more than @n perhaps; < 0 with KR_E_SYSTEM.
 */
long kr_squeeze_forward(struct kr_squeeze *s, enum kr_squeeze_method method,
			const uint8_t *in, size_t n, uint8_t *out,
			struct kr_err *e);

/**
 * kr_squeeze_reverse() - Decompress into exactly @n_out bytes
 *
 * Return: 0; KR_E_LANE_MALFORMED if it is not exactly that.
 */
int kr_squeeze_reverse(struct kr_squeeze *s, enum kr_squeeze_method method,
		       const uint8_t *in, size_t n, uint8_t *out,
		       size_t n_out, struct kr_err *e);

void kr_squeeze_free(struct kr_squeeze *s);

#endif

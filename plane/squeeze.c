/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeeze.c - lz4 and zstd as lanes use them. Runs in the data-plane agent;
 * what is decompressed is the peer's, into a buffer whose size was checked.
 */
#include "plane/squeeze.h"

#include <lz4.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

/* Level 1 is for speed: its table stays in a core's first cache. Level 9's
 * own would take 12 MiB more, for a window of 2. */
static const struct {
	int level, table_log;
} rows[KR_SQUEEZE_N] = {
	[KR_SQUEEZE_ZSTD_1] = { 1, 14 },
	[KR_SQUEEZE_ZSTD_3] = { 3, 17 },
	[KR_SQUEEZE_ZSTD_9] = { 9, 17 },
};

/* Contexts come with a method's first use. */
struct kr_squeeze {
	ZSTD_CCtx *out[KR_SQUEEZE_N];
	ZSTD_DCtx *in[KR_SQUEEZE_N];
};

int kr_squeeze_new(struct kr_squeeze **ret_s, struct kr_err *e)
{
	*ret_s = calloc(1, sizeof(**ret_s));
	return *ret_s ? 0 : kr_fail(e, KR_E_SYSTEM, "out of memory");
}

size_t kr_squeeze_bound(size_t n)
{
	size_t lz4 = (size_t)LZ4_compressBound((int)n);
	size_t zstd = ZSTD_compressBound(n) + 64;	/* + frame, flush */

	return lz4 > zstd ? lz4 : zstd;
}

static bool set_up(ZSTD_CCtx *c, enum kr_squeeze_method method)
{
	const struct {
		ZSTD_cParameter what;
		int		value;
	} set[] = {
		{ ZSTD_c_compressionLevel, rows[method].level },
		{ ZSTD_c_windowLog, KR_SQUEEZE_WINDOW_LOG },
		{ ZSTD_c_hashLog, rows[method].table_log },
		{ ZSTD_c_chainLog, rows[method].table_log },
	};

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		if (ZSTD_isError(ZSTD_CCtx_setParameter(c, set[i].what,
							set[i].value)))
			return false;
	return true;
}

static ZSTD_CCtx *compressor(struct kr_squeeze *s,
			     enum kr_squeeze_method method)
{
	ZSTD_CCtx *c = s->out[method];

	if (c)
		return c;
	c = s->out[method] = ZSTD_createCCtx();
	return c && set_up(c, method) ? c : NULL;
}

static ZSTD_DCtx *decompressor(struct kr_squeeze *s,
			       enum kr_squeeze_method method)
{
	ZSTD_DCtx *d = s->in[method];

	if (d)
		return d;
	d = s->in[method] = ZSTD_createDCtx();
	if (d && ZSTD_isError(ZSTD_DCtx_setParameter(d,
			ZSTD_d_windowLogMax, KR_SQUEEZE_WINDOW_LOG)))
		return NULL;
	return d;
}

long kr_squeeze_forward(struct kr_squeeze *s, enum kr_squeeze_method method,
			const uint8_t *in, size_t n, uint8_t *out,
			struct kr_err *e)
{
	ZSTD_outBuffer o = { out, kr_squeeze_bound(n), 0 };
	ZSTD_inBuffer i = { in, n, 0 };
	ZSTD_CCtx *c;

	if (method == KR_SQUEEZE_LZ4)
		return LZ4_compress_default((const char *)in, (char *)out,
					    (int)n, (int)o.size);
	c = compressor(s, method);
	if (!c || ZSTD_compressStream2(c, &o, &i, ZSTD_e_flush))
		return kr_fail(e, KR_E_SYSTEM, "zstd cannot compress");
	return (long)o.pos;
}

/* All of @in into all of @out, and nothing is held back. */
static bool fills(ZSTD_DCtx *d, ZSTD_inBuffer *in, ZSTD_outBuffer *out)
{
	uint8_t more;
	ZSTD_outBuffer spill = { &more, 1, 0 };

	while (in->pos < in->size || out->pos < out->size) {
		size_t was_in = in->pos, was_out = out->pos;

		if (ZSTD_isError(ZSTD_decompressStream(d, out, in)) ||
		    (in->pos == was_in && out->pos == was_out))
			return false;
	}
	return !ZSTD_isError(ZSTD_decompressStream(d, &spill, in)) &&
	       !spill.pos;
}

int kr_squeeze_reverse(struct kr_squeeze *s, enum kr_squeeze_method method,
		       const uint8_t *in, size_t n, uint8_t *out,
		       size_t n_out, struct kr_err *e)
{
	ZSTD_outBuffer o = { out, n_out, 0 };
	ZSTD_inBuffer i = { in, n, 0 };
	ZSTD_DCtx *d;

	if (method == KR_SQUEEZE_LZ4) {
		if (LZ4_decompress_safe((const char *)in, (char *)out, (int)n,
					(int)n_out) == (int)n_out)
			return 0;
	} else {
		d = decompressor(s, method);
		if (!d)
			return kr_fail(e, KR_E_SYSTEM, "zstd is not there");
		if (fills(d, &i, &o))
			return 0;
	}
	return kr_fail(e, KR_E_LANE_MALFORMED,
		       "a batch does not decompress to what it says");
}

void kr_squeeze_free(struct kr_squeeze *s)
{
	if (!s)
		return;
	for (int i = 0; i < KR_SQUEEZE_N; i++) {
		ZSTD_freeCCtx(s->out[i]);
		ZSTD_freeDCtx(s->in[i]);
	}
	free(s);
}

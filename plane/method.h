/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method.h - the ways a batch's body can be squeezed, by their number on the
 * lane. Used by plane/, and by kororad to name them to people.
 */
#ifndef KR_PLANE_METHOD_H
#define KR_PLANE_METHOD_H

enum kr_squeeze_method {
	KR_SQUEEZE_NONE,
	KR_SQUEEZE_LZ4,
	KR_SQUEEZE_ZSTD_1,		/* by zstd's level */
	KR_SQUEEZE_ZSTD_3,
	KR_SQUEEZE_ZSTD_9,
	KR_SQUEEZE_N
};

/** kr_squeeze_name() - "none", "lz4", "zstd-1" … */
const char *kr_squeeze_name(enum kr_squeeze_method method);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* method.c - the methods' names. In kororad and korora-plane. */
#include "plane/method.h"

const char *kr_squeeze_name(enum kr_squeeze_method method)
{
	static const char *const names[KR_SQUEEZE_N] = {
		[KR_SQUEEZE_NONE] = "none",
		[KR_SQUEEZE_LZ4] = "lz4",
		[KR_SQUEEZE_ZSTD_1] = "zstd-1",
		[KR_SQUEEZE_ZSTD_3] = "zstd-3",
		[KR_SQUEEZE_ZSTD_9] = "zstd-9",
	};

	return names[method];
}

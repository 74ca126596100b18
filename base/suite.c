/* SPDX-License-Identifier: Apache-2.0 */
/* suite.c - see suite.h: the table, for korora-plane, kororad and korora. */
#include "base/suite.h"

#include <string.h>

const struct kr_suite kr_suites[KR_SUITES] = {
	{ "TLS_AES_256_GCM_SHA384", { 0x13, 0x02 } },
	{ "TLS_AES_128_GCM_SHA256", { 0x13, 0x01 } },
	{ "TLS_CHACHA20_POLY1305_SHA256", { 0x13, 0x03 } },
};

const struct kr_suite *kr_suite_find(const char *name)
{
	for (size_t i = 0; i < KR_SUITES; i++)
		if (!strcmp(kr_suites[i].name, name))
			return &kr_suites[i];
	return NULL;
}

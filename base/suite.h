/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.h - the cipher suites of TLS 1.3 that sessions and lanes may have: all
 * that it has with a whole tag. A policy names no others, and a report holds
 * no others for good.
 */
#ifndef KR_BASE_SUITE_H
#define KR_BASE_SUITE_H

#include <stddef.h>
#include <stdint.h>

#define KR_SUITES		3u
#define KR_SUITE_BYTES_MAX	28u	/* of a name, without its NUL */

struct kr_suite {
	const char *name;		/* as OpenSSL and RFC 8446 have it */
	uint8_t	    id[2];		/* on the wire */
};

extern const struct kr_suite kr_suites[KR_SUITES];

/** kr_suite_find() - The one of that name; NULL if there is none. */
const struct kr_suite *kr_suite_find(const char *name);

#endif

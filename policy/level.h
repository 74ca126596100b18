/* SPDX-License-Identifier: Apache-2.0 */
/*
 * level.h - integrity levels and categories of subjects and objects: the
 * class functions c of the paper's state (a, B, c, D), section 4.1 (12, 13).
 *
 * Classes are ordered as Biba orders them (Integrity Considerations for
 * Secure Computer Systems, 1977): one is at least another if its level is,
 * and if it has all of the other's categories. A category is a tenant, or
 * whatever else must not mix.
 */
#ifndef KR_POLICY_LEVEL_H
#define KR_POLICY_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

/* Highest last; numbers are said in statements: append only. */
enum kr_level {
	KR_LEVEL_NONE,		/* no level: of names nobody knows */
	KR_LEVEL_USER_AGENT,	/* what users run; what they and peers send */
	KR_LEVEL_RELYING_PARTY,	/* who consumes what hosts prove */
	KR_LEVEL_IDENTITY,	/* who vouches for identities */
	KR_LEVEL_TRUSTED_AGENT,	/* kororad and its agents */
	KR_LEVEL_TPM,
	KR_LEVEL_N
};

#define KR_CATEGORIES_MAX	64u	/* a bit each */

struct kr_class {
	enum kr_level level;
	uint64_t      categories;
};

/** kr_class_at_least() - Is @x's integrity no lower than @y's? */
bool kr_class_at_least(struct kr_class x, struct kr_class y);

bool kr_class_same(struct kr_class x, struct kr_class y);

/** kr_level_name() - As policies write it: "trusted-agent"; NULL if none. */
const char *kr_level_name(enum kr_level level);

/** kr_level_find() - KR_LEVEL_NONE if no level has that name. */
enum kr_level kr_level_find(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - which role a user needs for which method of the local API.
 * The superuser holds every role; everyone else holds what was granted.
 */
#ifndef KR_POLICY_ACCESS_H
#define KR_POLICY_ACCESS_H

#include <stdbool.h>

enum kr_role {
	KR_ROLE_NONE	= 0,		/* anyone may: ping-like calls */
	KR_ROLE_OPERATE	= 1 << 0,	/* VMs and migrations */
	KR_ROLE_APPROVE	= 1 << 1,	/* second persons */
	KR_ROLE_AUDIT	= 1 << 2,	/* read everything, change nothing */
	KR_ROLE_ADMIN	= 1 << 3,	/* hosts, trust, users */
	KR_ROLE_ALL	= (1 << 4) - 1,
};

/** kr_access_role() - A role's bit by name, 0 if there is none such. */
enum kr_role kr_access_role(const char *name);

/**
 * kr_access_allows() - May somebody with @roles call @method?
 * A method that is not in the table is refused to everyone.
 */
bool kr_access_allows(const char *method, unsigned int roles);

/** kr_access_method() - The n-th row, for tests; NULL past the end. */
const char *kr_access_method(unsigned int n);

#endif

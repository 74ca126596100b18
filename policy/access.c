/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - the access table of the local API. Runs in kororad; pure. */
#include "policy/access.h"

#include <stddef.h>
#include <string.h>

#define READ	(KR_ROLE_OPERATE | KR_ROLE_APPROVE | KR_ROLE_AUDIT | \
		 KR_ROLE_ADMIN)

static const struct {
	const char  *method;
	unsigned int any_of;	/* one of these roles suffices */
} table[] = {
	{ "info",	    KR_ROLE_NONE },
	{ "host.add",	    KR_ROLE_ADMIN },
	{ "host.list",	    READ },
	{ "host.show",	    READ },
	{ "host.remove",    KR_ROLE_ADMIN },
	{ "trust.add",	    KR_ROLE_ADMIN },
	{ "trust.list",	    READ },
	{ "trust.remove",   KR_ROLE_ADMIN },
	{ "user.grant",	    KR_ROLE_ADMIN },
	{ "user.revoke",    KR_ROLE_ADMIN },
	{ "user.list",	    READ },
	{ "vm.define",	    KR_ROLE_OPERATE },
	{ "vm.list",	    READ },
	{ "vm.show",	    READ },
	{ "vm.start",	    KR_ROLE_OPERATE },
	{ "vm.stop",	    KR_ROLE_OPERATE },
	{ "vm.remove",	    KR_ROLE_OPERATE },
	{ "migrate",	    KR_ROLE_OPERATE },
	{ "status",	    READ },
	{ "cancel",	    KR_ROLE_OPERATE },
	{ "recover",	    KR_ROLE_OPERATE },
	{ "receipt.list",   READ },
	{ "receipt.show",   READ },
	{ "log.show",	    READ },
	{ "log.verify",	    READ },
	{ "doctor",	    READ },
};

enum kr_role kr_access_role(const char *name)
{
	static const struct {
		const char  *name;
		enum kr_role role;
	} names[] = {
		{ "operate", KR_ROLE_OPERATE }, { "approve", KR_ROLE_APPROVE },
		{ "audit", KR_ROLE_AUDIT }, { "admin", KR_ROLE_ADMIN },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return names[i].role;
	return KR_ROLE_NONE;
}

bool kr_access_allows(const char *method, unsigned int roles)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].method, method))
			return table[i].any_of == KR_ROLE_NONE ||
			       (table[i].any_of & roles);
	return false;
}

const char *kr_access_method(unsigned int n)
{
	return n < sizeof(table) / sizeof(table[0]) ? table[n].method : NULL;
}

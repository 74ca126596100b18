/* SPDX-License-Identifier: Apache-2.0 */
/* level.c - integrity levels and their order. Pure. */
#include "policy/level.h"

#include <stddef.h>
#include <string.h>

static const char *const names[KR_LEVEL_N] = {
	[KR_LEVEL_USER_AGENT]	 = "user-agent",
	[KR_LEVEL_RELYING_PARTY] = "relying-party",
	[KR_LEVEL_IDENTITY]	 = "identity-provider",
	[KR_LEVEL_TRUSTED_AGENT] = "trusted-agent",
	[KR_LEVEL_TPM]		 = "tpm",
};

bool kr_class_at_least(struct kr_class x, struct kr_class y)
{
	return x.level >= y.level && !(y.categories & ~x.categories);
}

bool kr_class_same(struct kr_class x, struct kr_class y)
{
	return x.level == y.level && x.categories == y.categories;
}

const char *kr_level_name(enum kr_level level)
{
	return (unsigned int)level < KR_LEVEL_N ? names[level] : NULL;
}

enum kr_level kr_level_find(const char *name)
{
	for (int i = KR_LEVEL_NONE + 1; i < KR_LEVEL_N; i++)
		if (!strcmp(names[i], name))
			return (enum kr_level)i;
	return KR_LEVEL_NONE;
}

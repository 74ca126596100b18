/* SPDX-License-Identifier: Apache-2.0 */
/* strategy.c - see strategy.h. Runs in kororad. */
#include "daemon/strategy.h"

#include <string.h>

static const char *const names[] = {
	[KR_STRATEGY_PRECOPY] = "precopy",
	[KR_STRATEGY_OFFLINE] = "offline",
	[KR_STRATEGY_POSTCOPY] = "postcopy",
	[KR_STRATEGY_HYBRID] = "hybrid",
};

const char *kr_strategy_name(enum kr_strategy s)
{
	return s < KR_STRATEGY_N ? names[s] : "?";
}

enum kr_strategy kr_strategy_find(const char *name)
{
	unsigned int s = 0;

	while (s < KR_STRATEGY_N && strcmp(name, names[s]))
		s++;
	return (enum kr_strategy)s;
}

bool kr_strategy_early(enum kr_strategy s)
{
	return s == KR_STRATEGY_POSTCOPY || s == KR_STRATEGY_HYBRID;
}

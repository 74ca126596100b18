/* SPDX-License-Identifier: Apache-2.0 */
/* strategy.h - the ways a VM's memory can move, by name. */
#ifndef KR_DAEMON_STRATEGY_H
#define KR_DAEMON_STRATEGY_H

#include <stdbool.h>

/* Numbers are stored: append only. */
enum kr_strategy {
	KR_STRATEGY_PRECOPY,
	KR_STRATEGY_OFFLINE,	/* pause first, then send */
	KR_STRATEGY_POSTCOPY,	/* run there at once, memory follows */
	KR_STRATEGY_HYBRID,	/* one pass, then post-copy if need be */
	KR_STRATEGY_N
};

/** kr_strategy_name() - "precopy", as terms and people say it. */
const char *kr_strategy_name(enum kr_strategy s);

/** kr_strategy_find() - By name; KR_STRATEGY_N if there is none such. */
enum kr_strategy kr_strategy_find(const char *name);

/** kr_strategy_early() - May the VM run before its memory is there? */
bool kr_strategy_early(enum kr_strategy s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenantcache.h - the page cache of a tenant: its file and its key, made on
 * first use below ROOT/var/lib/korora/pagecache/. kororad opens; only the
 * data plane reads and writes.
 */
#ifndef KR_DAEMON_TENANTCACHE_H
#define KR_DAEMON_TENANTCACHE_H

#include "daemon/host.h"
#include "plane/plane_msg.h"

#define KR_TENANTCACHE_MAX 16u	/* tenants that have one */

/**
 * kr_tenantcache_take() - Give a migration its tenant's page cache
 * @s:      cache_slots and cache_key are set; slots 0 if there is none, or
 *          another migration has it
 * @ret_fd: locked until all its copies are closed; -1 with slots 0
 *
 * For one more than KR_TENANTCACHE_MAX the one that was not used for longest
 * makes way, if no migration has it. A cache that cannot be had is no failure:
 * it is logged, and done without.
 */
void kr_tenantcache_take(const struct kr_host *h, const char *tenant,
			 struct kr_plane_start *s, int *ret_fd);

#endif

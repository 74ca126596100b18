/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostrow.h - the hosts enrolled here: where each is and which identity it
 * must prove. An empty fingerprint means that a certificate from a fleet
 * authority (trustrow.h) with the host's name is accepted.
 */
#ifndef KR_STORE_HOSTROW_H
#define KR_STORE_HOSTROW_H

#include <stdint.h>

#include "store/store.h"

struct kr_hostrow {
	char	 name[KR_STORE_NAME_BYTES];
	char	 address[280];		/* host:port */
	char	 fingerprint[64];	/* "SHA256:…" or "" */
	uint64_t added_ms;		/* wall clock */
	char	 added_by[128];
};

/** kr_hostrow_put() - Insert, or replace the row of that name. */
int kr_hostrow_put(struct kr_store *s, const struct kr_hostrow *h,
		   struct kr_err *e);

/** kr_hostrow_get() - Return: 0; KR_E_NO_HOST. */
int kr_hostrow_get(struct kr_store *s, const char *name,
		   struct kr_hostrow *ret_h, struct kr_err *e);

/** kr_hostrow_each() - By name; as kr_vmrow_each(). */
int kr_hostrow_each(struct kr_store *s,
		    int (*fn)(void *arg, const struct kr_hostrow *h,
			      struct kr_err *e),
		    void *arg, struct kr_err *e);

/** kr_hostrow_del() - Return: 0; KR_E_NO_HOST. */
int kr_hostrow_del(struct kr_store *s, const char *name, struct kr_err *e);

#endif

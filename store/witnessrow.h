/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witnessrow.h - what this host has seen of its peers' logs: for each the last
 * checkpoint that it cosigned. What a peer shows next has to have grown from
 * it (daemon/witness.c).
 */
#ifndef KR_STORE_WITNESSROW_H
#define KR_STORE_WITNESSROW_H

#include <stdint.h>

#include "store/logrow.h"

struct kr_witnessrow {
	char	 host[KR_STORE_NAME_BYTES];
	uint64_t size;			/* leaves; 0: none was seen yet */
	uint8_t	 root[32];
	char	 note[KR_LOGROW_NOTE_MAX];	/* signed by that host; or "" */
	uint32_t refused;		/* code on record of what it showed
					 * since; 0: it fits. 1: of before */
	uint32_t policy_version;	/* that it had in force; 0: none seen */
	uint8_t	 policy_digest[32];
};

/** kr_witnessrow_put() - Insert, or replace the row of that host. */
int kr_witnessrow_put(struct kr_store *s, const struct kr_witnessrow *w,
		      struct kr_err *e);

/** kr_witnessrow_get() - Return: 0; 1 if nothing was seen of its log. */
int kr_witnessrow_get(struct kr_store *s, const char *host,
		      struct kr_witnessrow *ret_w, struct kr_err *e);

/** kr_witnessrow_del() - Forget what was seen, if anything was. */
int kr_witnessrow_del(struct kr_store *s, const char *host, struct kr_err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight.h - could this host take this VM? The checks are a table; a user
 * sees them all (doctor, --dry-run), a migration stops at the first that
 * fails, before anything is started.
 */
#ifndef KR_DAEMON_PREFLIGHT_H
#define KR_DAEMON_PREFLIGHT_H

#include "daemon/host.h"
#include "wire/peermsg.h"

/**
 * kr_preflight_offer() - Run every check on an offer
 * @ret_c: all results, for people
 *
 * Return: 0; the first failed check's error in @e.
 */
int kr_preflight_offer(struct kr_host *h, const struct kr_offer *o,
		       struct kr_checks *ret_c, struct kr_err *e);

/**
 * kr_preflight_source() - Could this host send the VM away? As above.
 *
 * Only what that takes: another VM's trouble, or a bridge that this VM does
 * not use, is kr_preflight_host()'s to find.
 */
int kr_preflight_source(struct kr_host *h, const struct kr_offer *o,
			struct kr_checks *ret_c, struct kr_err *e);

/** kr_preflight_host() - Is this host itself in order? As above. */
int kr_preflight_host(struct kr_host *h, struct kr_checks *ret_c,
		      struct kr_err *e);

#endif

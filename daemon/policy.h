/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the policy in force on this host, and asking it.
 *
 * The files in ROOT/etc/korora/policy.d are read when kororad starts and when
 * it is told to (korora policy reload). What is wrong, or is not newer than
 * what is in force, is refused, and what is in force stays so: it is kept in
 * the store, with all that were before it.
 */
#ifndef KR_DAEMON_POLICY_H
#define KR_DAEMON_POLICY_H

#include "daemon/host.h"
#include "evidence/inforce.h"
#include "policy/book.h"

#define KR_POLICY_PART_BYTES	(512u << 10)

/**
 * kr_policy_open() - Take up what is in force; KR_E_CONFIG if nothing is
 *
 * What the folder holds replaces it, unless others have to approve that.
 */
int kr_policy_open(struct kr_host *h, struct kr_err *e);

/** kr_policy_offered() - Digest of what the folder holds, right or not. */
int kr_policy_offered(const struct kr_host *h, uint8_t ret_digest[32],
		      struct kr_err *e);

/**
 * kr_policy_reload() - Put what the folder holds in force
 * @approved: only this one, by its digest; NULL: any
 * @by:	      who asks, whom it must not raise himself; NULL: root, whose
 *	      the files are
 *
 * In the caller's transaction: kr_policy_restore() if that comes to nothing.
 * Return: 0, also if it is in force already; KR_E_CONFIG; KR_E_NOT_APPROVED;
 *         KR_E_FORBIDDEN; KR_E_POLICY_VERSION if it is another, and its version
 *         not higher.
 */
int kr_policy_reload(struct kr_host *h, const uint8_t *approved,
		     const struct kr_person *by, struct kr_err *e);

/** kr_policy_restore() - What the store says is in force, is. */
void kr_policy_restore(struct kr_host *h);

/**
 * kr_policy_ask() - May it be executed?
 *
 * Return: 0; KR_E_FORBIDDEN, with why.
 */
int kr_policy_ask(const struct kr_host *h, const struct kr_execution *x,
		  struct kr_err *e);

/** kr_policy_tell() - Which is in force, as statements name it. */
void kr_policy_tell(const struct kr_host *h, struct kr_inforce *ret);

/** kr_policy_describe() - name, version, sha256, triples, at_ms, in_force. */
json_t *kr_policy_describe(const struct kr_host *h);

/**
 * kr_policy_kept() - A part of what is kept of one, in force or not
 * @digest: of its files
 * @from:   of its bytes, as bundle.h has them
 * @ret:    name, version, sha256, at_ms, in_force; bytes, of all; part, in hex,
 *	    at most KR_POLICY_PART_BYTES and "" behind the end
 *
 * It is not read here: a large one would hold up the loop. Whoever asks holds
 * the whole against its digest. Return: 0; KR_E_NO_POLICY; KR_E_STORE.
 */
int kr_policy_kept(struct kr_host *h, const uint8_t digest[32], size_t from,
		   json_t **ret, struct kr_err *e);

void kr_policy_close(struct kr_host *h);

#endif

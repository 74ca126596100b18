/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - each step of a migration is asked of the rules of the access model
 * first (policy/refine.h), with the classes that the policy in force gives
 * both hosts and the VM.
 */
#ifndef KR_DAEMON_GUARD_H
#define KR_DAEMON_GUARD_H

#include "daemon/api.h"
#include "daemon/migration.h"

/**
 * kr_guard_step() - May @m go on to @to?
 *
 * Until the release, all that the policy demands (demands.h) has to be there
 * too, by the policy that is in force at that moment and by the one that was
 * when the migration began; before the release, who asked for it is asked about
 * once more.
 *
 * Return: 0; KR_E_FORBIDDEN, KR_E_PROTECTION.
 */
int kr_guard_step(const struct kr_mig *m, enum kr_state to, struct kr_err *e);

/**
 * kr_guard_offer() - May that VM be taken in, by such an offer?
 * kr_guard_send()  - May it be offered?
 *
 * For dry runs, and before anything is begun; likewise.
 */
int kr_guard_offer(struct kr_host *h, const struct kr_terms *t,
		   const struct kr_vmdef *d, struct kr_err *e);
int kr_guard_send(const struct kr_host *h, const struct kr_terms *t,
		  const struct kr_vmdef *d, struct kr_err *e);

/**
 * kr_guard_define() - May @d be a VM of this host?
 * @before: its definition so far; NULL: there is none
 * kr_guard_remove() - May it be no more?
 *
 * Asked as VMs that come, are of another class now, or go (policy/keeping.h).
 * Another class is for who may change the policy, too, alone or with others.
 * Return: 0; KR_E_FORBIDDEN.
 */
int kr_guard_define(struct kr_request *q, const struct kr_vmdef *before,
		    const struct kr_vmdef *d, struct kr_err *e);
int kr_guard_remove(struct kr_host *h, const struct kr_vmdef *d,
		    struct kr_err *e);

/**
 * kr_guard_role() - May that user have that role, or be without it?
 * @given: he is to have it
 *
 * Roles have classes: who gives or takes one raises nobody above himself; root,
 * whose the policy's files are, whomever he wants. Return: 0; KR_E_FORBIDDEN.
 */
int kr_guard_role(struct kr_request *q, const char *user, const char *role,
		  bool given, struct kr_err *e);

/**
 * kr_guard_start() - May that VM begin to run here, without a migration?
 * kr_guard_hyper() - May a hypervisor be told that now?
 * kr_guard_plane() - May the data plane of @m?
 * kr_guard_cache() - May it use the page cache of its tenant?
 *
 * What the message does with VM state (policy/access.h) is asked of the rules
 * as the hand-over stands; without one, as the VM's row says. The cache is of
 * the class of a VM of the tenant's that has no name in the policy.
 *
 * Return: 0; KR_E_FORBIDDEN; of a start or a hypervisor also KR_E_NO_VM.
 */
int kr_guard_start(struct kr_host *h, const struct kr_vmdef *d,
		   struct kr_err *e);
int kr_guard_hyper(const struct kr_vm *v, uint16_t command, struct kr_err *e);
int kr_guard_plane(const struct kr_mig *m, enum kr_plane_msg order,
		   struct kr_err *e);
int kr_guard_cache(const struct kr_mig *m, struct kr_err *e);

#endif

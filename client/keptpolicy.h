/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keptpolicy.h - a policy that kororad keeps, by its digest: whatever decided
 * a migration, in force still or not. It is read here and not in kororad, and
 * believed because it has that digest.
 */
#ifndef KR_CLIENT_KEPTPOLICY_H
#define KR_CLIENT_KEPTPOLICY_H

#include "client/cli.h"

struct kr_bundle;

/**
 * kr_keptpolicy_tell() - What it asked of a migration of one VM
 * @kept:   all of it; its digest is made anew
 * @sha256: what that has to be, in hex
 * @user:   who asked for the migration, without his host
 * @to:     becomes "demands", the protection it demands, a line "key=value"
 *	    each, and "destinations", the hosts that @user may have the VM go
 *	    to by any triple for him by name or for a role; "*": any host
 *
 * Return: 0; KR_E_STORE if it is another; KR_E_CONFIG if it was written for
 *	   another release.
 */
int kr_keptpolicy_tell(struct kr_bundle *kept, const char *sha256,
		       const char *vm, const char *user, json_t *to,
		       struct kr_err *e);

/**
 * kr_keptpolicy_ask() - The same, of what kororad has
 * @ret:       name, version, sha256, at_ms, in_force, and what it asked
 * @ret_error: else why it is not known, as kororad says errors
 *
 * Return: 0; < 0. Both for json_decref().
 */
int kr_keptpolicy_ask(struct kr_cli *c, const char *sha256, const char *vm,
		      const char *user, json_t **ret, json_t **ret_error);

#endif

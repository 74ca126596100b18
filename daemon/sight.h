/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sight.h - which VMs, and what happened to which, somebody may be told of:
 * nothing of other tenants', by the categories that the policy in force gives
 * him and them. Whether he may ask at all was decided before (authorise.h).
 */
#ifndef KR_DAEMON_SIGHT_H
#define KR_DAEMON_SIGHT_H

#include "daemon/api.h"
#include "store/vmrow.h"

#define KR_SIGHT_TENANT_BYTES	(KR_VMDEF_NAME_MAX + 1u)

/** kr_sight_tenant() - Whose @v is; "" if that cannot be read. Return: @out. */
const char *kr_sight_tenant(const struct kr_vmrow *v,
			    char out[KR_SIGHT_TENANT_BYTES]);

/**
 * kr_sight_vm() - May @q's user be told of that VM?
 * @tenant: whose it was when that happened; "": nobody knows, so he has to
 *	    have every category
 */
bool kr_sight_vm(const struct kr_request *q, const char *vm,
		 const char *tenant);

/**
 * kr_sight_whose() - Whose VM a migration here was, by its record
 *
 * Return: @ret_d->tenant; "" if that cannot be read, and then no name either.
 */
const char *kr_sight_whose(struct kr_host *h, const uint8_t migration[16],
			   struct kr_vmdef *ret_d);

/**
 * kr_sight_entry() - Of this record of the evidence log?
 *
 * What it does not say of its VM, as of earlier releases, its migration's
 * record does.
 */
bool kr_sight_entry(const struct kr_request *q, const json_t *record);

/**
 * kr_sight_check() - The same of a VM that he did not name
 * @what: what he asked for, which is all that a refusal tells him
 *
 * A refusal goes into the log. Return: 0; KR_E_FORBIDDEN.
 */
int kr_sight_check(struct kr_request *q, const char *what, const char *vm,
		   const char *tenant, struct kr_err *e);
int kr_sight_check_entry(struct kr_request *q, const char *what,
			 const json_t *record, struct kr_err *e);

#endif

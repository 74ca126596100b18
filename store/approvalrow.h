/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approvalrow.h - what was said of requests: one row for each decision of each
 * approver, with the DSSE envelope that he signed (evidence/approval.h). Who
 * approved may still deny.
 */
#ifndef KR_STORE_APPROVALROW_H
#define KR_STORE_APPROVALROW_H

#include <stdint.h>

#include "store/userrow.h"

#define KR_APPROVALROW_ENVELOPE_MAX	8193u	/* bytes, with the NUL */

struct kr_approvalrow {
	uint8_t	 request[16];		/* a row of requestrow.h */
	char	 approver[KR_USERROW_NAME_BYTES];
	char	 decision[8];		/* "approve", "deny" */
	uint8_t	 keyid[32];		/* that he signed with */
	uint64_t at_ms;			/* wall clock */
	char	 envelope[KR_APPROVALROW_ENVELOPE_MAX];
};

/** kr_approvalrow_add() - Return: 0; KR_E_APPROVAL_TWICE if he said so. */
int kr_approvalrow_add(struct kr_store *s, const struct kr_approvalrow *a,
		       struct kr_err *e);

/** kr_approvalrow_each() - One request's, oldest first; as kr_vmrow_each(). */
int kr_approvalrow_each(struct kr_store *s, const uint8_t request[16],
			int (*fn)(void *arg, const struct kr_approvalrow *a,
				  struct kr_err *e),
			void *arg, struct kr_err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policyask.h - a request as korora policy explain is asked about it: who, what,
 * where to, with whose approvals. The policy is read from its files; of kororad,
 * if it answers, come users' roles, VMs' tenants and this host's name.
 */
#ifndef KR_CLIENT_POLICYASK_H
#define KR_CLIENT_POLICYASK_H

#include "client/policyfile.h"

struct kr_policyask {
	struct kr_policyfile p;
	struct kr_execution  x;		/* borrows from all of this */
	struct kr_person     approvers[KR_CLI_VALUES_MAX];
	char		    *who[KR_CLI_VALUES_MAX];	/* their texts */
	char		     item[KR_BOOK_NAME_MAX + 1];
	char		     tenant[KR_BOOK_NAME_MAX + 1];
	char		     host[KR_BOOK_NAME_MAX + 1];	/* this; "": unknown */
	json_t		    *users;	/* as kororad has them; NULL: unknown */
	bool		     asked;	/* kororad, for them */
};

/**
 * kr_policyask_read() - Take the command's arguments
 * @ret_q: for kr_policyask_fini(), also after a failure; 0 before
 *
 * Return: 0; an exit code, already shown.
 */
int kr_policyask_read(struct kr_cli *c, int argc, char **argv,
		      struct kr_policyask *ret_q);
void kr_policyask_fini(struct kr_policyask *q);

/** kr_policyask_roles_known() - Was nobody left without roles by kororad? */
bool kr_policyask_roles_known(const struct kr_policyask *q);

#endif

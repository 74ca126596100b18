/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorise.h - who calls a method of the local API, what on, and whether the
 * policy in force allows it.
 */
#ifndef KR_DAEMON_AUTHORISE_H
#define KR_DAEMON_AUTHORISE_H

#include <sys/types.h>

#include "daemon/api.h"
#include "policy/book.h"
#include "store/userrow.h"

/** What of a method's params says what it is used on. */
enum kr_api_item {
	KR_API_NOTHING,
	KR_API_NAME,		/* name: of a VM, host or authority */
	KR_API_VM,		/* vm */
	KR_API_USER,		/* user */
	KR_API_ID,		/* id: the VM of that migration */
	KR_API_TEXT,		/* text: the VM that it defines */
	KR_API_KEY,		/* fingerprint: whose that key is */
};

/* Somebody, with room for what @p points at. Not to be copied. */
struct kr_authorise_who {
	struct kr_person p;
	char		 uid[16];	/* in digits; "": not of this system */
	char		 roles[KR_BOOK_ROLES_MAX][sizeof(
				((struct kr_userrow *)0)->role)];
};

/**
 * kr_authorise_find()	- @name, which is borrowed, with all his roles
 * kr_authorise_known() - The same of somebody whose uid is known
 *
 * The first asks the system's name service, and kororad waits for it: not for a
 * migration whose own guest stands still. Another's may, just then, as it may
 * when a local user connects, whose name is asked for (api.c).
 */
int kr_authorise_find(struct kr_host *h, const char *name,
		      struct kr_authorise_who *ret_w, struct kr_err *e);
int kr_authorise_known(struct kr_host *h, const char *name, uid_t uid,
		       struct kr_authorise_who *ret_w, struct kr_err *e);

/**
 * kr_authorise() - May @q's user, of whom the superuser holds every role, use
 * that procedure?
 *
 * A refusal goes into the log; one for want of a rule leaves a question, too
 * (questions.h), and says which. That others have to approve a migration first is
 * none here: see consent.h. Return: 0; KR_E_FORBIDDEN.
 */
int kr_authorise(struct kr_request *q, enum kr_tp tp, enum kr_api_item item,
		 struct kr_err *e);

/**
 * kr_authorise_refused() - A refusal of what @q asks for, for the log
 * @item:   "" for none
 * @tenant: whose the item is; NULL: nobody's
 */
void kr_authorise_refused(struct kr_request *q, const char *item,
			  const char *tenant, const struct kr_err *e);

/**
 * kr_authorise_again() - Would @m, a plan or a migration, be allowed now?
 *
 * The approvals that it has used count. Asks no name service.
 * Return: 0; KR_E_FORBIDDEN.
 */
int kr_authorise_again(const struct kr_mig *m, struct kr_err *e);

/** kr_authorise_role() - Does the policy know that role? */
bool kr_authorise_role(const struct kr_host *h, const char *role);

#endif

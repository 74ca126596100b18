/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - the local API: one JSON object per line on a unix socket, answered
 * by the peer credentials' roles (policy/access.h). kororad(8) documents it.
 *
 * A method answers at once, or keeps the client's serial number and answers
 * later; a client that has gone meanwhile is simply not found.
 */
#ifndef KR_DAEMON_API_H
#define KR_DAEMON_API_H

#include <jansson.h>

#include "daemon/host.h"
#include "daemon/migration.h"

#define KR_API_LINE_MAX		65536u		/* of a request */
#define KR_API_OUT_MAX		(4u << 20)	/* unread answers */
#define KR_API_CLIENTS_MAX	64u
#define KR_API_CLIENTS_USER	8u	/* of one user but the superuser */

struct kr_request {
	struct kr_host *host;
	uint64_t	client;		/* serial number */
	char		user[64];	/* name, or uid in digits */
	json_t	       *params;		/* an object, borrowed */
};

#define KR_API_LATER 1	/* the answer comes with kr_api_answer() */

/**
 * A method: 0 with *ret_result (a new reference), KR_API_LATER, or < 0.
 * The table of all is in api.c.
 */
typedef int (*kr_api_fn)(struct kr_request *q, json_t **ret_result,
			 struct kr_err *e);

int kr_api_listen(struct kr_host *h, struct kr_err *e);
void kr_api_fini(struct kr_host *h);

/** kr_api_answer() - Answer @client; takes @result; @e if it failed. */
void kr_api_answer(struct kr_host *h, uint64_t client, json_t *result,
		   const struct kr_err *e);

/** kr_api_event() - Send an event; takes @event. */
void kr_api_event(struct kr_host *h, uint64_t client, json_t *event);

/** kr_api_text() - A string parameter; KR_E_USAGE if missing or empty. */
const char *kr_api_text(struct kr_request *q, const char *key,
			struct kr_err *e);
/** kr_api_opt() - The same, @def if missing. */
const char *kr_api_opt(struct kr_request *q, const char *key,
		       const char *def);
/** kr_api_number() - An integer @min..@max, kept at *@io if it is missing. */
int kr_api_number(struct kr_request *q, const char *key, uint64_t min,
		  uint64_t max, uint64_t *io, struct kr_err *e);

/*
 * Methods, by file (apihost.c, apivm.c, apimig.c, apilog.c), and the keys
 * their params may have; any other is an error, so that a misspelt option is
 * not silently none.
 */
#define KR_API_METHODS(X) \
	X("info", info, "") \
	X("host.add", host_add, "name address fingerprint") \
	X("host.list", host_list, "") \
	X("host.show", host_show, "name") \
	X("host.remove", host_remove, "name") \
	X("trust.add", trust_add, "name pem") \
	X("trust.list", trust_list, "") \
	X("trust.remove", trust_remove, "name") \
	X("user.grant", user_grant, "user role") \
	X("user.revoke", user_revoke, "user role") \
	X("user.list", user_list, "") \
	X("vm.define", vm_define, "text file") \
	X("vm.list", vm_list, "") \
	X("vm.show", vm_show, "name") \
	X("vm.start", vm_start, "name") \
	X("vm.stop", vm_stop, "name force") \
	X("vm.remove", vm_remove, "name") \
	X("migrate", migrate, "vm to strategy max_downtime_ms " \
	  "bandwidth_bytes_s dry_run timeout_s") \
	X("status", status, "id") \
	X("cancel", cancel, "id") \
	X("recover", recover, "id") \
	X("doctor", doctor, "to") \
	X("receipt.list", receipt_list, "") \
	X("receipt.show", receipt_show, "id") \
	X("log.show", log_show, "limit") \
	X("log.verify", log_verify, "")
#define X(name, fn, keys) int kr_api_##fn(struct kr_request *q, json_t **ret, \
				    struct kr_err *e);
KR_API_METHODS(X)
#undef X

/** kr_api_dry_run() - The answer to `migrate` with dry_run; as a method. */
int kr_api_dry_run(struct kr_request *q, const char *to,
		   const struct kr_vmdef *d, uint64_t epoch,
		   struct kr_err *e);

/* News the API passes on or reacts to. */
void kr_api_migrated(struct kr_mig *m);
/** kr_api_in_doubt() - Released, and the peer is away: answer so. */
void kr_api_in_doubt(struct kr_mig *m);
void kr_api_idle_vm(struct kr_vm *v);	/* watch a VM nobody operates */
void kr_api_vm_died(struct kr_host *h, const char *name);
void kr_api_link_up(struct kr_link *l);
void kr_api_link_down(struct kr_link *l);
int kr_api_check(struct kr_link *l, const struct kr_offer *o,
		 struct kr_err *e);
int kr_api_check_host(struct kr_link *l, struct kr_rd *r, struct kr_err *e);
int kr_api_checked(struct kr_link *l, struct kr_rd *r, struct kr_err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - the local API: one JSON object per line on a unix socket, answered
 * as the policy in force allows (authorise.h). kororad(8) documents it.
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

struct kr_requestrow;

struct kr_request {
	struct kr_host *host;
	uint64_t	client;		/* serial number */
	char		user[64];	/* name, or uid in digits */
	uid_t		uid;
	json_t	       *params;		/* an object, borrowed */
	/* set by kr_authorise() */
	const struct kr_procedure *procedure;
	uint64_t	categories;	/* that the policy gives the user */
	struct kr_requestrow *request;	/* what others approved; NULL: not
					 * needed */
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

/** kr_api_id() - A migration's id, or the beginning of one that no other
 * begins with; KR_E_NO_MIGRATION. */
int kr_api_id(struct kr_request *q, const char *text, uint8_t id[16],
	      struct kr_err *e);

/*
 * Methods, by file (apihost.c, apivm.c, apimig.c, apiplan.c, apilog.c,
 * apiproof.c, apipolicy.c), and the keys their params may have; any other is an
 * error, so that a misspelt option is not silently none. Last which of them
 * says what it is used on.
 */
#define KR_API_METHODS(X) \
	X("info", info, "", NOTHING) \
	X("host.add", host_add, "name address fingerprint", NAME) \
	X("host.list", host_list, "", NOTHING) \
	X("host.show", host_show, "name", NAME) \
	X("host.remove", host_remove, "name", NAME) \
	X("trust.add", trust_add, "name pem", NAME) \
	X("trust.list", trust_list, "", NOTHING) \
	X("trust.remove", trust_remove, "name", NAME) \
	X("user.grant", user_grant, "user role", USER) \
	X("user.revoke", user_revoke, "user role", USER) \
	X("user.list", user_list, "", NOTHING) \
	X("user.key.add", user_key_add, "user pem", USER) \
	X("user.key.list", user_key_list, "", NOTHING) \
	X("user.key.remove", user_key_remove, "fingerprint", KEY) \
	X("reference.add", reference_add, "name envelope", NAME) \
	X("reference.list", reference_list, "", NOTHING) \
	X("reference.show", reference_show, "name", NAME) \
	X("reference.remove", reference_remove, "name", NAME) \
	X("attest.show", attest_show, "name", NOTHING) \
	X("attest.enrol", attest_enrol, "name", NAME) \
	X("attest.forget", attest_forget, "name", NAME) \
	X("vm.define", vm_define, "text file", TEXT) \
	X("vm.list", vm_list, "", NOTHING) \
	X("vm.show", vm_show, "name", NAME) \
	X("vm.start", vm_start, "name", NAME) \
	X("vm.stop", vm_stop, "name force", NAME) \
	X("vm.remove", vm_remove, "name", NAME) \
	X("migrate", migrate, "vm to strategy max_downtime_ms " \
	  "bandwidth_bytes_s dry_run throttle allow_postcopy timeout_s", VM) \
	X("plan", plan, "vm to seconds max_downtime_ms bandwidth_bytes_s " \
	  "throttle", VM) \
	X("status", status, "id", NOTHING) \
	X("cancel", cancel, "id", ID) \
	X("recover", recover, "id", ID) \
	X("doctor", doctor, "to", NOTHING) \
	X("receipt.list", receipt_list, "", NOTHING) \
	X("receipt.show", receipt_show, "id", NOTHING) \
	X("log.show", log_show, "before limit migration", NOTHING) \
	X("log.verify", log_verify, "", NOTHING) \
	X("log.prove", log_prove, "index migration from", NOTHING) \
	X("policy.show", policy_show, "from sha256", NOTHING) \
	X("policy.reload", policy_reload, "", NOTHING) \
	X("request.list", request_list, "", NOTHING) \
	X("request.show", request_show, "id", NOTHING) \
	X("request.withdraw", request_withdraw, "id", NOTHING) \
	X("approve", approve, "id envelope decision", NOTHING)
#define X(name, fn, keys, item) \
	int kr_api_##fn(struct kr_request *q, json_t **ret, struct kr_err *e);
KR_API_METHODS(X)
#undef X

/** kr_api_dry_run() - The answer to `migrate` with dry_run; as a method. */
int kr_api_dry_run(struct kr_request *q, const char *to,
		   const struct kr_vmdef *d, uint64_t epoch,
		   struct kr_err *e);

/**
 * kr_api_prepare() - A migration as @q asks for, not begun nor consented to
 *
 * Return: 0; KR_API_LATER if a dry run was asked for, and @ret_m untouched.
 */
int kr_api_prepare(struct kr_request *q, struct kr_mig **ret_m,
		   struct kr_err *e);

/**
 * kr_api_repeat() - The request of a probe that is over once more, not begun
 *
 * Meanwhile the VM may have been stopped, this kororad told to end, ….
 */
int kr_api_repeat(const struct kr_mig *probe, struct kr_mig **ret_m,
		  struct kr_err *e);

/** kr_api_begin() - Begin it, or forget it; as a method. */
int kr_api_begin(struct kr_mig *m, struct kr_err *e);

/** kr_api_choose() - Probe first, then begin with the strategy that fits. */
int kr_api_choose(struct kr_mig *m, struct kr_err *e);

/** kr_api_planned() - A probe is over: false if it is to be answered as any
 * migration. What it comes to is decided the first time. */
bool kr_api_planned(struct kr_mig *m);

/** kr_api_call_off() - If @m is a probe, nothing follows it
 *
 * Return: it was over, and what was to follow is answered with @why. */
bool kr_api_call_off(struct kr_mig *m, const struct kr_err *why);

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

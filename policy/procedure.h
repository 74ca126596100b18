/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procedure.h - transformation procedures (TPs), integrity verification
 * procedures (IVPs) and constrained data items (CDIs) of Clark and Wilson (A
 * Comparison of Commercial and Military Computer Security Policies, 1987).
 *
 * What a user, a peer or a hypervisor sends is unconstrained; only a TP that
 * is certified to (rule C5) makes constrained data of it.
 */
#ifndef KR_POLICY_PROCEDURE_H
#define KR_POLICY_PROCEDURE_H

#include <stdbool.h>

/* X(name, the function, its file, what it verifies) */
#define KR_IVPS(X) \
	X(NONE,	"", "", "nothing") \
	X(PARSED, "kr_vmdef_parse", "hyper/vmdef.c", \
	  "parsed, bounds and names checked") \
	X(MANIFESTS, "kr_manifest_same", "plane/manifest.c", \
	  "both hosts' manifests are one") \
	X(IMAGES, "kr_preflight_offer", "daemon/preflight.c", \
	  "same image at both ends") \
	X(BOOK, "kr_book_finish", "policy/bookwhole.c", \
	  "parsed, triples certified") \
	X(CHAIN, "kr_peercert_install", "wire/peercert.c", \
	  "fingerprint compared, chain checked") \
	X(ROLE, "kr_authorise_role", "daemon/authorise.c", \
	  "the policy in force knows the role") \
	X(KEY, "kr_pubkey_parse", "evidence/pubkey.c", \
	  "a public key of a kind that is accepted") \
	X(SIGNED, "kr_goodvalues_verify", "daemon/goodvalues.c", \
	  "parsed, signed by a user who may add it") \
	X(LEDGER, "kr_ledgercheck_run", "evidence/ledgercheck.c", \
	  "hash chain and signed checkpoints")

enum kr_ivp {
#define X(name, function, file, what) KR_IVP_##name,
	KR_IVPS(X)
#undef X
	KR_IVP_N
};

/* X(name, as it is written, the IVP that verifies it). Hosts are those that
 * this one trusts, their CAs and their TPMs' keys; grants say which roles users have; keys are
 * those that users sign with; references say what hosts may boot. No code verifies a vTPM
 * or a security context yet, so no procedure may read or transform one. */
#define KR_CDIS(X) \
	X(DEFINITION,	"definition",	PARSED) \
	X(RAM,		"ram",		MANIFESTS) \
	X(DISK,		"disk",		IMAGES) \
	X(VTPM,		"vtpm",		NONE) \
	X(CONTEXT,	"context",	NONE) \
	X(POLICY,	"policy",	BOOK) \
	X(HOSTS,	"hosts",	CHAIN) \
	X(GRANTS,	"grants",	ROLE) \
	X(KEYS,		"keys",		KEY) \
	X(REFERENCES,	"references",	SIGNED) \
	X(LOG,		"log",		LEDGER)

enum kr_cdi {
#define X(name, text, ivp) KR_CDI_##name,
	KR_CDIS(X)
#undef X
	KR_CDI_N
};

/* What a procedure is used on: the part of an item before ':'. */
enum kr_item_kind {
	KR_ITEM_NONE,		/* nothing in particular */
	KR_ITEM_VM,		/* vm:NAME */
	KR_ITEM_HOST,		/* host:NAME, this one or an enrolled one */
	KR_ITEM_TRUST,		/* trust:NAME, a fleet authority */
	KR_ITEM_USER,		/* user:NAME */
	KR_ITEM_REFERENCE,	/* reference:NAME, what hosts may boot */
	KR_ITEM_POLICY,		/* policy:NAME */
	KR_ITEM_LOG,		/* log:HOST */
	KR_ITEM_STORAGE,	/* storage:NAME, of VMs' files */
	KR_ITEM_NETWORK,	/* network:NAME, of VMs' interfaces */
	KR_ITEM_KIND_N
};

#define KR_ITEM_BYTES	80u	/* of an item, with its NUL */

/** kr_item_put() - "vm:web1"; "" for none. Return: @out. */
const char *kr_item_put(enum kr_item_kind k, const char *name,
			char out[KR_ITEM_BYTES]);

/*
 * X(identifier, name, used on, CDIs read, CDIs transformed, GOES to a
 * destination host or STAYS, OPEN to anyone or RULED by triples). All that
 * transform anything also append to the log (rule C4).
 */
#define KR_PROCEDURES(X) \
	X(info, "info", NONE, 0, 0, STAYS, OPEN) \
	X(host_add, "host.add", HOST, 0, HOSTS | LOG, STAYS, RULED) \
	X(host_list, "host.list", NONE, HOSTS, 0, STAYS, RULED) \
	X(host_show, "host.show", HOST, HOSTS, 0, STAYS, RULED) \
	X(host_remove, "host.remove", HOST, HOSTS, HOSTS | LOG, STAYS, RULED) \
	X(trust_add, "trust.add", TRUST, 0, HOSTS | LOG, STAYS, RULED) \
	X(trust_list, "trust.list", NONE, HOSTS, 0, STAYS, RULED) \
	X(trust_remove, "trust.remove", TRUST, HOSTS, HOSTS | LOG, STAYS, RULED) \
	X(user_grant, "user.grant", USER, 0, GRANTS | LOG, STAYS, RULED) \
	X(user_revoke, "user.revoke", USER, GRANTS, GRANTS | LOG, STAYS, RULED) \
	X(user_list, "user.list", NONE, GRANTS, 0, STAYS, RULED) \
	X(user_key_add, "user.key.add", USER, 0, KEYS | LOG, STAYS, RULED) \
	X(user_key_list, "user.key.list", NONE, KEYS, 0, STAYS, RULED) \
	X(user_key_remove, "user.key.remove", USER, KEYS, KEYS | LOG, STAYS, \
	  RULED) \
	X(reference_add, "reference.add", REFERENCE, 0, REFERENCES | LOG, \
	  STAYS, RULED) \
	X(reference_list, "reference.list", NONE, REFERENCES, 0, STAYS, RULED) \
	X(reference_show, "reference.show", REFERENCE, REFERENCES, 0, STAYS, \
	  RULED) \
	X(reference_remove, "reference.remove", REFERENCE, REFERENCES, \
	  REFERENCES | LOG, STAYS, RULED) \
	X(attest_show, "attest.show", NONE, HOSTS, 0, STAYS, RULED) \
	X(attest_enrol, "attest.enrol", HOST, HOSTS, HOSTS | LOG, STAYS, \
	  RULED) \
	X(attest_forget, "attest.forget", HOST, HOSTS, HOSTS | LOG, STAYS, \
	  RULED) \
	X(vm_define, "vm.define", VM, 0, D | LOG, STAYS, RULED) \
	X(vm_list, "vm.list", NONE, D, 0, STAYS, RULED) \
	X(vm_show, "vm.show", VM, D, 0, STAYS, RULED) \
	X(vm_start, "vm.start", VM, D, RAM | DISK | LOG, STAYS, RULED) \
	X(vm_stop, "vm.stop", VM, D, RAM | DISK | LOG, STAYS, RULED) \
	X(vm_remove, "vm.remove", VM, D, D | LOG, STAYS, RULED) \
	X(migrate, "migrate", VM, D | HOSTS, D | RAM | DISK | LOG, GOES, RULED) \
	X(plan, "plan", VM, D | HOSTS | RAM, LOG, GOES, RULED) \
	X(status, "status", NONE, LOG, 0, STAYS, RULED) \
	X(cancel, "cancel", VM, D, RAM | LOG, STAYS, RULED) \
	X(recover, "recover", VM, D, RAM | LOG, STAYS, RULED) \
	X(receipt_list, "receipt.list", NONE, LOG, 0, STAYS, RULED) \
	X(receipt_show, "receipt.show", NONE, LOG, 0, STAYS, RULED) \
	X(log_show, "log.show", NONE, LOG, 0, STAYS, RULED) \
	X(log_verify, "log.verify", NONE, LOG, 0, STAYS, RULED) \
	X(log_prove, "log.prove", NONE, LOG, 0, STAYS, RULED) \
	X(doctor, "doctor", NONE, HOSTS, 0, STAYS, RULED) \
	X(policy_show, "policy.show", NONE, POLICY, 0, STAYS, RULED) \
	X(policy_reload, "policy.reload", NONE, POLICY, POLICY | LOG, STAYS, RULED) \
	X(request_list, "request.list", NONE, LOG, 0, STAYS, RULED) \
	X(request_show, "request.show", NONE, LOG, 0, STAYS, RULED) \
	X(request_withdraw, "request.withdraw", NONE, LOG, LOG, STAYS, RULED) \
	X(approve, "approve", NONE, LOG, LOG, STAYS, RULED) \
	/* what peers do here, not users */ \
	X(receive, "receive", VM, HOSTS, D | RAM | DISK | LOG, STAYS, RULED)

enum kr_tp {
#define X(id, name, on, reads, transforms, goes, open) KR_TP_##id,
	KR_PROCEDURES(X)
#undef X
	KR_TP_N
};

struct kr_procedure {
	const char	 *name;		/* of the local API's method, mostly */
	enum kr_item_kind on;
	unsigned int	  reads;	/* 1 << enum kr_cdi, constrained */
	unsigned int	  transforms;	/* 1 << enum kr_cdi */
	bool		  goes_to;	/* has a destination host */
	bool		  open;		/* anyone may, without a triple */
};

/** kr_procedure_find() - NULL if there is none of that name. */
const struct kr_procedure *kr_procedure_find(const char *name);

/** kr_procedure() - That one; NULL past the end. */
const struct kr_procedure *kr_procedure(enum kr_tp tp);

/**
 * kr_procedure_at_once() - Is it over when its call is answered?
 * It changes rows of the store alone: they and its entry in the log are one
 * transaction, and nothing goes on behind it. An enrolment waits for a peer.
 * kr_procedure_waits() - Can a triple have others approve it? A migration, and
 * what is over at once.
 */
bool kr_procedure_at_once(const struct kr_procedure *p);
bool kr_procedure_waits(const struct kr_procedure *p);

const char *kr_cdi_name(enum kr_cdi c);
enum kr_ivp kr_cdi_verified_by(enum kr_cdi c);
const char *kr_ivp_function(enum kr_ivp i);
const char *kr_ivp_file(enum kr_ivp i);
const char *kr_item_kind_name(enum kr_item_kind k);	/* "" for none */

/** kr_item_kind_data() - The CDIs that such an item is: 1 << enum kr_cdi. */
unsigned int kr_item_kind_data(enum kr_item_kind k);

#endif

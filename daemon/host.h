/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - one host instance: everything kororad holds. Passed to every file
 * of this room; single-threaded, owned by main.c.
 *
 * kororad is the only privileged process. It starts and stops processes,
 * signs, writes durable state and decides; it never reads what a peer, a
 * guest or a hypervisor wrote before an agent has checked it.
 */
#ifndef KR_DAEMON_HOST_H
#define KR_DAEMON_HOST_H

#include <limits.h>

#include "base/chan.h"
#include "base/err.h"
#include "base/loop.h"
#include "daemon/config.h"
#include "evidence/identity.h"
#include "evidence/ledger.h"
#include "store/store.h"
#include "wire/linkmsg.h"

struct kr_vm;
struct kr_link;
struct kr_mig;
struct kr_client;
struct kr_accept;
struct kr_book;

struct kr_host {
	struct kr_loop	   *loop;
	struct kr_config    cfg;
	char		    root[PATH_MAX / 2];
	char		    etc[PATH_MAX / 2];	/* ROOT/etc/korora */
	char		    lib[PATH_MAX / 2];	/* ROOT/var/lib/korora */
	char		    run[PATH_MAX / 2];	/* ROOT/run/korora */
	char		    libexec[PATH_MAX / 2];
	struct kr_book	   *book;	/* the policy in force */
	uint8_t		    policy_digest[32];
	uint64_t	    policy_at_ms; /* in force since; wall clock */
	uint64_t	    policy_entry; /* of the log, that tells of it */
	uint32_t	    policy_floor; /* highest version there was */
	struct kr_identity *identity;
	struct kr_store	   *store;
	struct kr_ledger   *ledger;
	struct kr_vm	   *vms;	/* with a process here */
	struct kr_chan	    fwagent;	/* firewall.c: open while ... */
	struct kr_fworder  *fworders;	/* ... there are orders for it */
	struct kr_link	   *links;
	unsigned int	    n_refusals, n_untold;	/* this minute */
	uint64_t	    refusals_until_ns;
	struct kr_mig	   *migs;	/* of this run of kororad */
	struct kr_client   *clients;
	struct kr_accept   *accept;	/* the port */
	struct kr_io	    api, signals;
	uint64_t	    next_client;
	uint64_t	    kvm_until_ns; /* how long kvm_error is believed */
	struct kr_err	    kvm_error;	/* none: a guest ran under KVM */
	struct kr_timer	    vtpm_sweep;	/* until all is erased */
	struct kr_timer	    publish;	/* of the log's checkpoint file */
	struct kr_timer	    ending;	/* after SIGTERM */
	uint64_t	    end_by_ns;
	bool		    stopping;
};

/** kr_host_open() - Set up what lives under @h->root; KR_E_NOT_INIT. */
int kr_host_open(struct kr_host *h, struct kr_err *e);
void kr_host_close(struct kr_host *h);

/**
 * kr_host_record() - Append one entry to the evidence log, durably; in the
 * transaction that is open, if one is
 */
int kr_host_record(struct kr_host *h, const char *event, json_t *detail,
		   struct kr_err *e);

/**
 * kr_host_record_some() - The same for what anyone can cause; best effort
 *
 * Those without a right here may not grow the log without limit: a minute
 * has room for KR_HOST_REFUSALS_MAX, and the next entry tells how many more
 * there were.
 */
#define KR_HOST_REFUSALS_MAX	60u
void kr_host_record_some(struct kr_host *h, const char *event,
			 json_t *detail);

/** kr_host_vouched() - Did a fleet authority sign this certificate? */
bool kr_host_vouched(struct kr_host *h, const uint8_t *der, size_t n);

/** kr_host_credentials() - A fresh key and certificate for a link agent. */
int kr_host_credentials(struct kr_host *h, struct kr_linkstart *s,
			struct kr_err *e);

/** kr_host_probe() - What this host's hypervisor offers; for free(). */
int kr_host_probe(struct kr_host *h, struct kr_probe **ret_p,
		  struct kr_err *e);

/** kr_host_kvm_works() - Does a guest really run under KVM here? */
int kr_host_kvm_works(struct kr_host *h, struct kr_err *e);

/** kr_host_hyper_version() - major << 16 | minor << 8 | micro. */
int kr_host_hyper_version(struct kr_host *h, uint32_t *ret,
			  struct kr_err *e);

/** kr_host_pem(), kr_host_der() - A certificate's form; for free() or @out. */
int kr_host_pem(const uint8_t *der, size_t n, char **ret_pem,
		struct kr_err *e);
int kr_host_der(const char *pem, uint8_t *out, size_t *n, struct kr_err *e);

/** kr_host_describe_ca() - subject, fingerprint, not_after; {} if none. */
json_t *kr_host_describe_ca(const char *pem);

#endif

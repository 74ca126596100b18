/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - korora.conf(5): where this host listens, what its storage and
 * networks are called, and which cipher suites it accepts.
 */
#ifndef KR_DAEMON_CONFIG_H
#define KR_DAEMON_CONFIG_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "hyper/hyper.h"

#define KR_CONFIG_MAPS_MAX	32u
#define KR_CONFIG_VTPMS		4096u	/* VMs with a TPM, on one host */

struct kr_map {
	char name[32];
	char value[PATH_MAX / 4];
};

struct kr_config {
	char	      listen[128];	/* ADDRESS:PORT */
	char	      address[128];	/* what peers are told; may be "" */
	char	      agent_user[64];
	uid_t	      agent_uid;
	gid_t	      agent_gid;
	uint32_t      peer_timeout_ms;
	uint32_t      max_unproved;	/* connections without a proved peer */
	char	      control_suites[160], lane_suite[40];
	uint32_t      n_lanes;		/* per migration; 0 = by processors */
	uint32_t      recall_mib;	/* pages a migration remembers */
	uint32_t      multifd;		/* 1: QEMU's, a lane for each channel */
	uint32_t      postcopy;		/* 1: allowed, here and to here */
	uint32_t      postcopy_preempt;	/* 1: with a lane for what is asked for,
					   where both hypervisors can */
	uint32_t      padding_bytes;	/* of lanes' TLS records; 0 = none */
	uint32_t      rekey_mib;	/* of a lane, each way, under one TLS
					   key; 0 = as long as TLS allows */
	uint32_t      cache_mb;		/* each tenant's on disk; 0 = none */
	char	      qemu_binary[PATH_MAX / 4];
	char	      tpm[96];		/* device:PATH, swtpm:PATH; "": none */
	uint32_t      attest_peers;	/* 1: they say what they booted first */
	char	      tpm_log[PATH_MAX / 4];	/* its event log; "": none */
	char	      tpm_roots[PATH_MAX / 4];	/* TPMs' makers; "": any */
	uint32_t      vtpm_pcrs;	/* of this host's TPM, a bit for each,
					   that VMs' TPMs' keys are sealed to */
	uint32_t      vtpm_unsealed;	/* 1: without a TPM they lie in files */
	uint32_t      vtpm_first_uid;	/* and KR_CONFIG_VTPMS - 1 more */
	unsigned int  n_storages, n_networks;
	struct kr_map storages[KR_CONFIG_MAPS_MAX];
	struct kr_map networks[KR_CONFIG_MAPS_MAX];
};

/** kr_config_load() - Read @path; a missing file means all defaults. */
int kr_config_load(const char *path, struct kr_config *ret_c,
		   struct kr_err *e);

/** kr_config_network(), kr_config_storage() - A mapping, NULL if none. */
const char *kr_config_network(const struct kr_config *c, const char *name);
const char *kr_config_storage(const struct kr_config *c, const char *name);

#endif

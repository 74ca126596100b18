/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - what a hypervisor on this host offers, for preflight: version,
 * machine types, CPU models, accelerators. Kororad asks on both hosts before
 * anything is started, so that a VM that cannot run there never leaves.
 */
#ifndef KR_PROBE_H
#define KR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "hyper/vmdef.h"

#define KR_PROBE_MACHINES_MAX	256u
#define KR_PROBE_CPUS_MAX	512u
#define KR_PROBE_OUTPUT_MAX	262144u	/* bytes of one answer */
#define KR_PROBE_TIME_MS	10000u	/* for one question */

struct kr_probe_machine {
	char name[64];
	char alias_of[64];	/* "" if it is none */
};

struct kr_probe {
	uint32_t     major, minor, micro;
	bool	     has_tcg, has_kvm;	/* built in; see kr_kvmtest_run() */
	unsigned int n_machines, n_cpus;
	struct kr_probe_machine machines[KR_PROBE_MACHINES_MAX];
	char	     cpus[KR_PROBE_CPUS_MAX][64];
};

/** kr_probe_qemu() - The probe() of struct kr_hyper, for QEMU. */
int kr_probe_qemu(const char *binary, const char *cache_dir,
		  struct kr_probe **ret_p, struct kr_err *e);

/**
 * kr_probe_resolve() - Replace a machine alias ("q35") by what it stands for
 *
 * To be done when a VM is defined: an alias means another machine on a host
 * with another release.
 *
 * Return: 0; KR_E_NO_MACHINE.
 */
int kr_probe_resolve(const struct kr_probe *p, struct kr_vmdef *d,
		     struct kr_err *e);

/**
 * kr_probe_fits() - Can a VM of this definition be started here?
 *
 * Return: 0; KR_E_NO_MACHINE, KR_E_NO_CPU, KR_E_NO_ACCEL.
 */
int kr_probe_fits(const struct kr_probe *p, const struct kr_vmdef *d,
		  struct kr_err *e);

/**
 * kr_probe_version_cmp() - Compare major and minor version
 *
 * Return: < 0 if @p is older than @major.@minor, 0 if the same, > 0 if newer.
 */
int kr_probe_version_cmp(const struct kr_probe *p, uint32_t major,
			 uint32_t minor);

#endif

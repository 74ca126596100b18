/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtpm.h - a VM's TPM on this host: its folder, which a user of its own owns,
 * and its process (korora-vtpm), which lives as long as the VM's hypervisor
 * and is found again as that is, by a lock. Its key is vtpmkey.h's.
 */
#ifndef KR_DAEMON_VTPM_H
#define KR_DAEMON_VTPM_H

#include <sys/types.h>

#include "daemon/host.h"
#include "vtpm/emulator.h"
#include "vtpm/gateorder.h"

struct kr_vtpm {
	struct kr_io	exit;	/* pidfd */
	pid_t		pid;	/* 0: it has none, or it is gone */
	struct kr_timer late;	/* its VM has not ended with it */
	void	      (*lost)(void *arg);	/* once: the VM is without */
	void	       *arg;
};

/**
 * kr_vtpm_start() - Start the TPM of @vm, with state or, if there is none yet,
 * to begin with
 * @t:	    caller's storage, zero but for lost and arg
 * @ret_fd: its control channel, for the hypervisor; who closes it ends it
 *
 * What fails in the new process shows as a channel that hangs up.
 * Return: 0; KR_E_VTPM_NONE if all users are taken; KR_E_SYSTEM.
 */
int kr_vtpm_start(struct kr_host *h, const char *vm,
		  const uint8_t key[KR_EMULATOR_KEY_BYTES],
		  struct kr_vtpm *t, int *ret_fd, struct kr_err *e);

/** kr_vtpm_adopt() - Find the one of an earlier kororad; lost() if none. */
void kr_vtpm_adopt(struct kr_host *h, const char *vm, struct kr_vtpm *t);

/**
 * kr_vtpm_order() - Have the gate of a VM's TPM let state pass, or not
 *
 * It is obeyed soon, by one that lives; nothing is answered. What came before
 * it, to the hypervisor, may still be done first.
 */
int kr_vtpm_order(struct kr_host *h, const char *vm,
		  const struct kr_gateorder *o, struct kr_err *e);

/** kr_vtpm_forget() - It is not watched any more; it goes on. */
void kr_vtpm_forget(struct kr_vtpm *t);

/**
 * kr_vtpm_wipe() - Overwrite and remove key and state, if there are any
 *
 * Return: 0; KR_E_VM_STATE if it is in use; KR_E_SYSTEM.
 */
int kr_vtpm_wipe(struct kr_host *h, const char *vm, struct kr_err *e);

/**
 * kr_vtpm_sweep() - Wipe what is left of the TPMs of VMs that are not here
 *
 * Those that moved away, and those that were to come, did not, and are in no
 * row. Not while a migration of the VM is open, or its TPM in use: then once
 * more, a little later. What is wiped is recorded.
 */
void kr_vtpm_sweep(struct kr_host *h);

#endif

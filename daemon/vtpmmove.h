/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtpmmove.h - a VM's TPM in a migration: QEMU carries its state among that of
 * other devices, and the gates on both sides let it pass, each kind once,
 * sealed with a key that the session has for this migration alone, bound to
 * the VM and its epoch. The destination's TPM begins with that or not at all.
 *
 * What is left at the source when the migration is done, and at a destination
 * that it did not come to, is erased (kr_vtpm_sweep()).
 */
#ifndef KR_DAEMON_VTPMMOVE_H
#define KR_DAEMON_VTPMMOVE_H

#include "daemon/migration.h"

/* The session's key of a lane that there is not: PROTOCOL.wire.md, 6.2. */
#define KR_VTPMMOVE_LANE	255u

/**
 * kr_vtpmmove_may() - Does a VM go by that strategy with its TPM?
 *
 * Return: 0; KR_E_VTPM_STAYS.
 */
int kr_vtpmmove_may(const struct kr_vmdef *d, enum kr_strategy s,
		    struct kr_err *e);

/** kr_vtpmmove_host() - May a VM with a TPM come here? KR_E_VTPM_NO_TPM,
 * KR_E_VTPM_NONE. */
int kr_vtpmmove_host(const struct kr_host *h, struct kr_err *e);

/** kr_vtpmmove_ask() - Ask for the key, ahead of the lanes'; a VM without a
 * TPM, and a probe, have none. */
int kr_vtpmmove_ask(struct kr_mig *m, struct kr_err *e);

/** kr_vtpmmove_key() - It is here: the gate is told. */
void kr_vtpmmove_key(struct kr_mig *m, const struct kr_lanekey *k);

/** kr_vtpmmove_over() - The migration is, and recorded as that. */
void kr_vtpmmove_over(struct kr_mig *m);

#endif

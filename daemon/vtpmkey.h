/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtpmkey.h - the key of a VM's TPM: made when that begins, kept sealed to this
 * host's TPM, asked for at each start of the VM, and only then.
 *
 * It lies in var/lib/korora/vtpm/NAME/key, as key.new until the TPM has begun:
 * from then on neither is without the other. A start with one of them missing
 * is refused; a TPM that was there never begins anew by itself.
 *
 * A host without a TPM keeps none, unless korora.conf says unsealed = on; then
 * the file is the key.
 */
#ifndef KR_DAEMON_VTPMKEY_H
#define KR_DAEMON_VTPMKEY_H

#include "base/loop.h"
#include "daemon/host.h"
#include "daemon/tpmasked.h"
#include "vtpm/emulator.h"

struct kr_vtpmkey {
	struct kr_host *host;
	char		vm[KR_VMDEF_NAME_MAX + 1];
	uint8_t		key[KR_EMULATOR_KEY_BYTES];	/* valid in done() */
	struct kr_tpmasked tpm;
	struct kr_timer	soon;
	void	      (*done)(void *arg, const struct kr_err *e);
	void	       *arg;
};

enum kr_vtpmkept { KR_VTPM_NOT_KEPT, KR_VTPM_SEALED, KR_VTPM_UNSEALED };

/**
 * kr_vtpmkey_ask() - Have the key, or a fresh one
 * @k:	  caller's storage; zero, but for done and arg
 * @done: once, unless stopped, not from within this call; @e: why not, or
 *	  NULL. What it makes is durable by then.
 *
 * Return: 0; < 0: done() does not follow. Both with KR_E_VTPM_NO_TPM,
 *         KR_E_VTPM_LOST, KR_E_VTPM_NONE, and a sealed key's own (tpmseal.h).
 */
int kr_vtpmkey_ask(struct kr_host *h, const char *vm, struct kr_vtpmkey *k,
		   struct kr_err *e);

/** kr_vtpmkey_stop() - Forget the key; nothing is told any more. */
void kr_vtpmkey_stop(struct kr_vtpmkey *k);

/** kr_vtpmkey_began() - The TPM has state with this key: both stay. */
int kr_vtpmkey_began(struct kr_host *h, const char *vm, struct kr_err *e);

/** kr_vtpmkey_kept() - How a VM's key is kept here. */
enum kr_vtpmkept kr_vtpmkey_kept(struct kr_host *h, const char *vm);
const char *kr_vtpmkept_name(enum kr_vtpmkept k);

/** kr_vtpmkey_path() - ROOT/var/lib/korora/vtpm/VM/FILE. */
void kr_vtpmkey_path(const struct kr_host *h, const char *vm,
		     const char *file, char out[PATH_MAX]);

#endif

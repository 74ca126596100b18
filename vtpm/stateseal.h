/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stateseal.h - a blob of a TPM's state on its way to another host:
 * AES-256-GCM under a key that is fresh for the migration, bound to that, to
 * the VM, to how often it changed hands, and to which blob it is. Pure.
 *
 * The key is used for one blob of each kind: that is what keeps nonces apart,
 * and the caller's to see to.
 */
#ifndef KR_VTPM_STATESEAL_H
#define KR_VTPM_STATESEAL_H

#include "vtpm/ptm.h"

#define KR_STATESEAL_KEY_BYTES	32u
#define KR_STATESEAL_ID_BYTES	16u
#define KR_STATESEAL_TAG_BYTES	16u	/* a sealed blob is longer by */
#define KR_STATESEAL_NAME_MAX	63u

struct kr_stateseal {
	uint8_t	 key[KR_STATESEAL_KEY_BYTES];
	uint8_t	 migration[KR_STATESEAL_ID_BYTES];
	char	 vm[KR_STATESEAL_NAME_MAX + 1];
	uint64_t epoch;			/* of the VM, as it will be */
};

/**
 * kr_stateseal_make() - Seal a blob
 * @flags: the emulator's, which go with it
 * @out:   @n_bytes + KR_STATESEAL_TAG_BYTES, not @in
 *
 * Return: 0; KR_E_CRYPTO.
 */
int kr_stateseal_make(const struct kr_stateseal *s, enum kr_ptmblob type,
		      uint32_t flags, const uint8_t *in, size_t n_bytes,
		      uint8_t *out, struct kr_err *e);

/**
 * kr_stateseal_open() - Check a blob and open it
 * @out: @n_bytes - KR_STATESEAL_TAG_BYTES, not @in; zeros on failure
 *
 * Return: 0; KR_E_VTPM_STATE if one bit of it, or of what it is bound to, is
 *         another; KR_E_CRYPTO.
 */
int kr_stateseal_open(const struct kr_stateseal *s, enum kr_ptmblob type,
		      uint32_t flags, const uint8_t *in, size_t n_bytes,
		      uint8_t *out, struct kr_err *e);

#endif

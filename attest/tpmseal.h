/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpmseal.h - a key that only this host's TPM gives back, and only while chosen
 * PCRs are what they were when it was sealed.
 *
 * What is sealed is of no use to anyone else and may lie on a disk. It says
 * nothing of what the key is for, and nothing keeps an old one from being
 * given back as long as its file is there. The key is encrypted on its way to
 * and from the TPM, against who listens on the bus; who can answer in the
 * TPM's place is not found out.
 */
#ifndef KR_ATTEST_TPMSEAL_H
#define KR_ATTEST_TPMSEAL_H

#include "attest/tpm.h"
#include "base/cursor.h"

#define KR_TPMSEAL_KEY_BYTES	32u
#define KR_TPMSEAL_BLOB_MAX	512u	/* of a TPM2B_PUBLIC, a TPM2B_PRIVATE */
#define KR_TPMSEAL_BYTES_MAX	(7u + 2u * (2u + KR_TPMSEAL_BLOB_MAX))

struct kr_tpmseal {
	enum kr_bank bank;		/* what its policy looks at */
	uint32_t     mask;		/* of PCRs, not 0 */
	uint16_t     n_pub, n_priv;
	uint8_t	     pub[KR_TPMSEAL_BLOB_MAX];
	uint8_t	     priv[KR_TPMSEAL_BLOB_MAX];
};

/**
 * kr_tpmseal_make() - Seal @key to what the PCRs are now
 * @mask: not 0; each must be in the TPM's bank
 *
 * Return: 0; KR_E_TPM.
 */
int kr_tpmseal_make(struct kr_tpm *t, enum kr_bank bank, uint32_t mask,
		 const uint8_t key[KR_TPMSEAL_KEY_BYTES], struct kr_tpmseal *ret,
		 struct kr_err *e);

/**
 * kr_tpmseal_open() - Have the key back
 * @ret_key: KR_TPMSEAL_KEY_BYTES; wipe them. Untouched on failure.
 *
 * Return: 0; KR_E_TPMSEAL_STATE if the PCRs are others; KR_E_TPMSEAL_FOREIGN
 *         if it was not sealed by this TPM or was changed since; KR_E_TPM.
 */
int kr_tpmseal_open(struct kr_tpm *t, const struct kr_tpmseal *s,
		    uint8_t *ret_key, struct kr_err *e);

/** kr_tpmseal_put() - For a file or a message; at most KR_TPMSEAL_BYTES_MAX. */
void kr_tpmseal_put(struct kr_wr *w, const struct kr_tpmseal *s);

/** kr_tpmseal_get() - More may follow; @r is bad if it is malformed. */
void kr_tpmseal_get(struct kr_rd *r, struct kr_tpmseal *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctifd.h - the way to a TPM over a descriptor that somebody else opened: the
 * character device of a chip, or the socket of an emulated one. tpm2-tss has
 * ways that open things by name; who talks to the TPM may not. Internal to
 * attest/, for tpm.c.
 */
#ifndef KR_ATTEST_TCTIFD_H
#define KR_ATTEST_TCTIFD_H

#include <stdbool.h>
#include <tss2/tss2_tcti.h>

#define KR_TCTIFD_BYTES_MAX	4096u	/* of a command, of an answer */

struct kr_tctifd {
	TSS2_TCTI_CONTEXT_COMMON_V1 v1;	/* first: tpm2-tss sees no more */
	int			    fd;
	bool			    asked;
	size_t			    n;	/* of the answer, so far */
	uint8_t			    in[KR_TCTIFD_BYTES_MAX];
};

/**
 * kr_tctifd_init() - Make it ready
 * @t:  caller's storage, which stays where it is
 * @fd: the caller's, open for both directions, blocking
 */
void kr_tctifd_init(struct kr_tctifd *t, int fd);

#endif

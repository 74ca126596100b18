/* SPDX-License-Identifier: Apache-2.0 */
/*
 * akrow.h - peers' attestation keys, as they were enrolled: of each host one,
 * and a key is one host's.
 */
#ifndef KR_STORE_AKROW_H
#define KR_STORE_AKROW_H

#include <stddef.h>
#include <stdint.h>

#include "store/userrow.h"

#define KR_AKROW_PUB_MAX	1024u	/* bytes of a TPM2B_PUBLIC */
#define KR_AKROW_TEXT_BYTES	160u	/* of a name, with its NUL */

struct kr_akrow {
	char	 host[KR_STORE_NAME_BYTES];
	char	 name[KR_AKROW_TEXT_BYTES];	/* the key's, in hex */
	uint8_t	 pub[KR_AKROW_PUB_MAX];
	size_t	 n_pub;
	char	 ek_subject[KR_AKROW_TEXT_BYTES]; /* of its TPM's certificate */
	char	 ek_issuer[KR_AKROW_TEXT_BYTES];
	bool	 ek_vouched;		/* by who was trusted then */
	char	 enrolled_by[KR_USERROW_NAME_BYTES];
	uint64_t enrolled_ms;		/* wall clock */
};

/**
 * kr_akrow_put() - Insert, or replace by the same key
 *
 * Return: 0; KR_E_AK_OTHER if the host has another key, KR_E_AK_TAKEN if
 *         another host has this one.
 */
int kr_akrow_put(struct kr_store *s, const struct kr_akrow *r,
		 struct kr_err *e);

/** kr_akrow_get() - Return: 0; KR_E_NO_AK. */
int kr_akrow_get(struct kr_store *s, const char *host, struct kr_akrow *ret_r,
		 struct kr_err *e);

/** kr_akrow_del() - Return: 0, also if there is none. */
int kr_akrow_del(struct kr_store *s, const char *host, struct kr_err *e);

#endif
